"""`proving video`: scan clips, damage them, and score what was found."""

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators

if TYPE_CHECKING:
    from proving.video.findings import Finding, Inspection, Truth

app = App(name="video", help="Find defects in picture and sound; make damaged clips to learn from.")


@app.command
def scan(
    *files: Path,
    detectors: str = "",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Look at and listen to clips; exit 1 when something is wrong with one.

    Args:
        files: Clips.
        detectors: Names with commas between; all that apply when not given.
        json: Print one JSON document.
    """
    from proving.runs.progress import rich_bar, silent
    from proving.video.errors import NoSuchClip, UnreadableClip
    from proving.video.scanning import scan as scan_clip

    if not files:
        return _wrong("name at least one clip to scan")
    names = tuple(name.strip() for name in detectors.split(",") if name.strip())
    progress = rich_bar() if sys.stderr.isatty() else silent
    documents: list[dict[str, object]] = []
    is_bad = is_unreadable = False
    for path in files:
        try:
            inspection = scan_clip(path, names, progress)
        except (UnreadableClip, NoSuchClip) as error:
            # One bad file of many must not hide what the others are.
            if len(files) == 1:
                raise
            is_unreadable = True
            print(f"proving: {error}", file=sys.stderr)
            documents.append({"path": str(path), "error": str(error)})
            continue
        is_bad = is_bad or bool(inspection.findings)
        documents.append(_document(inspection))
        if not json:
            _show(inspection)
    if json:
        print(json_text.dumps(documents, indent=2))
    return 2 if is_unreadable else int(is_bad)


@app.command
def damage(
    source: Path,
    target: Path,
    *,
    defect: str,
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    crf: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=51))] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a copy of a clip with a defect in part of it, and the truth beside it as TARGET.truth.json.

    Args:
        source: The clip to damage.
        target: Where the copy goes, .mp4 or .mkv.
        defect: black, freeze, audio_dropout, or a look-alike: fade_to_black, standstill, pause.
        seed: Draws where, how long and how.
        crf: x264's rate factor, 0 (lossless) to 51; drawn from 18-30 when not given.
        json: Print the truth as JSON.
    """
    from proving.video.damage import make_defect
    from proving.video.defects import DEFECTS, LOOK_ALIKES

    kinds = {**DEFECTS, **LOOK_ALIKES}
    if defect not in kinds:
        return _wrong(f"there is no defect '{defect}'; there are {', '.join(kinds)}")
    if target.suffix.lower() not in (".mp4", ".mkv"):
        return _wrong(f"{target}: the name must end in .mp4 or .mkv")
    if not target.parent.is_dir():
        return _wrong(f"{target.parent}: no such folder")
    if source.resolve() == target.resolve():
        return _wrong(f"{target}: source and target are the same file")
    truths = make_defect(source, target, kinds[defect](), seed, crf)
    document = {"source": str(source), "seed": seed, "defect": defect, "truths": [truth.row() for truth in truths]}
    beside = target.with_name(f"{target.name}.truth.json")
    beside.write_text(json_text.dumps(document, indent=2) + "\n", encoding="utf-8")
    if json:
        print(json_text.dumps(document, indent=2))
    else:
        for truth in truths:
            print(f"{truth.defect} {truth.start_s:.3f}-{truth.end_s:.3f} s ({truth.detail}); truth in {beside}")
    return 0


@app.command
def score(
    findings: Path, truth: Path, *, tolerance: float = 0.5, json: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Compare the output of `scan --json` with the truth that `damage` wrote; exit 1 on a miss or a false alarm.

    Args:
        findings: File with the output of `proving video scan CLIP --json`.
        truth: The file TARGET.truth.json.
        tolerance: Seconds by which the truth is widened before spans must overlap.
        json: Print one JSON document.
    """
    from proving.video.scoring import score as score_events

    scores = score_events(_read_findings(findings), _read_truths(truth), tolerance)
    if json:
        print(json_text.dumps(scores.row(), indent=2))
    else:
        print(f"precision {scores.precision:.3f}  recall {scores.recall:.3f}  f1 {scores.f1:.3f}")
        print(f"{scores.hit_count} of {scores.truth_count} truths found, {scores.finding_count} findings")
        if scores.hit_count:
            print(
                f"off by {scores.onset_error_s:.3f} s at the start and {scores.end_error_s:.3f} s at the end (medians)"
            )
    return 0 if scores.f1 == 1.0 else 1


@app.command
def detectors(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """List the detectors and what each finds.

    Args:
        json: Print one JSON document.
    """
    from proving.video.detectors import DETECTORS

    rows = [
        {"name": name, "needs": kind.needs, "term": kind.term, "about": kind.about} for name, kind in DETECTORS.items()
    ]
    if json:
        print(json_text.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(f"{row['name']:14} {row['needs']:8} {row['about']}")
    return 0


def _wrong(message: str) -> int:
    print(f"proving: {message}", file=sys.stderr)
    return 2


def _document(inspection: "Inspection") -> dict[str, object]:
    return {
        "path": str(inspection.path),
        "facts": inspection.facts.row(),
        "not_applicable": list(inspection.not_applicable),
        "findings": [finding.row() for finding in inspection.findings],
    }


def _show(inspection: "Inspection") -> None:
    facts = inspection.facts
    picture = (
        f"{facts.width}x{facts.height} {facts.frame_rate:.4g}/s {facts.video_codec}"
        if facts.has_video
        else "no picture"
    )
    sound = f"{facts.sample_rate} Hz x{facts.channel_count} {facts.audio_codec}" if facts.has_audio else "no sound"
    print(f"{inspection.path}: {facts.duration_s:.2f} s, {picture}, {sound}")
    for finding in inspection.findings:
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
        span = f"{finding.start_s:9.3f} - {finding.end_s:9.3f} s"
        print(f"  {span}  {finding.detector}  score {finding.score:.2f}  ({numbers})")
    if not inspection.findings:
        print("  nothing found")
    if inspection.not_applicable:
        print(f"  not applicable: {', '.join(inspection.not_applicable)}")
    for note in _notes(inspection):
        print(f"  note: {note}")


def _notes(inspection: "Inspection") -> list[str]:
    facts = inspection.facts
    notes: list[str] = []
    if facts.is_cut_short:
        notes.append(f"the header promises {facts.header_duration_s:.2f} s")
    if facts.decode_error_count:
        notes.append(f"{facts.decode_error_count} packets could not be decoded")
    if facts.timestamp_gap_count:
        notes.append(
            f"{facts.timestamp_gap_count} gaps in time stamps, the longest {facts.longest_gap_s:.2f} s "
            f"at {facts.longest_gap_start_s:.2f} s"
        )
    if facts.timestamp_backward_count:
        notes.append(f"{facts.timestamp_backward_count} time stamps that do not grow")
    return notes


def _read_findings(path: Path) -> "list[Finding]":
    from proving.video.errors import BadTruth
    from proving.video.findings import Finding

    document = _read_json(path)
    if not isinstance(document, list) or len(document) != 1:
        raise BadTruth(f"{path}: must be the output of `proving video scan CLIP --json` for one clip")
    try:
        return [
            Finding(
                str(row["detector"]), float(row["start_s"]), float(row["end_s"]), float(row["score"]), str(row["term"])
            )
            for row in document[0]["findings"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadTruth(f"{path}: is no output of `proving video scan --json`") from error


def _read_truths(path: Path) -> "list[Truth]":
    from proving.video.errors import BadTruth
    from proving.video.findings import Truth

    document = _read_json(path)
    try:
        rows = document["truths"]  # pyrefly: ignore  # any other shape raises TypeError, which is told below
        return [
            Truth(str(row["defect"]), float(row["start_s"]), float(row["end_s"]), bool(row["is_defect"]))
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadTruth(f"{path}: is no truth as `proving video damage` writes it") from error


def _read_json(path: Path) -> object:
    from proving.video.errors import BadTruth

    try:
        return json_text.loads(path.read_text(encoding="utf-8"))
    except (json_text.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadTruth(f"{path}: is not JSON: {error}") from error
