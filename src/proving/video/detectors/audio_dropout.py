"""Sound that is gone for a moment.

The level of each channel is followed in steps of 5 ms. Natural sound dies away over tenths of a second and stops at the
room's own noise; a dropout falls off a cliff into silence and comes back over another. A packet that is played again
is found by `proving.video.repeats`.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from proving.video.detecting import Detector, DetectorKind
from proving.video.findings import Finding
from proving.video.frames import Frame, Sound
from proving.video.repeats import RepeatFinder, RepeatSettings

TERM = "drop-out"
STEP_S = 0.005
FLOOR_DBFS = -120.0
BESIDE_STEPS = 24
MOST_SHIFT_S = 0.05


@dataclass(frozen=True, kw_only=True)
class DropoutSettings:
    """When a gap is a dropout.

    Attributes:
        least_s: Shortest gap.
        loud_dbfs: How loud it must be within `edge_s` before and after.
        steady_dbfs: What the level of the `BESIDE_STEPS` before must mostly be above: a beep is no programme.
        fall_db: How far the level falls and rises again.
        dead_dbfs: What the level in the gap stays under.
        edge_s: How long falling and rising may take.
    """

    least_s: float = 0.025
    loud_dbfs: float = -45.0
    steady_dbfs: float = -50.0
    fall_db: float = 26.0
    dead_dbfs: float = -62.0
    edge_s: float = 0.02

    def __post_init__(self) -> None:
        if min(self.least_s, self.fall_db, self.edge_s) <= 0:
            raise ValueError(f"least_s, fall_db and edge_s must be positive, got {self}")


@dataclass
class _Gap:
    """A silent stretch of one channel, open or waiting for the sound that follows."""

    start_s: float
    before_dbfs: float
    is_cliff: bool
    end_s: float = 0.0
    step_count: int = 0
    level_sum: float = 0.0
    after: list[float] = field(default_factory=list)

    @property
    def inside_dbfs(self) -> float:
        return self.level_sum / max(self.step_count, 1)


class _Channel:
    """Follows the level of one channel."""

    def __init__(self, settings: DropoutSettings) -> None:
        self._settings = settings
        self._edge_steps = round(settings.edge_s / STEP_S)
        self._recent: deque[float] = deque(maxlen=BESIDE_STEPS)
        self._open: _Gap | None = None
        self._waiting: _Gap | None = None
        self.gaps: list[_Gap] = []

    def take(self, time_s: float, level: float) -> None:
        """Take the level of the step that begins at `time_s`."""
        if self._waiting is not None:
            self._waiting.after.append(level)
            if len(self._waiting.after) > self._edge_steps:
                self._judge(self._waiting)
                self._waiting = None
        if level <= self._settings.dead_dbfs:
            if self._open is None:
                self._open = self._begin(time_s, level)
            self._open.step_count += 1
            self._open.level_sum += level
        elif self._open is not None:
            self._open.end_s = time_s
            self._open.after.append(level)
            self._waiting, self._open = self._open, None
        self._recent.append(level)

    def _begin(self, time_s: float, level: float) -> _Gap:
        settings, recent = self._settings, list(self._recent)
        if len(recent) < BESIDE_STEPS:
            return _Gap(time_s, FLOOR_DBFS, False)
        before = max(recent[-self._edge_steps - 1 :])
        is_steady = float(np.median(recent)) >= settings.steady_dbfs
        return _Gap(time_s, before, is_steady and before >= max(settings.loud_dbfs, level + settings.fall_db))

    def _judge(self, gap: _Gap) -> None:
        settings = self._settings
        is_back = max(gap.after) >= max(settings.loud_dbfs, gap.inside_dbfs + settings.fall_db)
        if gap.is_cliff and is_back and gap.end_s - gap.start_s >= settings.least_s:
            self.gaps.append(gap)


class AudioDropout:
    """The detector; see the top of this file."""

    def __init__(self, settings: DropoutSettings | None = None) -> None:
        self._settings = settings or DropoutSettings()
        self._channels: list[_Channel] = []
        self._repeats: RepeatFinder | None = None
        self._left = np.zeros((0, 0), np.float32)
        self._left_s = 0.0
        self._rate = 0
        self._findings: list[Finding] = []

    def see(self, frame: Frame) -> None:
        """Ignore the picture."""

    def hear(self, sound: Sound) -> None:
        """Take the next block of sound."""
        is_same = (len(self._channels), self._rate) == (sound.samples.shape[1], sound.sample_rate)
        expected_s = self._left_s + len(self._left) / max(self._rate, 1)
        if not is_same or abs(sound.pts_seconds - expected_s) > MOST_SHIFT_S:
            self._restart(sound)
        self._left = np.concatenate([self._left, sound.samples])
        if self._repeats is not None:
            self._repeats.take(sound.samples.mean(axis=1, dtype=np.float32))
        size = max(1, round(STEP_S * sound.sample_rate))
        count = len(self._left) // size
        if not count:
            return
        steps = self._left[: count * size].reshape(count, size, -1)
        energy = np.square(steps, dtype=np.float64).mean(axis=1)
        levels = np.maximum(10 * np.log10(np.maximum(energy, 1e-12)), FLOOR_DBFS)
        for index in range(count):
            for channel, level in zip(self._channels, levels[index], strict=True):
                channel.take(self._left_s + index * size / sound.sample_rate, float(level))
        self._left = self._left[count * size :]
        self._left_s += count * size / sound.sample_rate

    def finish(self) -> list[Finding]:
        """Return what was found."""
        self._collect()
        return sorted(self._findings, key=lambda finding: finding.start_s)

    def _restart(self, sound: Sound) -> None:
        """Begin anew where the sound's form changes or its time stamps jump."""
        self._collect()
        self._rate = sound.sample_rate
        self._channels = [_Channel(self._settings) for _ in range(sound.samples.shape[1])]
        self._repeats = RepeatFinder(sound.sample_rate, sound.pts_seconds)
        self._left, self._left_s = sound.samples[:0], sound.pts_seconds

    def _collect(self) -> None:
        gaps = [(gap, number) for number, channel in enumerate(self._channels) for gap in channel.gaps]
        for together in _overlapping(gaps):
            inside = float(np.mean([gap.inside_dbfs for gap, _ in together]))
            before = max(gap.before_dbfs for gap, _ in together)
            evidence = {
                "level_before_dbfs": before,
                "level_inside_dbfs": inside,
                "channels_lost": float(len({number for _, number in together})),
                "first_channel": float(together[0][1]),
            }
            start_s, end_s = min(gap.start_s for gap, _ in together), max(gap.end_s for gap, _ in together)
            score = 1 - 0.5 * self._settings.fall_db / max(before - inside, self._settings.fall_db)
            self._findings.append(Finding("audio_dropout", start_s, end_s, score, TERM, evidence))
        for repeat in self._repeats.finish() if self._repeats is not None else []:
            evidence = {"packet_s": repeat.lag_s, "likeness": repeat.likeness, "contrast": repeat.contrast}
            score = 1 - 0.5 * RepeatSettings().contrast / repeat.contrast
            self._findings.append(Finding("audio_dropout", repeat.start_s, repeat.end_s, score, TERM, evidence))


def _overlapping(gaps: list[tuple[_Gap, int]]) -> list[list[tuple[_Gap, int]]]:
    """Return gaps of several channels grouped into those that overlap in time."""
    groups: list[list[tuple[_Gap, int]]] = []
    for gap, number in sorted(gaps, key=lambda one: one[0].start_s):
        if groups and gap.start_s <= max(old.end_s for old, _ in groups[-1]):
            groups[-1].append((gap, number))
        else:
            groups.append([(gap, number)])
    return groups


def _start() -> Detector:
    return AudioDropout()


AUDIO_DROPOUT = DetectorKind(
    start=_start,
    needs="sound",
    term=TERM,
    about="a gap with hard edges in one or all channels, or a packet that is repeated",
)
