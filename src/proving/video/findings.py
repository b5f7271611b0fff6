"""What detectors report, what simulated damage really is, and what a whole clip turned out to be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Finding:
    """One event that a detector reports.

    Attributes:
        detector: Its name in `DETECTORS`.
        start_s: When it begins, from the start of the clip.
        end_s: When it is over.
        score: How sure, 0-1; 0.5 is the threshold.
        term: The concept of the MovieLabs QC vocabulary.
        evidence: The numbers that the decision rests on.
    """

    detector: str
    start_s: float
    end_s: float
    score: float
    term: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.end_s >= self.start_s:
            raise ValueError(f"a finding ends after it begins, got {self.start_s} to {self.end_s}")

    @property
    def duration_s(self) -> float:
        """Return how long it lasts."""
        return self.end_s - self.start_s

    def row(self) -> dict[str, Scalar]:
        """Return it as one flat row; each number of the evidence is a column `evidence_...`."""
        return {
            "detector": self.detector,
            "start_s": round(self.start_s, 4),
            "end_s": round(self.end_s, 4),
            "score": round(self.score, 4),
            "term": self.term,
            **{f"evidence_{name}": round(float(value), 4) for name, value in self.evidence.items()},
        }


@dataclass(frozen=True)
class Truth:
    """One stretch of a clip that was changed on purpose.

    Attributes:
        defect: The detector that should find it, or the name of the look-alike.
        start_s: When it begins, from the start of the clip.
        end_s: When it is over.
        is_defect: False for a look-alike: nothing should be found here.
        detail: What exactly was done.
    """

    defect: str
    start_s: float
    end_s: float
    is_defect: bool = True
    detail: str = ""

    def row(self) -> dict[str, Scalar]:
        """Return it as one flat row."""
        return {**asdict(self), "start_s": round(self.start_s, 4), "end_s": round(self.end_s, 4)}


@dataclass(frozen=True, kw_only=True)
class StreamFacts:
    """What the streams of a clip are, as decoded and not as the header says.

    Attributes:
        duration_s: From the start to the end of the last thing that could be decoded.
        header_duration_s: What the container says, 0 where it says nothing.
        width, height: Of the picture; 0 without one.
        frame_rate: Pictures per second, from the median step between them.
        frame_count: Pictures that came out.
        decode_error_count: Packets that could not be decoded; they were skipped.
        corrupt_frame_count: Pictures that the decoder doubts.
        timestamp_gap_count: Steps between pictures of more than 2.5 usual ones.
        longest_gap_start_s, longest_gap_s: The longest of them; 0 where there is none.
        timestamp_backward_count: Pictures that are not later than the one before.
    """

    duration_s: float
    header_duration_s: float
    has_video: bool
    has_audio: bool
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    frame_count: int = 0
    video_codec: str = ""
    sample_rate: int = 0
    channel_count: int = 0
    sample_count: int = 0
    audio_codec: str = ""
    decode_error_count: int = 0
    corrupt_frame_count: int = 0
    timestamp_gap_count: int = 0
    longest_gap_start_s: float = 0.0
    longest_gap_s: float = 0.0
    timestamp_backward_count: int = 0

    @property
    def is_cut_short(self) -> bool:
        """Return whether clearly less is there than the header promises."""
        return self.header_duration_s - self.duration_s > max(0.5, 0.05 * self.header_duration_s)

    def row(self) -> dict[str, Scalar]:
        """Return them as one flat row."""
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return {**rounded, "is_cut_short": self.is_cut_short}


@dataclass(frozen=True)
class Inspection:
    """What a scan found.

    Attributes:
        path: The clip.
        findings: In order of time.
        facts: The streams.
        not_applicable: Detectors that had nothing to look at, as those of sound in a clip without.
    """

    path: Path
    findings: tuple[Finding, ...]
    facts: StreamFacts
    not_applicable: tuple[str, ...] = ()
