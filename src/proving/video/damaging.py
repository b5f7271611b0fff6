"""The contract of a defect: look at a survey of the clip, choose a place, then change what passes by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound

SOUND_STEP_S = 0.01
SILENT_DBFS = -120.0
TRIES = 400


@dataclass(frozen=True, eq=False)
class Survey:
    """What a first pass over the source learned, so that damage is put where it can be seen or heard.

    Attributes:
        pts_s: When each picture is shown, float64 [frame].
        end_s: When the last picture goes.
        motion: Mean of the 2 % largest differences of luma to the picture before, on a coarse grid, [frame].
        brightness: Mean luma, [frame].
        level_dbfs: Level of the sound by steps of `SOUND_STEP_S` from the start of the clip, [step channel].
    """

    pts_s: NDArray[np.float64]
    end_s: float
    motion: NDArray[np.float64]
    brightness: NDArray[np.float64]
    level_dbfs: NDArray[np.float64]

    @property
    def frame_rate(self) -> float:
        """Return pictures per second, from the median step."""
        return 1.0 / float(np.median(np.diff(self.pts_s))) if len(self.pts_s) > 1 else 25.0

    @property
    def channel_count(self) -> int:
        """Return the number of sound channels, 0 without sound."""
        return self.level_dbfs.shape[1]

    @property
    def sound_end_s(self) -> float:
        """Return when the sound ends."""
        return len(self.level_dbfs) * SOUND_STEP_S

    def frames_between(self, start_s: float, end_s: float) -> slice:
        """Return the pictures that are shown from one time until before another."""
        first, last = np.searchsorted(self.pts_s, [start_s - 1e-6, end_s - 1e-6])
        return slice(int(first), int(last))

    def levels_between(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """Return the levels from one time to another, [step channel]."""
        return self.level_dbfs[max(0, int(start_s / SOUND_STEP_S)) : max(0, int(np.ceil(end_s / SOUND_STEP_S)))]


class Damage(Protocol):
    """One planned change of one clip: pictures and sound pass through it once, in order."""

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return what is changed, and where."""

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return what is shown instead of a picture, and when: usually one, at the same time."""

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return what is heard instead of a block, float32 [sample channel], of the same shape."""


class Defect(Protocol):
    """The settings of a defect; what is None or a range is drawn."""

    def plan(self, survey: Survey, generator: np.random.Generator) -> Damage:
        """Choose a place and all parameters.

        Raises:
            NoPlace: the clip has no place for it.
        """


def log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform between two bounds."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def check_range(name: str, bounds: tuple[float, float]) -> None:
    """Raise ValueError unless the bounds are positive and in order."""
    if not 0 < bounds[0] <= bounds[1]:
        raise ValueError(f"{name} must be two positive numbers in order, got {bounds}")


def draw_duration_s(generator: np.random.Generator, bounds_s: tuple[float, float], room_s: float, what: str) -> float:
    """Return a duration, log-uniform, that leaves at least 60 % of the room untouched.

    Raises:
        NoPlace: not even the shortest fits.
    """
    longest_s = min(bounds_s[1], 0.4 * room_s)
    if longest_s < bounds_s[0]:
        raise NoPlace(f"{what} of {bounds_s[0]:g} s and more does not fit: only {room_s:.1f} s are there")
    return log_uniform(generator, bounds_s[0], longest_s)
