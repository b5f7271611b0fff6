"""Look at and listen to a clip once, with all detectors."""

import math
from collections.abc import Sequence
from pathlib import Path

from proving.runs.progress import Progress, silent
from proving.video.decode import ClipReader
from proving.video.detecting import Detector
from proving.video.detectors import DETECTORS
from proving.video.errors import NoPicture, NoSound, NoSuchDetector, UnreadableClip
from proving.video.findings import Finding, Inspection
from proving.video.frames import Frame

ALL: tuple[str, ...] = ()


def scan(path: Path, detectors: Sequence[str] = ALL, progress: Progress = silent) -> Inspection:
    """Return what is wrong with a clip, and what its streams are.

    Args:
        path: The clip.
        detectors: Names in `DETECTORS`; none means all that apply.
        progress: Told of each second of the clip.

    Raises:
        NoSuchClip: the file is not there.
        UnreadableClip: neither picture nor sound can be decoded.
        NoSuchDetector: a detector's name is unknown.
        NoSound, NoPicture: a detector that was asked for by name has nothing to look at.
    """
    for name in detectors:
        if name not in DETECTORS:
            raise NoSuchDetector(f"there is no detector '{name}'; there are {', '.join(DETECTORS)}")
    with ClipReader(path) as reader:
        running = {name: DETECTORS[name].start() for name in detectors or DETECTORS}
        progress.start(math.ceil(reader.header_duration_s), 0, path.name)
        try:
            _run(reader, list(running.values()), progress)
        finally:
            progress.stop()
        facts = reader.facts()
    if not facts.has_video and not facts.has_audio:
        raise UnreadableClip(f"{path}: not one picture or sound in it can be decoded")
    has = {"picture": facts.has_video, "sound": facts.has_audio}
    idle = tuple(name for name in running if not has[DETECTORS[name].needs])
    if detectors and idle:
        missing = NoSound if DETECTORS[idle[0]].needs == "sound" else NoPicture
        raise missing(f"{path}: has no {DETECTORS[idle[0]].needs}, which the detector {idle[0]} needs")
    findings: list[Finding] = []
    for name, detector in running.items():
        if name not in idle:
            findings += detector.finish()
    findings.sort(key=lambda finding: (finding.start_s, finding.end_s, finding.detector))
    return Inspection(path=path, findings=tuple(findings), facts=facts, not_applicable=idle)


def _run(reader: ClipReader, detectors: list[Detector], progress: Progress) -> None:
    seconds = 0
    for item in reader:
        if isinstance(item, Frame):
            for detector in detectors:
                detector.see(item)
        else:
            for detector in detectors:
                detector.hear(item)
        while item.pts_seconds >= seconds + 1:
            seconds += 1
            progress.advance()
