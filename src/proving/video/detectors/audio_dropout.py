"""Sound that is gone for a moment.

The level of each channel is followed in steps of 5 ms. Natural sound dies away over tenths of a second and stops at the
room's own noise; a dropout falls off a cliff into silence and comes back over another.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.detecting import Detector, DetectorKind
from proving.video.findings import Finding
from proving.video.frames import Frame, Sound

TERM = "drop-out"
STEP_S = 0.005
FLOOR_DBFS = -120.0


@dataclass(frozen=True, kw_only=True)
class DropoutSettings:
    """When a gap is a dropout.

    Attributes:
        least_s: Shortest gap.
        loud_dbfs: How loud it must be just before and just after.
        fall_db: How far the level falls and rises again.
        dead_dbfs: What the level in the gap stays under.
        edge_s: How long falling and rising may take.
    """

    least_s: float = 0.025
    loud_dbfs: float = -50.0
    fall_db: float = 26.0
    dead_dbfs: float = -62.0
    edge_s: float = 0.02

    def __post_init__(self) -> None:
        if min(self.least_s, self.fall_db, self.edge_s) <= 0:
            raise ValueError(f"least_s, fall_db and edge_s must be positive, got {self}")


class _Channel:
    """Follows the level of one channel."""

    def __init__(self, settings: DropoutSettings) -> None:
        self._settings = settings
        self._recent: deque[float] = deque([FLOOR_DBFS] * 16, maxlen=16)
        self._gap_start_s: float | None = None
        self._gap_before = self._gap_level_sum = 0.0
        self._gap_steps = 0
        self._is_cliff = False
        self.gaps: list[tuple[float, float, float, float]] = []

    def take(self, time_s: float, level: float) -> None:
        """Take the level of the step that begins at `time_s`."""
        settings = self._settings
        is_dead = level <= settings.dead_dbfs
        if is_dead and self._gap_start_s is None:
            back = round(settings.edge_s / STEP_S)
            recent = list(self._recent)
            before = max(recent[-back - 1 :])
            self._gap_start_s, self._gap_before = time_s, before
            self._is_cliff = before >= max(settings.loud_dbfs, level + settings.fall_db)
            self._gap_steps, self._gap_level_sum = 0, 0.0
        if is_dead:
            self._gap_steps += 1
            self._gap_level_sum += level
        elif self._gap_start_s is not None:
            duration_s = time_s - self._gap_start_s
            inside = self._gap_level_sum / max(self._gap_steps, 1)
            if self._is_cliff and duration_s >= settings.least_s and level >= inside + settings.fall_db:
                self.gaps.append((self._gap_start_s, time_s, self._gap_before, inside))
            self._gap_start_s = None
        self._recent.append(level)


class AudioDropout:
    """The detector; see the top of this file."""

    def __init__(self, settings: DropoutSettings | None = None) -> None:
        self._settings = settings or DropoutSettings()
        self._channels: list[_Channel] = []
        self._left: NDArray[np.float32] | None = None
        self._left_s = 0.0
        self._findings: list[Finding] = []

    def see(self, frame: Frame) -> None:
        """Ignore the picture."""

    def hear(self, sound: Sound) -> None:
        """Take the next block of sound."""
        channel_count = sound.samples.shape[1]
        if len(self._channels) != channel_count:
            self._channels = [_Channel(self._settings) for _ in range(channel_count)]
            self._left = None
        if self._left is None:
            self._left, self._left_s = sound.samples, sound.pts_seconds
        else:
            self._left = np.concatenate([self._left, sound.samples])
        size = max(1, round(STEP_S * sound.sample_rate))
        count = len(self._left) // size
        if not count:
            return
        energy = (
            np.square(self._left[: count * size], dtype=np.float64).reshape(count, size, channel_count).mean(axis=1)
        )
        levels = np.maximum(10 * np.log10(np.maximum(energy, 1e-12)), FLOOR_DBFS)
        for index in range(count):
            for channel, level in zip(self._channels, levels[index], strict=True):
                channel.take(self._left_s + index * size / sound.sample_rate, float(level))
        self._left = self._left[count * size :]
        self._left_s += count * size / sound.sample_rate

    def finish(self) -> list[Finding]:
        """Return what was found."""
        findings: list[Finding] = []
        for number, channel in enumerate(self._channels):
            for start_s, end_s, before, inside in channel.gaps:
                evidence = {"channel": float(number), "level_before_dbfs": before, "level_inside_dbfs": inside}
                findings.append(Finding("audio_dropout", start_s, end_s, 0.9, TERM, evidence))
        return sorted(findings, key=lambda finding: finding.start_s)


def _start() -> Detector:
    return AudioDropout()


AUDIO_DROPOUT = DetectorKind(
    start=_start,
    needs="sound",
    term=TERM,
    about="a gap with hard edges in one or all channels, or a packet that is repeated",
)
