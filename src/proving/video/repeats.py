"""Find stretches of sound that are an exact copy of what was heard just before: a packet played again.

For each hop of 10 ms the last 20 ms are compared with what came 15-70 ms earlier, by normalised correlation of the
pre-emphasised signal. A vowel or a tone resembles itself at every multiple of its period, a repeated packet at one lag
only: so the best lag must be nearly perfect, stay the same over several hops, and stand out from all other lags.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ANALYSIS_RATE = 16_000
HOP_S = 0.01
WINDOW_S = 0.02
SHORTEST_LAG_S, LONGEST_LAG_S = 0.015, 0.07
BLOCK_S = 0.5
AROUND_PEAK_S = 0.0012


@dataclass(frozen=True, kw_only=True)
class RepeatSettings:
    """When a stretch is a repeat.

    Attributes:
        likeness: Smallest correlation with the earlier sound, where it stands out by `margin` from all other lags.
        margin: As said.
        coded_likeness: Smallest correlation where it stands out by `coded_margin`: noise that was coded anew, with
            loss, is less alike, but noise resembles itself nowhere else.
        coded_margin: As said.
        least_hops: How many hops in a row must agree on the lag.
        least_dbfs: How loud the stretch must be.
    """

    likeness: float = 0.94
    margin: float = 0.06
    coded_likeness: float = 0.65
    coded_margin: float = 0.35
    least_hops: int = 3
    least_dbfs: float = -55.0

    def __post_init__(self) -> None:
        if not 0 < self.likeness < 1 or self.least_hops < 1:
            raise ValueError(f"likeness must be between 0 and 1 and least_hops 1 or more, got {self}")


@dataclass(frozen=True)
class Repeat:
    """A repeated stretch: from when to when, of what length the packet was, and how alike."""

    start_s: float
    end_s: float
    lag_s: float
    likeness: float


class RepeatFinder:
    """Takes sound of one channel in blocks; keeps a fraction of a second."""

    def __init__(self, sample_rate: int, start_s: float, settings: RepeatSettings | None = None) -> None:
        self._settings = settings or RepeatSettings()
        self._factor = max(1, sample_rate // ANALYSIS_RATE)
        self._rate = sample_rate / self._factor
        self._raw = np.zeros(0, np.float32)
        self._known = np.zeros(0, np.float64)
        self._known_s = start_s
        self._last_sample = 0.0
        self._run: list[tuple[float, int, float]] = []
        self.repeats: list[Repeat] = []

    def take(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, [sample]."""
        self._raw = np.concatenate([self._raw, samples])
        count = len(self._raw) // self._factor
        if count < BLOCK_S * self._rate:
            return
        fresh = self._raw[: count * self._factor].reshape(count, self._factor).mean(axis=1, dtype=np.float64)
        self._raw = self._raw[count * self._factor :]
        emphasised = fresh - 0.9 * np.concatenate([[self._last_sample], fresh[:-1]])
        self._last_sample = float(fresh[-1])
        self._known = np.concatenate([self._known, emphasised])
        self._look()

    def finish(self) -> list[Repeat]:
        """Return what was found."""
        self._close()
        return self.repeats

    def _look(self) -> None:
        hop, window = round(HOP_S * self._rate), round(WINDOW_S * self._rate)
        longest = round(LONGEST_LAG_S * self._rate)
        starts = np.arange(longest, len(self._known) - window, hop)
        if not len(starts):
            return
        lags, best, second, is_loud = self._compare(starts, window, longest)
        for start, lag, peak, other, loud in zip(starts, lags, best, second, is_loud, strict=True):
            time_s = self._known_s + start / self._rate
            if loud and self._is_copy(float(peak), float(other)):
                if self._run and abs(self._run[-1][1] - lag) > 1:
                    self._close()
                self._run.append((time_s, int(lag), float(peak)))
            else:
                self._close()
        used = int(starts[-1]) + hop - longest
        self._known = self._known[used:]
        self._known_s += used / self._rate

    def _is_copy(self, peak: float, other: float) -> bool:
        settings = self._settings
        is_exact = peak >= settings.likeness and peak - other >= settings.margin
        return is_exact or (peak >= settings.coded_likeness and peak - other >= settings.coded_margin)

    def _compare(
        self, starts: NDArray[np.int64], window: int, longest: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return for each hop the best lag, its correlation, the best correlation elsewhere, and whether it is loud."""
        shortest = round(SHORTEST_LAG_S * self._rate)
        pasts = self._known[starts[:, None] + np.arange(-longest, window - shortest)]
        nows = self._known[starts[:, None] + np.arange(window)]
        size = 1 << (pasts.shape[1] + window - 1).bit_length()
        product = np.fft.rfft(pasts, size) * np.conj(np.fft.rfft(nows, size))
        lag_count = longest - shortest + 1
        raw = np.fft.irfft(product, size)[:, :lag_count]
        sums = np.concatenate([np.zeros((len(starts), 1)), np.cumsum(pasts**2, axis=1)], axis=1)
        past_energy = (sums[:, window:] - sums[:, :-window])[:, :lag_count]
        now_energy = (nows**2).sum(axis=1)
        likeness = raw / np.sqrt(np.maximum(past_energy * now_energy[:, None], 1e-18))
        peak_at = likeness.argmax(axis=1)
        best = likeness[np.arange(len(starts)), peak_at]
        around = round(AROUND_PEAK_S * self._rate)
        is_near = np.abs(np.arange(lag_count) - peak_at[:, None]) <= around
        # Twice a short lag is the same packet once more, so it is no rival.
        lags = longest - peak_at
        is_multiple = np.abs(longest - np.arange(lag_count) - 2 * lags[:, None]) <= around
        is_half = np.abs(2 * (longest - np.arange(lag_count)) - lags[:, None]) <= 2 * around
        second = np.where(is_near | is_multiple | is_half, -1.0, likeness).max(axis=1)
        is_loud = now_energy / window > 10 ** (self._settings.least_dbfs / 10) * 0.1
        return lags, best, second, is_loud

    def _close(self) -> None:
        if len(self._run) >= self._settings.least_hops:
            start_s, lag, _ = self._run[0]
            likeness = float(np.mean([peak for _, _, peak in self._run]))
            self._append(Repeat(float(start_s), float(self._run[-1][0]) + WINDOW_S, lag / self._rate, likeness))
        self._run = []

    def _append(self, found: Repeat) -> None:
        """Add a repeat; one hop that was less alike does not make two of one."""
        last = self.repeats[-1] if self.repeats else None
        if last is not None and found.start_s - last.end_s < 2 * WINDOW_S and abs(found.lag_s - last.lag_s) < 0.001:
            found = Repeat(last.start_s, found.end_s, last.lag_s, max(last.likeness, found.likeness))
            self.repeats.pop()
        self.repeats.append(found)
