"""Look at every clip, and set aside those that are damaged."""

import json
from dataclasses import dataclass
from pathlib import Path

from proving.corridor.errors import StudyError
from proving.corridor.ingest import Input, SetAside
from proving.corridor.study import Clips
from proving.runs import Job, Row, Scalar, Scenario


@dataclass(frozen=True, kw_only=True)
class Look:
    """One clip to look at.

    Attributes:
        clip: The file that came out of the store.
        name: What the study calls it.
        detectors: Which detectors look; none named means all that apply.
        sound: "required" makes a clip without sound damaged.
    """

    clip: Path
    name: str
    detectors: tuple[str, ...] = ()
    sound: str = "optional"


def look_at_clip(config: Look, seed: int) -> Row:
    """Return what a clip is and what is wrong with it; a clip that cannot be read is a row too, not an error.

    Columns: name, is_readable, problem (one line, empty when there is none), duration_s, width, height,
    frame_rate, has_audio, finding_count, findings (a JSON list of finding rows). The seed changes nothing.
    """
    from proving.video import UnreadableClip, scan

    del seed
    blank: dict[str, Scalar] = {"name": config.name, "is_readable": False, "finding_count": 0, "findings": "[]"}
    try:
        inspection = scan(config.clip, config.detectors) if config.detectors else scan(config.clip)
    except UnreadableClip as error:
        return {**blank, "problem": str(error).removeprefix(f"{config.clip}: ")}
    facts = inspection.facts
    problem = ""
    if config.sound == "required" and not facts.has_audio:
        problem = "has no sound, and the study requires sound"
    elif facts.is_cut_short:
        problem = (
            f"is cut short: the header promises {facts.header_duration_s:.1f} s, {facts.duration_s:.1f} s are there"
        )
    return {
        **blank,
        "is_readable": True,
        "problem": problem,
        "duration_s": facts.duration_s,
        "width": facts.width,
        "height": facts.height,
        "frame_rate": facts.frame_rate,
        "has_audio": facts.has_audio,
        "decode_error_count": facts.decode_error_count,
        "finding_count": len(inspection.findings),
        "findings": json.dumps([dict(finding.row()) for finding in inspection.findings]),
    }


LOOK_AT_CLIP = Scenario(
    name="corridor.look_at_clip",
    about="What one camera clip is, and what is wrong with it.",
    config=Look(clip=Path("clip.mp4"), name="clip.mp4"),
    run=look_at_clip,
)


def inspection_jobs(settings: Clips, inputs: tuple[Input, ...], files: dict[str, Path]) -> list[Job]:
    """Return one job per clip.

    Raises:
        StudyError: the study names a detector that does not exist.
    """
    from proving.video import DETECTORS

    for name in settings.detectors:
        if name not in DETECTORS:
            known = ", ".join(sorted(DETECTORS))
            raise StudyError(f"clips.detectors: there is no detector '{name}'; there are {known}")
    return [
        Job(
            scenario=LOOK_AT_CLIP,
            config=Look(
                clip=files[item.kept.key].resolve(),
                name=item.name,
                detectors=settings.detectors,
                sound=settings.sound,
            ),
            seed=0,
        )
        for item in inputs
        if item.kind == "clip"
    ]


def bad_clips(rows: list[dict[str, Scalar]]) -> list[SetAside]:
    """Return the clips that are no good as inputs: unreadable, cut short, or silent where sound is required."""
    return [
        SetAside(name=str(row["name"]), kind="clip", reason=str(row["problem"])) for row in rows if row.get("problem")
    ]


def damaged_clips(rows: list[dict[str, Scalar]]) -> list[SetAside]:
    """Return the clips in which detectors found something, with what and when."""
    return [
        SetAside(name=str(row["name"]), kind="clip", reason=_in_words(findings))
        for row in rows
        if not row.get("problem") and (findings := json.loads(str(row["findings"])))
    ]


def _in_words(findings: list[dict[str, Scalar]]) -> str:
    spans = [
        f"{str(finding['detector']).replace('_', ' ')} {finding['start_s']:.2f}-{finding['end_s']:.2f} s"
        for finding in findings
    ]
    return ", ".join(spans[:4]) + (f" and {len(spans) - 4} more" if len(spans) > 4 else "")
