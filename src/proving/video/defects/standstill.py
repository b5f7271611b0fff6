"""A look-alike of a freeze: what moves comes to rest softly, and the camera's noise goes on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import Survey, check_range
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """Time slows down to nothing, waits, and speeds up again; the clip's end is lost.

    Attributes:
        ease_s: How long slowing down takes, and speeding up, shortest and longest.
        rest_s: How long all stands still.
        noise: Standard deviation of the noise that goes on.
    """

    ease_s: tuple[float, float] = (0.6, 1.2)
    rest_s: tuple[float, float] = (0.7, 2.0)
    noise: float = 1.5

    def __post_init__(self) -> None:
        check_range("ease_s", self.ease_s)
        check_range("rest_s", self.rest_s)

    def plan(self, survey: Survey, generator: np.random.Generator) -> "StandstillDamage":
        """Choose where; see `Defect`."""
        if not len(survey.pts_s):
            raise NoPlace("there is no picture to change")
        ease_s, rest_s = float(generator.uniform(*self.ease_s)), float(generator.uniform(*self.rest_s))
        room_s = survey.end_s - 2 * ease_s - rest_s - 0.4
        if room_s <= 0:
            raise NoPlace(f"a standstill of {2 * ease_s + rest_s:.1f} s does not fit into {survey.end_s:.1f} s")
        start_s = 0.2 + float(generator.uniform(0, room_s))
        times_s = np.arange(0, survey.end_s, 1 / survey.frame_rate)
        return StandstillDamage(times_s, (start_s, ease_s, rest_s), self.noise, int(generator.integers(2**32)))


class StandstillDamage:
    """Shows at each time a mix of the two source pictures around the slowed time."""

    def __init__(self, times_s: NDArray[np.float64], slow: tuple[float, float, float], noise: float, seed: int) -> None:
        start_s, ease_s, rest_s = slow
        self._start_s, self._end_s = start_s, start_s + 2 * ease_s + rest_s
        corners_s = np.array([0, start_s, start_s + ease_s, start_s + ease_s + rest_s, self._end_s, times_s[-1] + 1])
        speed = np.interp(times_s, corners_s, [1, 1, 0, 0, 1, 1])
        step_s = times_s[1] - times_s[0]
        self._times_s, self._source_s = times_s, np.concatenate([[0.0], np.cumsum(speed[1:]) * step_s])
        self._noise, self._generator = noise, np.random.default_rng(seed)
        self._next = 0
        self._last: Frame | None = None

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the stretch; it is no defect."""
        return (Truth("standstill", self._start_s, self._end_s, False, "comes to rest softly"),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return all pictures whose slowed time lies between the last source picture and this one."""
        shown = []
        last = self._last or frame
        while self._next < len(self._times_s) and self._source_s[self._next] <= frame.pts_seconds + 1e-9:
            between_s = max(frame.pts_seconds - last.pts_seconds, 1e-9)
            share = float(np.clip((self._source_s[self._next] - last.pts_seconds) / between_s, 0, 1))
            shown.append((self._mixed(last.picture, frame.picture, share), float(self._times_s[self._next])))
            self._next += 1
        self._last = frame
        return shown

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the sound itself."""
        return sound.samples

    def _mixed(self, first: Planes, second: Planes, share: float) -> Planes:
        luma = first.luma * np.float32(1 - share) + second.luma * np.float32(share)
        luma += self._generator.standard_normal(luma.shape, dtype=np.float32) * np.float32(self._noise)
        blue = first.blue * np.float32(1 - share) + second.blue * np.float32(share)
        red = first.red * np.float32(1 - share) + second.red * np.float32(share)
        return Planes(_bytes(luma), _bytes(blue), _bytes(red))


def _bytes(plane: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.round(plane), 0, 255).astype(np.uint8)
