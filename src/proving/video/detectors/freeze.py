"""A picture that is held for half a second or more while the content should move.

The measure is the step from one picture to the next: the mean of the 1 % of 8x8 blocks (of the small picture) that
change most. A held picture that was encoded anew still steps a little, and noise, repeated pictures and quiet scenes
give small steps too. So a stretch counts only when the step falls at once, far below what it was just before, stays
there, drifts nowhere, and comes back at once. Motion that dies down, a card after a cut, and black are no freeze.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.detecting import Detector, DetectorKind
from proving.video.findings import Finding
from proving.video.frames import Frame, Sound

BLOCK = 8
TERM = "freeze frame"


@dataclass(frozen=True, kw_only=True)
class FreezeSettings:
    """When a stretch is a freeze. Steps are in levels of luma.

    Attributes:
        least_s: Shortest freeze.
        least_end_s: Shortest freeze that lasts until the clip ends; a short hold at the end is usual.
        window_s: How far back "just before" reaches.
        least_motion: Smallest step before, and after, that counts as motion.
        still: A step up to this is still, or up to `still_share` of the motion before, whichever is more.
        still_share: As said.
        sudden_share: How large the last steps must be against the motion before: what comes to rest slows down.
        drop: How many times smaller than before and after the usual step inside must be.
        drift: Largest difference between the first and the last held picture, or `drift_share` of the motion before.
        drift_share: As said.
        quiet: The usual step inside must be under this, or under `quiet_share` of the step that 90 % of the rest
            of the clip exceeds: a still scene of a camera is as restless as its other still scenes.
        quiet_share: As said.
        flat: Luma that the brightest part must exceed, else the stretch is black.
        cut: A step of half of the picture larger than this times the motion before is a cut.
    """

    least_s: float = 0.45
    least_end_s: float = 1.0
    window_s: float = 0.4
    least_motion: float = 2.5
    still: float = 2.5
    still_share: float = 0.1
    sudden_share: float = 0.6
    drop: float = 4.0
    drift: float = 6.0
    drift_share: float = 0.2
    quiet: float = 1.2
    quiet_share: float = 0.3
    flat: float = 48.0
    cut: float = 4.0

    def __post_init__(self) -> None:
        if min(self.least_s, self.window_s, self.least_motion, self.still) <= 0 or self.drop <= 1:
            raise ValueError(f"durations and steps must be positive and drop above 1, got {self}")


@dataclass(frozen=True)
class _Step:
    """How much one picture differs from the one before: the busiest blocks, and the middle block."""

    pts_s: float
    top: float
    middle: float


class _Histogram:
    """Counts steps, so that their percentiles need no list of them."""

    BINS_PER_LEVEL, BIN_COUNT = 16, 1024

    def __init__(self) -> None:
        self._counts = np.zeros(self.BIN_COUNT, np.int64)

    def add(self, top: float) -> None:
        self._counts[min(int(top * self.BINS_PER_LEVEL), self.BIN_COUNT - 1)] += 1

    def level(self, share: float) -> float:
        """Return the step that a share of all steps stays under, 0 where none was counted."""
        total = int(self._counts.sum())
        bin_index = int(np.searchsorted(np.cumsum(self._counts), share * total))
        return (bin_index + 0.5) / self.BINS_PER_LEVEL if total else 0.0


class _Run:
    """A stretch of small steps."""

    def __init__(self, start_s: float, before: float, anchor: NDArray[np.int16], is_after_cut: bool) -> None:
        self.start_s, self.before, self.anchor, self.is_after_cut = start_s, before, anchor, is_after_cut
        self.last_picture = anchor
        self.step_count = self.pulse_count = 0
        self._steps = _Histogram()

    def add(self, top: float) -> None:
        self.step_count += 1
        self._steps.add(top)

    @property
    def inside(self) -> float:
        return max(self._steps.level(0.5), 0.25)


class Freeze:
    """The detector; see the top of this file."""

    def __init__(self, settings: FreezeSettings | None = None) -> None:
        self._settings = settings or FreezeSettings()
        self._recent: deque[_Step] = deque(maxlen=64)
        self._last: NDArray[np.int16] | None = None
        self._run: _Run | None = None
        self._end_s = 0.0
        self._elsewhere = _Histogram()
        self._candidates: list[Finding] = []

    def see(self, frame: Frame) -> None:
        """Take the next picture."""
        luma = frame.small.luma.astype(np.int16)
        self._end_s = frame.end_seconds
        if self._last is not None and self._last.shape == luma.shape:
            top, middle = block_step(luma, self._last)
            self._take(_Step(frame.pts_seconds, top, middle), luma, self._last)
        self._last = luma

    def hear(self, sound: Sound) -> None:
        """Ignore the sound."""

    def finish(self) -> list[Finding]:
        """Return what was found."""
        if self._run is not None:
            self._judge(self._run, self._end_s, None)
            self._run = None
        settings = self._settings
        quiet = max(settings.quiet, settings.quiet_share * self._elsewhere.level(0.1))
        return [finding for finding in self._candidates if finding.evidence["step_inside"] <= quiet]

    def _take(self, step: _Step, luma: NDArray[np.int16], last: NDArray[np.int16]) -> None:
        run = self._run
        if run is None:
            self._begin(step, last)
        elif step.top <= self._limit(run.before):
            run.add(step.top)
            run.last_picture = luma
        elif self._is_back(run, step, luma):
            # A key frame encodes the held picture anew: a larger step that leads nowhere.
            run.pulse_count += 1
            run.add(step.top)
        else:
            self._judge(run, step.pts_s, step.top)
            self._run = None
            self._begin(step, last)
        if self._run is None:
            self._elsewhere.add(step.top)
        self._recent.append(step)

    def _begin(self, step: _Step, last: NDArray[np.int16]) -> None:
        window = [old for old in self._recent if old.pts_s >= step.pts_s - self._settings.window_s]
        if len(window) < 2:
            window = list(self._recent)[-2:]
        if not window:
            return
        before = float(np.median([old.top for old in window]))
        if before < self._settings.least_motion or step.top > self._limit(before):
            return
        # Of the last two, because a repeated picture just before the onset is no step at all.
        if max(old.top for old in window[-2:]) < self._settings.sudden_share * before:
            return
        usual_middle = float(np.median([old.middle for old in window[:-1] or window]))
        is_after_cut = window[-1].middle > max(8.0, self._settings.cut * usual_middle)
        self._run = _Run(step.pts_s, before, last, is_after_cut)
        self._run.add(step.top)

    def _limit(self, before: float) -> float:
        settings = self._settings
        return min(max(settings.still, settings.still_share * before), 0.55 * before)

    def _is_back(self, run: _Run, step: _Step, luma: NDArray[np.int16]) -> bool:
        return step.top <= 0.6 * run.before and block_step(luma, run.anchor)[0] <= self._most_drift(run)

    def _most_drift(self, run: _Run) -> float:
        return max(self._settings.drift, self._settings.drift_share * run.before)

    def _judge(self, run: _Run, end_s: float, after: float | None) -> None:
        settings = self._settings
        duration_s = end_s - run.start_s
        inside = run.inside
        fall = run.before / inside
        rise = fall if after is None else after / inside
        drift = block_step(run.last_picture, run.anchor)[0]
        is_freeze = (
            duration_s >= (settings.least_s if after is not None else settings.least_end_s)
            and run.step_count >= 3
            and run.pulse_count <= run.step_count / 4
            and min(fall, rise) >= settings.drop
            and (after is None or after >= settings.least_motion)
            and drift <= self._most_drift(run)
            and not run.is_after_cut
            and float(np.percentile(run.anchor, 98)) > settings.flat
        )
        if is_freeze:
            score = 1 - 0.5 * settings.drop / min(fall, rise)
            evidence = {"step_before": run.before, "step_inside": inside, "drift": drift, "fall": fall, "rise": rise}
            self._candidates.append(Finding("freeze", run.start_s, end_s, score, TERM, evidence))


def block_step(first: NDArray[np.int16], second: NDArray[np.int16]) -> tuple[float, float]:
    """Return how much two pictures differ: mean of the 1 % busiest blocks, and the middle block."""
    difference = np.abs(first - second)
    rows, columns = (size // BLOCK for size in difference.shape)
    if not rows or not columns:
        mean = float(difference.mean())
        return mean, mean
    # Summing along rows first, as whole vectors, is three times faster than one sum over both axes.
    by_rows = difference[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns * BLOCK).sum(axis=1)
    blocks = by_rows.reshape(rows, columns, BLOCK).sum(axis=2).ravel() / BLOCK**2
    count = max(1, len(blocks) // 100)
    return float(np.partition(blocks, -count)[-count:].mean()), float(np.median(blocks))


def _start() -> Detector:
    return Freeze()


FREEZE = DetectorKind(
    start=_start,
    needs="picture",
    term=TERM,
    about="the same picture for 0.5 s or more while the content should move",
)
