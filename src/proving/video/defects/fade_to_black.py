"""A look-alike of black: the picture fades out and in again, as directors do."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import Survey, check_range
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound


@dataclass(frozen=True, kw_only=True)
class FadeToBlack:
    """A fade out, black, and a fade in.

    Attributes:
        fade_s: Shortest and longest fade.
        black_s: Shortest and longest black between the fades.
    """

    fade_s: tuple[float, float] = (0.4, 1.0)
    black_s: tuple[float, float] = (0.2, 1.0)

    def __post_init__(self) -> None:
        check_range("fade_s", self.fade_s)
        check_range("black_s", self.black_s)

    def plan(self, survey: Survey, generator: np.random.Generator) -> "FadeDamage":
        """Choose where; see `Defect`."""
        if not len(survey.pts_s):
            raise NoPlace("there is no picture to change")
        fade_s, black_s = float(generator.uniform(*self.fade_s)), float(generator.uniform(*self.black_s))
        room_s = survey.end_s - 2 * fade_s - black_s - 0.4
        if room_s <= 0:
            raise NoPlace(f"a fade of {2 * fade_s + black_s:.1f} s does not fit into {survey.end_s:.1f} s")
        return FadeDamage(0.2 + float(generator.uniform(0, room_s)), fade_s, black_s)


class FadeDamage:
    """Darkens pictures by a gain that goes to nothing and comes back."""

    def __init__(self, start_s: float, fade_s: float, black_s: float) -> None:
        self._start_s, self._fade_s, self._end_s = start_s, fade_s, start_s + 2 * fade_s + black_s

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the stretch; it is no defect."""
        return (Truth("fade_to_black", self._start_s, self._end_s, False, f"fades of {self._fade_s:.2f} s"),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return the picture, darkened inside the stretch."""
        inside_s = min(frame.pts_seconds - self._start_s, self._end_s - frame.pts_seconds)
        gain = float(np.clip(1 - inside_s / self._fade_s, 0, 1))
        picture = frame.picture
        if gain >= 1:
            return [(picture, frame.pts_seconds)]
        darker = Planes(
            _scaled(picture.luma, gain, 16), _scaled(picture.blue, gain, 128), _scaled(picture.red, gain, 128)
        )
        return [(darker, frame.pts_seconds)]

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the sound itself."""
        return sound.samples


def _scaled(plane: NDArray[np.uint8], gain: float, middle: int) -> NDArray[np.uint8]:
    table = np.clip(np.round((np.arange(256) - middle) * gain + middle), 0, 255).astype(np.uint8)
    return table[plane]
