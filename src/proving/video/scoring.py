"""How well findings agree with the truth, event by event.

A finding and a truth can match when they are of the same detector and their spans overlap after the truth was widened
by `tolerance_s` on both sides. Each is matched at most once: pairs are taken in order of the longest overlap, then of
the smallest distance between their edges. So two findings of one truth are one hit and one false alarm, and a finding
that covers two truths finds one of them. Look-alikes (`is_defect` false) are no truths: what is found there is false.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from proving.video.findings import Finding, Scalar, Truth

TOLERANCE_S = 0.5


@dataclass(frozen=True)
class Scores:
    """Event-level scores.

    Attributes:
        truth_count, finding_count, hit_count: How many there were, and how many pairs matched.
        onset_error_s: Median distance between found and true start over the hits; 0 without hits.
        end_error_s: The same for the end.
        localisation_error_s: Median, over the hits, of the mean of both.
    """

    truth_count: int
    finding_count: int
    hit_count: int
    onset_error_s: float
    end_error_s: float
    localisation_error_s: float

    @property
    def precision(self) -> float:
        """Return hits over findings, 1 without findings."""
        return self.hit_count / self.finding_count if self.finding_count else 1.0

    @property
    def recall(self) -> float:
        """Return hits over truths, 1 without truths."""
        return self.hit_count / self.truth_count if self.truth_count else 1.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def row(self) -> dict[str, Scalar]:
        """Return them as one flat row."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall, "f1": self.f1}


def score(findings: Sequence[Finding], truths: Sequence[Truth], tolerance_s: float = TOLERANCE_S) -> Scores:
    """Return the scores of one clip."""
    return score_clips([(findings, truths)], tolerance_s)


def score_clips(clips: Iterable[tuple[Sequence[Finding], Sequence[Truth]]], tolerance_s: float = TOLERANCE_S) -> Scores:
    """Return the scores over many clips; findings match truths of their own clip only."""
    truth_count = finding_count = 0
    onset_errors_s: list[float] = []
    end_errors_s: list[float] = []
    for findings, truths in clips:
        real = [truth for truth in truths if truth.is_defect]
        truth_count += len(real)
        finding_count += len(findings)
        for finding, truth in matches(findings, real, tolerance_s):
            onset_errors_s.append(abs(finding.start_s - truth.start_s))
            end_errors_s.append(abs(finding.end_s - truth.end_s))
    means_s = [(onset + end) / 2 for onset, end in zip(onset_errors_s, end_errors_s, strict=True)]
    return Scores(
        truth_count=truth_count,
        finding_count=finding_count,
        hit_count=len(onset_errors_s),
        onset_error_s=median(onset_errors_s) if onset_errors_s else 0.0,
        end_error_s=median(end_errors_s) if end_errors_s else 0.0,
        localisation_error_s=median(means_s) if means_s else 0.0,
    )


def matches(
    findings: Sequence[Finding], truths: Sequence[Truth], tolerance_s: float = TOLERANCE_S
) -> list[tuple[Finding, Truth]]:
    """Return the matched pairs, by the rule at the top of this file."""
    pairs = []
    for finding_index, finding in enumerate(findings):
        for truth_index, truth in enumerate(truths):
            overlap_s = min(finding.end_s, truth.end_s) - max(finding.start_s, truth.start_s)
            if finding.detector == truth.defect and overlap_s >= -tolerance_s:
                distance_s = abs(finding.start_s - truth.start_s) + abs(finding.end_s - truth.end_s)
                pairs.append((-max(overlap_s, 0.0), distance_s, finding_index, truth_index))
    taken_findings: set[int] = set()
    taken_truths: set[int] = set()
    matched = []
    for _, _, finding_index, truth_index in sorted(pairs):
        if finding_index in taken_findings or truth_index in taken_truths:
            continue
        taken_findings.add(finding_index)
        taken_truths.add(truth_index)
        matched.append((findings[finding_index], truths[truth_index]))
    return matched
