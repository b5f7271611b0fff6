"""A picture that is held for half a second or more while the content should move.

The measure is the step from one picture to the next: the mean of the 1 % of 8x8 blocks (of the small picture) that
change most. A held picture that was encoded anew differs from the one before by coding residue alone: small steps that
lead nowhere, and a larger one where a key frame encodes the same picture again. Noise, repeated pictures and quiet
scenes give small steps too. So a stretch counts only when the step falls at once, from what it was for a second, far
below what it was just before; stays there; drifts nowhere; and comes back at once to what it is afterwards. What comes
to rest by itself slows down, and what sets off speeds up. A card after a cut, and black, are no freeze.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proving.video.detecting import Detector, DetectorKind
from proving.video.findings import Finding
from proving.video.frames import Frame, Sound

BLOCK = 8
TERM = "freeze frame"
SETTLED_S = 0.2
MOST_DRIFT = 6.0
FLAT_LUMA = 48.0


@dataclass(frozen=True, kw_only=True)
class FreezeSettings:
    """When a stretch is a freeze. Steps are in levels of luma.

    Attributes:
        least_s: Shortest freeze, less what a slow frame rate takes from half a second.
        least_end_s: Shortest freeze that lasts until the clip ends; a short hold at the end is usual.
        window_s, beside_s: How far back "just before" reaches, and how far "the scene beside" on either side.
        least_motion: Smallest step before, and after, that counts as motion.
        still: A step up to this is still, or up to `still_share` of the motion before, whichever is more.
        still_share: As said.
        drop: How many times smaller than before and after the steps inside must be.
        wander: Largest difference between the picture that has settled and the last held one; never more than the
            motion before.
        quiet: The steps inside must be under this, or under `quiet_share` of the step that 90 % of the rest of the
            clip exceeds: a still scene of a camera is as restless as its other still scenes.
        quiet_share: As said.
        sudden: Smallest product of two shares, each at most 1: the last two steps that move against the usual step
            of the scene before, and the first two after against the scene after. What comes to rest slows down.
    """

    least_s: float = 0.45
    least_end_s: float = 1.0
    window_s: float = 0.4
    beside_s: float = 1.0
    least_motion: float = 2.5
    still: float = 2.8
    still_share: float = 0.18
    drop: float = 4.5
    wander: float = 8.0
    quiet: float = 1.2
    quiet_share: float = 0.3
    sudden: float = 0.31

    def __post_init__(self) -> None:
        if min(self.least_s, self.least_motion, self.still) <= 0 or self.drop <= 1:
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


@dataclass
class _Run:
    """A stretch of small steps."""

    start_s: float
    before: float
    onset: float
    is_after_cut: bool
    anchor: NDArray[np.int16]
    last_picture: NDArray[np.int16]
    settled: NDArray[np.int16] | None = None
    end_s: float = 0.0
    is_until_end: bool = False
    step_count: int = 0
    pulse_count: int = 0
    steps: _Histogram = field(default_factory=_Histogram)
    after: list[float] = field(default_factory=list)

    def add(self, top: float) -> None:
        self.step_count += 1
        self.steps.add(top)

    @property
    def inside(self) -> float:
        """What three of four steps stay under: stillness that is broken time and again is a scene at rest."""
        return max(self.steps.level(0.75), 0.25)

    @property
    def wander(self) -> float:
        return block_step(self.last_picture, self.anchor if self.settled is None else self.settled)[0]


class Freeze:
    """The detector; see the top of this file."""

    def __init__(self, settings: FreezeSettings | None = None) -> None:
        self._settings = settings or FreezeSettings()
        self._recent: deque[_Step] = deque(maxlen=64)
        self._last: NDArray[np.int16] | None = None
        self._run: _Run | None = None
        self._waiting: list[_Run] = []
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
            self._run.end_s, self._run.is_until_end = self._end_s, True
            self._waiting.append(self._run)
            self._run = None
        for run in self._waiting:
            self._judge(run)
        self._waiting = []
        settings = self._settings
        quiet = max(settings.quiet, settings.quiet_share * self._elsewhere.level(0.1))
        return [finding for finding in self._candidates if finding.evidence["step_inside"] <= quiet]

    def _take(self, step: _Step, luma: NDArray[np.int16], last: NDArray[np.int16]) -> None:
        self._settle(step)
        run = self._run
        if run is None:
            self._begin(step, luma)
        elif step.top <= self._limit(run.before):
            run.add(step.top)
            run.last_picture = luma
            if run.settled is None and step.pts_s >= run.start_s + SETTLED_S:
                run.settled = luma
        elif self._is_back(run, step, luma):
            run.pulse_count += 1
            run.add(step.top)
        else:
            run.end_s = step.pts_s
            run.after.append(step.top)
            if run.end_s - run.start_s >= self._settings.least_s:
                self._waiting.append(run)
            self._run = None
            self._begin(step, luma)
        if self._run is None:
            self._elsewhere.add(step.top)
        self._recent.append(step)

    def _settle(self, step: _Step) -> None:
        """Give runs that are over what follows them, and judge them when enough has followed."""
        still_waiting = []
        for run in self._waiting:
            if step.pts_s <= run.end_s + self._settings.beside_s:
                run.after.append(step.top)
                still_waiting.append(run)
            else:
                self._judge(run)
        self._waiting = still_waiting

    def _begin(self, step: _Step, luma: NDArray[np.int16]) -> None:
        settings = self._settings
        window = [old for old in self._recent if old.pts_s >= step.pts_s - settings.window_s]
        if len(window) < 2:
            window = list(self._recent)[-2:]
        if not window:
            return
        before = float(np.median([old.top for old in window]))
        limit = self._limit(before)
        if before < settings.least_motion or step.top > limit:
            return
        # A repeated picture just before the onset is no step at all.
        moving = [old.top for old in window if old.top > limit][-2:]
        usual = [old.top for old in self._recent if old.pts_s >= step.pts_s - settings.beside_s]
        last = float(np.mean(moving)) if moving else 0.0
        usual_middle = float(np.median([old.middle for old in window[:-1] or window]))
        self._run = _Run(
            start_s=step.pts_s,
            before=before,
            onset=last / max(float(np.median(usual)), 1e-6),
            is_after_cut=window[-1].middle > max(8.0, 4.0 * usual_middle),
            anchor=luma,
            last_picture=luma,
        )
        self._run.add(step.top)

    def _limit(self, before: float) -> float:
        settings = self._settings
        return min(max(settings.still, settings.still_share * before), 0.55 * before)

    def _is_back(self, run: _Run, step: _Step, luma: NDArray[np.int16]) -> bool:
        """Return whether a larger step leads nowhere: a key frame that encodes the held picture anew."""
        is_small = step.top <= 0.6 * run.before
        return is_small and block_step(luma, run.anchor)[0] <= max(MOST_DRIFT, 0.5 * run.before)

    def _judge(self, run: _Run) -> None:
        settings, inside = self._settings, run.inside
        after = run.before if run.is_until_end else max(run.after[:2])
        usual = float(np.median([top for top in run.after if top > self._limit(run.before)] or [1e9]))
        end = 1.0 if run.is_until_end else float(np.mean(run.after[:2])) / usual
        fall, rise = run.before / inside, after / inside
        is_freeze = (
            min(run.onset, 1.0) * min(end, 1.0) >= settings.sudden
            and run.end_s - run.start_s >= (settings.least_end_s if run.is_until_end else settings.least_s)
            and run.step_count >= 3
            and run.pulse_count <= max(1, run.step_count / 4)
            and min(fall, rise) >= settings.drop
            and after >= settings.least_motion
            and run.wander <= min(settings.wander, run.before)
            and not run.is_after_cut
            and float(np.percentile(run.anchor, 98)) > FLAT_LUMA
        )
        if is_freeze:
            score = 1 - 0.5 * settings.drop / min(fall, rise)
            evidence = {
                "step_before": run.before,
                "step_inside": inside,
                "wander": run.wander,
                "fall": fall,
                "rise": rise,
                "onset": run.onset,
                "end": end,
            }
            self._candidates.append(Finding("freeze", run.start_s, run.end_s, score, TERM, evidence))


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
