"""Black pictures with hard edges in the middle of a clip, while the sound goes on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import TRIES, Survey, check_range, draw_duration_s
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound


@dataclass(frozen=True, kw_only=True)
class Black:
    """A stretch of black.

    Attributes:
        duration_s: Shortest and longest; never under two pictures.
        luma: Darkest and brightest level of the black; 16 is black in limited range.
        noise: Standard deviation of the black's noise, at most.
        margin_s: How much of the clip's ends stays as it is.
        darkest_around: Mean luma that the pictures around must have: black beside black is no defect.
    """

    duration_s: tuple[float, float] = (0.08, 5.0)
    luma: tuple[float, float] = (16.0, 24.0)
    noise: float = 2.0
    margin_s: float = 0.4
    darkest_around: float = 36.0

    def __post_init__(self) -> None:
        check_range("duration_s", self.duration_s)
        check_range("luma", self.luma)

    def plan(self, survey: Survey, generator: np.random.Generator) -> "BlackDamage":
        """Choose where; see `Defect`."""
        if not len(survey.pts_s):
            raise NoPlace("there is no picture to change")
        shortest_s = max(self.duration_s[0], 2.0 / survey.frame_rate)
        longest_s = max(self.duration_s[1], shortest_s)
        room_s = survey.end_s - 2 * self.margin_s
        duration_s = draw_duration_s(generator, (shortest_s, longest_s), room_s, "black")
        level = float(generator.uniform(*self.luma))
        noise = float(generator.uniform(0, self.noise))
        for _ in range(TRIES):
            wanted_s = generator.uniform(self.margin_s, survey.end_s - self.margin_s - duration_s)
            first = int(np.searchsorted(survey.pts_s, wanted_s))
            last = max(first + 2, int(np.searchsorted(survey.pts_s, wanted_s + duration_s)))
            if first < 1 or last >= len(survey.pts_s):
                continue
            beside = survey.frame_rate * 0.3
            before = survey.brightness[max(0, int(first - beside)) : first]
            after = survey.brightness[last : int(last + beside) + 1]
            if min(before.min(), after.min()) >= self.darkest_around:
                start_s, end_s = float(survey.pts_s[first]), float(survey.pts_s[last])
                return BlackDamage(start_s, end_s, level, noise, int(generator.integers(2**32)))
        raise NoPlace("there is no place that is bright enough for black to be a defect")


class BlackDamage:
    """Replaces every picture of a stretch."""

    def __init__(self, start_s: float, end_s: float, level: float, noise: float, seed: int) -> None:
        self._start_s, self._end_s, self._level, self._noise = start_s, end_s, level, noise
        self._generator = np.random.default_rng(seed)

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the stretch."""
        detail = f"luma {self._level:.1f}, noise {self._noise:.2f}"
        return (Truth("black", self._start_s, self._end_s, detail=detail),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return black inside the stretch, the picture itself outside."""
        if not self._start_s - 1e-6 <= frame.pts_seconds < self._end_s - 1e-6:
            return [(frame.picture, frame.pts_seconds)]
        noise = self._generator.standard_normal(frame.picture.luma.shape, dtype=np.float32) * self._noise
        luma = np.clip(self._level + noise, 1, 254).astype(np.uint8)
        grey = np.full_like(frame.picture.blue, 128)
        return [(Planes(luma, grey, grey), frame.pts_seconds)]

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the sound itself."""
        return sound.samples
