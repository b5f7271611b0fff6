"""A picture that is held while the content should move; the sound runs on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import TRIES, Survey, check_range, draw_duration_s
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """A held picture.

    Attributes:
        duration_s: Shortest and longest.
        jump_share: How often the clip goes on where it would be by then; else it goes on from the held picture
            and its end is lost.
        until_end: The picture is held until the clip ends, for a second at least.
        margin_s: How much of the clip's ends stays as it is.
        least_motion: What `Survey.motion` must be around the onset and over most of the stretch: where nothing
            moves, holding a picture is no defect.
    """

    duration_s: tuple[float, float] = (0.5, 10.0)
    jump_share: float = 0.7
    until_end: bool = False
    margin_s: float = 0.5
    least_motion: float = 4.0

    def __post_init__(self) -> None:
        check_range("duration_s", self.duration_s)
        if not 0 <= self.jump_share <= 1:
            raise ValueError(f"jump_share must be 0-1, got {self.jump_share}")

    def plan(self, survey: Survey, generator: np.random.Generator) -> "FreezeDamage":
        """Choose where; see `Defect`."""
        if not len(survey.pts_s):
            raise NoPlace("there is no picture to change")
        room_s = survey.end_s - 2 * self.margin_s
        if self.until_end:
            return self._plan_end(survey, generator, room_s)
        duration_s = draw_duration_s(generator, self.duration_s, room_s, "a freeze")
        has_jump = bool(generator.uniform() < self.jump_share)
        for _ in range(TRIES):
            wanted_s = generator.uniform(self.margin_s, survey.end_s - self.margin_s - duration_s)
            first = int(np.searchsorted(survey.pts_s, wanted_s))
            last = int(np.searchsorted(survey.pts_s, wanted_s + duration_s))
            if first < 1 or last >= len(survey.pts_s) or last - first < 3:
                continue
            start_s, end_s = float(survey.pts_s[first]), float(survey.pts_s[last])
            if end_s - start_s < self.duration_s[0]:
                continue
            onset = survey.motion[survey.frames_between(start_s - 0.3, start_s)]
            held = survey.motion[first:last]
            after = survey.motion[survey.frames_between(end_s, end_s + 0.3)]
            if min(_usual(onset), _usual(held), _usual(after)) >= self.least_motion:
                return FreezeDamage(survey.pts_s[first - 1 : last + 1], has_jump, survey.end_s)
        raise NoPlace("there is no stretch that moves enough for a held picture to be a defect")

    def _plan_end(self, survey: Survey, generator: np.random.Generator, room_s: float) -> "FreezeDamage":
        bounds_s = (max(self.duration_s[0], 1.0), max(self.duration_s[1], 1.0))
        for _ in range(TRIES):
            duration_s = draw_duration_s(generator, bounds_s, room_s, "a freeze until the end")
            first = int(np.searchsorted(survey.pts_s, survey.end_s - duration_s))
            start_s = float(survey.pts_s[min(first, len(survey.pts_s) - 1)])
            if first < 1 or survey.end_s - start_s < bounds_s[0]:
                continue
            onset = survey.motion[survey.frames_between(start_s - 0.3, start_s)]
            if min(_usual(onset), _usual(survey.motion[first:])) >= self.least_motion:
                return FreezeDamage(np.append(survey.pts_s[first - 1 :], survey.end_s), True, survey.end_s)
        raise NoPlace("the clip does not move enough before its end for a held picture to be a defect")


def _usual(motion: NDArray[np.float64]) -> float:
    """Return the median; a stretch without a picture, as where time stamps jump, does not move."""
    return float(np.median(motion)) if len(motion) else 0.0


class FreezeDamage:
    """Holds the picture that is shown just before the stretch begins."""

    def __init__(self, shown_s: np.ndarray, has_jump: bool, clip_end_s: float) -> None:
        self._held_from_s, self._start_s, self._end_s = float(shown_s[0]), float(shown_s[1]), float(shown_s[-1])
        self._repeats_s = [float(time_s) for time_s in shown_s[1:-1]]
        self._has_jump, self._clip_end_s = has_jump, clip_end_s
        self._held: Planes | None = None

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the stretch in which a picture is shown that should have been replaced."""
        how = "jumps on" if self._has_jump else "goes on late"
        is_until_end = self._end_s >= self._clip_end_s - 1e-6
        return (Truth("freeze", self._start_s, self._end_s, detail="until the end" if is_until_end else how),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return the held picture inside the stretch; afterwards the picture itself, late if there is no jump."""
        if frame.pts_seconds < self._start_s - 1e-6:
            if abs(frame.pts_seconds - self._held_from_s) < 1e-6:
                self._held = frame.picture
            return [(frame.picture, frame.pts_seconds)]
        assert self._held is not None, "the picture before the stretch has passed"
        if self._has_jump:
            is_inside = frame.pts_seconds < self._end_s - 1e-6
            return [(self._held if is_inside else frame.picture, frame.pts_seconds)]
        shown = [(self._held, time_s) for time_s in self._repeats_s]
        self._repeats_s = []
        late_s = frame.pts_seconds + self._end_s - self._start_s
        if late_s < self._clip_end_s - 1e-6:
            shown.append((frame.picture, late_s))
        return shown

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the sound itself."""
        return sound.samples
