"""What can be run with a seed: make a pristine clip, damage it, find the damage, and score."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from proving.runs import Row, Scenario
from proving.video.damage import make_defect
from proving.video.defects import DEFECTS, LOOK_ALIKES
from proving.video.encode import write_clip
from proving.video.findings import Truth
from proving.video.scanning import scan
from proving.video.scoring import score
from proving.video.synthetic import SAMPLE_RATE, View, free_traffic, road_camera


@dataclass(frozen=True, kw_only=True)
class Detect:
    """One synthetic clip with one defect or look-alike in it.

    Attributes:
        damage: A name in `DEFECTS` or `LOOK_ALIKES`, or "nothing".
        duration_s: Length of the clip.
        frame_rate: Pictures per second.
        width, height: Size of the picture.
        crf: x264's rate factor of the damaged clip; None draws 18-30.
    """

    damage: str = "freeze"
    duration_s: float = 8.0
    frame_rate: float = 25.0
    width: int = 320
    height: int = 180
    crf: int | None = None

    def __post_init__(self) -> None:
        known = ("nothing", *DEFECTS, *LOOK_ALIKES)
        if self.damage not in known:
            raise ValueError(f"damage must be one of {', '.join(known)}; got '{self.damage}'")
        if self.duration_s < 2 or self.frame_rate <= 0:
            raise ValueError(f"duration_s must be 2 or more and frame_rate positive, got {self}")


def detect(config: Detect, seed: int) -> Row:
    """Return how well the damage was found.

    Columns: truth_start_s, truth_end_s (None without truth), finding_count, hit_count, precision, recall, f1,
    onset_error_s, end_error_s, localisation_error_s, frame_count, found (one line).
    """
    with tempfile.TemporaryDirectory(prefix="proving-video-") as folder:
        pristine, damaged = Path(folder) / "pristine.mp4", Path(folder) / "damaged.mp4"
        write_road_clip(pristine, seed, config)
        truths: tuple[Truth, ...] = ()
        if config.damage == "nothing":
            damaged = pristine
        else:
            truths = make_defect(pristine, damaged, {**DEFECTS, **LOOK_ALIKES}[config.damage](), seed, config.crf)
        inspection = scan(damaged)
    real = [truth for truth in truths if truth.is_defect]
    found = ", ".join(f"{one.detector} {one.start_s:.2f}-{one.end_s:.2f} s" for one in inspection.findings)
    return {
        "truth_start_s": real[0].start_s if real else None,
        "truth_end_s": real[0].end_s if real else None,
        **score(inspection.findings, truths).row(),
        "frame_count": inspection.facts.frame_count,
        "found": found,
    }


def write_road_clip(path: Path, seed: int, config: Detect) -> None:
    """Write a clip of free traffic, drawn from the seed."""
    view = View(width=config.width, height=config.height)
    traffic = free_traffic(seed, config.duration_s, view)
    pictures, sound = road_camera(traffic, view, config.frame_rate, seed)
    write_clip(path, pictures, config.frame_rate, sound, SAMPLE_RATE)


SCENARIOS: dict[str, Scenario[Detect]] = {
    "video.detect": Scenario(
        name="video.detect",
        about="Damage a synthetic road-camera clip, scan it, and score what was found.",
        config=Detect(),
        run=detect,
    )
}
