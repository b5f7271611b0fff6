"""Find stretches of sound that are copies of what was heard just before: a packet played again and again.

For each hop of 5 ms the next 20 ms are compared with what came 19-65 ms earlier. Inside a repeat the sound is the same
as one packet earlier, up to coding noise, from one hard joint to another. A vowel or a tone resembles itself too, but
at every multiple of its period. So a run of likeness at one lag must last for two packets, begin and end at once, and
stand out from what all other lags reach meanwhile; the more so the nearer the lag is to a few periods of a voice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ANALYSIS_RATE = 16_000
HOP_S = 0.005
WINDOW_S = 0.02
SHORTEST_LAG_S, LONGEST_LAG_S = 0.0192, 0.065
BLOCK_S = 0.5
KEPT_HOPS = 320
BESIDE_HOPS = 8
AROUND_PEAK_S = 0.00125
MOST_CANDIDATES = 24
# The contrast that a run of this many hops must reach by itself; longer runs need less, shorter ones more.
USUAL_HOPS = 16


@dataclass(frozen=True, kw_only=True)
class RepeatSettings:
    """When a stretch is a repeat.

    Attributes:
        likeness: What each hop must reach: 1 is the same, 0 unrelated.
        beside: What the same lag must stay under just before and just after.
        contrast: How many times less alike the stretch must be at its neighbours and at all other lags; more for
            lags under `short_lag_s`, in proportion.
        short_lag_s: As said.
        packets: How many packets it must last.
        least_dbfs: How loud it must be.
    """

    likeness: float = 0.55
    beside: float = 0.6
    contrast: float = 2.5
    short_lag_s: float = 0.03
    packets: float = 1.9
    least_dbfs: float = -55.0

    def __post_init__(self) -> None:
        if not 0 < self.likeness < 1 or self.contrast <= 1:
            raise ValueError(f"likeness must be between 0 and 1 and contrast above 1, got {self}")


@dataclass(frozen=True)
class Repeat:
    """A repeated stretch: from when to when, how long the packet is, how alike, and by how much that stands out."""

    start_s: float
    end_s: float
    lag_s: float
    likeness: float
    contrast: float


@dataclass(frozen=True)
class _Run:
    """Hops [first, last) that are alike at one lag, and how alike its neighbours are at most."""

    first: int
    last: int
    column: int
    likeness: float
    beside: float

    def contrast(self, rival: float) -> float:
        unlike = 1 - max(self.beside, rival)
        return unlike / (1.02 - min(self.likeness, 0.995)) * ((self.last - self.first) / USUAL_HOPS) ** 0.25


class RepeatFinder:
    """Takes sound of one channel in blocks; keeps less than three seconds."""

    def __init__(self, sample_rate: int, start_s: float, settings: RepeatSettings | None = None) -> None:
        self._settings = settings or RepeatSettings()
        self._factor = max(1, sample_rate // ANALYSIS_RATE)
        self._rate = sample_rate / self._factor
        self._hop, self._window = round(HOP_S * self._rate), round(WINDOW_S * self._rate)
        self._longest, self._shortest = round(LONGEST_LAG_S * self._rate), round(SHORTEST_LAG_S * self._rate)
        self._raw = np.zeros(0, np.float32)
        self._known = np.zeros(0, np.float64)
        self._known_s = start_s
        self._last_sample = 0.0
        self._rows = np.zeros((0, self._longest - self._shortest + 1), np.float32)
        self._rows_end_s = start_s
        self._judged_s = start_s
        self._repeats: list[Repeat] = []

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
        starts = np.arange(self._longest, len(self._known) - self._window, self._hop)
        if not len(starts):
            return
        self._rows = np.concatenate([self._rows, self._compare(starts)])[-KEPT_HOPS:]
        self._rows_end_s = self._known_s + (int(starts[-1]) + self._hop) / self._rate
        used = int(starts[-1]) + self._hop - self._longest
        self._known = self._known[used:]
        self._known_s += used / self._rate
        self._search(len(self._rows) - BESIDE_HOPS)

    def finish(self) -> list[Repeat]:
        """Return what was found."""
        self._search(len(self._rows))
        return self._repeats

    def _compare(self, starts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how alike the sound at each hop is to what came earlier, [hop lag], the longest lag first.

        Unlike a correlation it falls where the two differ in loudness. Hops that are not loud enough are like nothing.
        """
        longest, window = self._longest, self._window
        pasts = self._known[starts[:, None] + np.arange(-longest, window - self._shortest)]
        nows = self._known[starts[:, None] + np.arange(window)]
        size = 1 << (pasts.shape[1] + window - 1).bit_length()
        product = np.fft.rfft(pasts, size) * np.conj(np.fft.rfft(nows, size))
        lag_count = longest - self._shortest + 1
        common = np.fft.irfft(product, size)[:, :lag_count]
        sums = np.concatenate([np.zeros((len(starts), 1)), np.cumsum(pasts**2, axis=1)], axis=1)
        past_energy = (sums[:, window:] - sums[:, :-window])[:, :lag_count]
        now_energy = (nows**2).sum(axis=1)
        likeness = 2 * common / np.maximum(past_energy + now_energy[:, None], 1e-12)
        # Pre-emphasis takes some 10 dB of usual sound.
        is_loud = now_energy / window > 10 ** (self._settings.least_dbfs / 10) * 0.1
        return np.where(is_loud[:, None], likeness, -1.0).astype(np.float32)

    def _search(self, last_hop: int) -> None:
        """Judge the runs that ended before a hop and were not judged yet."""
        begin_s = self._rows_end_s - len(self._rows) * HOP_S
        first_hop = round((self._judged_s - begin_s) / HOP_S)
        if last_hop <= max(first_hop, 0):
            return
        self._judged_s = begin_s + last_hop * HOP_S
        runs = [run for run in self._runs() if first_hop < run.last <= last_hop]
        runs = sorted(runs, key=lambda run: -run.contrast(0.0))[:MOST_CANDIDATES]
        if not runs:
            return
        sums = np.concatenate([np.zeros((1, self._rows.shape[1])), np.cumsum(self._rows, axis=0, dtype=np.float64)])
        judged = sorted(((run.contrast(self._rival(run, sums)), run) for run in runs), key=lambda pair: -pair[0])
        taken: list[Repeat] = []
        for contrast, run in judged:
            start_s = begin_s + run.first * HOP_S
            end_s = begin_s + (run.last - 1) * HOP_S + WINDOW_S
            is_apart = all(end_s <= one.start_s or start_s >= one.end_s for one in taken)
            lag_s = (self._longest - run.column) / self._rate
            if contrast * min(1.0, lag_s / self._settings.short_lag_s) >= self._settings.contrast and is_apart:
                taken.append(Repeat(start_s, end_s, lag_s, run.likeness, contrast))
        for repeat in sorted(taken, key=lambda one: one.start_s):
            self._append(repeat)

    def _runs(self) -> list[_Run]:
        """Return the runs of hops that are alike at one lag, last long enough, and begin and end at once."""
        settings, rows = self._settings, self._rows
        edges = np.diff(np.pad((rows >= settings.likeness).astype(np.int8), ((1, 1), (0, 0))), axis=0).T
        columns, firsts = np.nonzero(edges == 1)
        lasts = np.nonzero(edges == -1)[1]
        lasting_s = (lasts - firsts - 1) * HOP_S + WINDOW_S
        is_long = lasting_s >= settings.packets * (self._longest - columns) / self._rate
        found = []
        for first, last, column in zip(firsts[is_long], lasts[is_long], columns[is_long], strict=True):
            before = rows[max(0, first - BESIDE_HOPS) : max(0, first - 3), column]
            after = rows[last + 3 : last + BESIDE_HOPS, column]
            beside = max(float(before.mean()) if len(before) else 0.0, float(after.mean()) if len(after) else 0.0)
            if beside < settings.beside:
                likeness = float(rows[first:last, column].mean())
                found.append(_Run(int(first), int(last), int(column), likeness, beside))
        return found

    def _rival(self, run: _Run, sums: NDArray[np.float64]) -> float:
        """Return how alike the run is at the best lag that has nothing to do with its own.

        Twice or half the lag, and such, are the same packet again.
        """
        mean = (sums[run.last] - sums[run.first]) / (run.last - run.first)
        lags, own = self._longest - np.arange(len(mean)), self._longest - run.column
        around = round(AROUND_PEAK_S * self._rate)
        is_related = np.abs(lags - own) <= around
        for times in (2, 3):
            is_related |= (np.abs(lags - times * own) <= around) | (np.abs(times * lags - own) <= times * around)
        is_related |= np.abs(2 * lags - 3 * own) <= 2 * around
        return float(np.where(is_related, -1.0, mean).max())

    def _append(self, found: Repeat) -> None:
        """Add a repeat; one hop that was less alike does not make two of one."""
        last = self._repeats[-1] if self._repeats else None
        if last is not None and found.start_s - last.end_s < 2 * WINDOW_S:
            better = max((last, found), key=lambda one: one.contrast)
            found = Repeat(
                min(last.start_s, found.start_s), max(last.end_s, found.end_s), better.lag_s, better.likeness,
                better.contrast,
            )  # fmt: skip
            self._repeats.pop()
        self._repeats.append(found)
