"""Unexpected black: two pictures or more, with hard edges on both sides.

A picture is black when its brightest part is near black, it has no contrast and no colour; a night scene has lamps, a
tinted dark scene has colour. A stretch of black counts when the pictures just before and just after it are as bright
as the scene was: a fade leaves dark pictures at its edge. Black that touches the start or the end of the clip is how
titles begin and end, and is no finding.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from proving.video.detecting import Detector, DetectorKind
from proving.video.findings import Finding
from proving.video.frames import Frame, Planes, Sound

TERM = "black frames"
SILENT_RMS = 10 ** (-60 / 20)


@dataclass(frozen=True, kw_only=True)
class BlackSettings:
    """When a stretch is unexpected black. Levels are of luma in limited range, 16-235.

    Attributes:
        least_frames: Shortest stretch.
        brightest: What 98 % of a black picture stays under.
        contrast: Largest distance between its 2 % and 98 % levels.
        colour: Largest distance of chroma from grey, for 98 % of it.
        beside_s: How far the scene beside the stretch is looked at.
        hard_share: How bright the pictures at the edges must be against the scene beside, black taken off.
        scene: How bright the scene beside must be, black taken off.
    """

    least_frames: int = 2
    brightest: float = 34.0
    contrast: float = 12.0
    colour: float = 6.0
    beside_s: float = 0.5
    hard_share: float = 0.6
    scene: float = 8.0

    def __post_init__(self) -> None:
        if self.least_frames < 1 or not 0 < self.hard_share < 1:
            raise ValueError(f"least_frames must be 1 or more and hard_share between 0 and 1, got {self}")


class _Stretch:
    """Black since `start_s`; `after` collects the scene that follows."""

    def __init__(self, start_s: float, before: list[tuple[float, float]], is_loud: bool) -> None:
        self.start_s, self.before, self.is_loud = start_s, before, is_loud
        self.end_s = start_s
        self.frame_count = 0
        self.level_sum = 0.0
        self.after: list[tuple[float, float]] = []


class Black:
    """The detector; see the top of this file."""

    def __init__(self, settings: BlackSettings | None = None) -> None:
        self._settings = settings or BlackSettings()
        self._recent: deque[tuple[float, float]] = deque(maxlen=64)
        self._open: _Stretch | None = None
        self._waiting: list[_Stretch] = []
        self._findings: list[Finding] = []
        self._has_sound = self._is_loud = False

    def see(self, frame: Frame) -> None:
        """Take the next picture."""
        level, is_black = self._look(frame.small)
        time_s = frame.pts_seconds
        if is_black:
            if self._open is None:
                self._open = _Stretch(time_s, list(self._recent), False)
            self._open.frame_count += 1
            self._open.level_sum += level
            self._open.is_loud |= self._is_loud
        elif self._open is not None:
            self._open.end_s = time_s
            self._waiting.append(self._open)
            self._open = None
            self._recent.clear()
        if not is_black:
            self._recent.append((time_s, level))
        self._settle(time_s, level, is_black)

    def hear(self, sound: Sound) -> None:
        """Note whether there is any sound just now: it tells a fault from a designed gap."""
        self._has_sound = True
        self._is_loud = float(np.sqrt(np.mean(np.square(sound.samples)))) > SILENT_RMS if len(sound.samples) else False

    def finish(self) -> list[Finding]:
        """Return what was found."""
        for stretch in self._waiting:
            self._judge(stretch)
        self._waiting = []
        return sorted(self._findings, key=lambda finding: finding.start_s)

    def _look(self, picture: Planes) -> tuple[float, bool]:
        """Return how bright a picture is, and whether it is black."""
        settings = self._settings
        low, level = (float(value) for value in np.percentile(picture.luma[::2, ::2], [2, 98]))
        if level > settings.brightest or level - low > settings.contrast:
            return level, False
        colour = max(
            float(np.percentile(np.abs(plane.astype(np.int16) - 128), 98)) for plane in (picture.blue, picture.red)
        )
        return level, colour <= settings.colour

    def _settle(self, time_s: float, level: float, is_black: bool) -> None:
        """Give each stretch that waits the picture that follows, and judge it when enough has followed."""
        still_waiting = []
        for stretch in self._waiting:
            is_over = is_black or time_s > stretch.end_s + self._settings.beside_s
            if not is_over:
                stretch.after.append((time_s, level))
                still_waiting.append(stretch)
            else:
                self._judge(stretch)
        self._waiting = still_waiting

    def _judge(self, stretch: _Stretch) -> None:
        settings = self._settings
        since_s = stretch.start_s - settings.beside_s
        before = [level for time_s, level in stretch.before if time_s >= since_s]
        after = [level for _, level in stretch.after]
        if stretch.frame_count < settings.least_frames or not before or not after:
            return
        black = stretch.level_sum / stretch.frame_count
        scenes = [max(float(np.median(levels)) - black, 0.0) for levels in (before, after)]
        edges = [before[-1] - black, after[0] - black]
        shares = [edge / max(scene, 1.0) for edge, scene in zip(edges, scenes, strict=True)]
        if min(shares) < settings.hard_share or min(scenes) < settings.scene:
            return
        evidence = {"black_level": black, "scene_before": scenes[0], "scene_after": scenes[1], "hardness": min(shares)}
        if self._has_sound:
            evidence["sound_goes_on"] = float(stretch.is_loud)
        sureness = 1 - 0.5 * settings.hard_share / max(min(shares), settings.hard_share)
        score = sureness if stretch.is_loud or not self._has_sound else 0.5 + 0.5 * (sureness - 0.5)
        self._findings.append(Finding("black", stretch.start_s, stretch.end_s, min(score, 1.0), TERM, evidence))


def _start() -> Detector:
    return Black()


BLACK = DetectorKind(
    start=_start,
    needs="picture",
    term=TERM,
    about="two or more black pictures with hard edges, not a fade and not at the clip's start or end",
)
