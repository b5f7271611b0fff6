"""How well do the detectors find damage in clips of sources that they were not tuned on, and how often are they wrong?

Each clip is reduced to at most 480 pixels of width and 14 s, damaged by every defect several times, and scanned; the
peers are FFmpeg's blackdetect, freezedetect and silencedetect on the same files. Look-alikes and the clips as they were
delivered give the false alarms. Clips lie in PROVING_DATA, else in ../shared/data beside the checkout; which are held
out is written in detectors_split.toml. With --json the last line is one object; --smoke takes two clips, one seed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from proving.video import NoPicture, NoPlace, NoSound, make_defect, scan
from proving.video.damaging import Defect
from proving.video.defects import LOOK_ALIKES
from proving.video.defects.audio_dropout import AudioDropout
from proving.video.defects.black import Black
from proving.video.defects.freeze import Freeze
from proving.video.detectors import DETECTORS
from proving.video.findings import Finding, Truth
from proving.video.scoring import Scores, score_clips

CHECKOUT = Path(__file__).resolve().parent.parent
DEFECTS: dict[str, tuple[Defect, ...]] = {
    "black": (Black(), Black(), Black(margin_s=0.12)),
    "freeze": (Freeze(), Freeze(jump_share=1.0), Freeze(jump_share=0.0), Freeze(until_end=True)),
    "audio_dropout": (
        AudioDropout(kind="silence"),
        AudioDropout(kind="channel"),
        AudioDropout(kind="repeat"),
        AudioDropout(kind="silence", margin_s=0.1),
    ),
}
ALIKE: dict[str, tuple[Defect, ...]] = {name: (kind(),) for name, kind in LOOK_ALIKES.items()}
PEERS = {
    "black": ("-vf", "blackdetect=d=0.08:pic_th=0.98:pix_th=0.10"),
    "freeze": ("-vf", "freezedetect=n=-60dB:d=0.5"),
    "audio_dropout": ("-af", "silencedetect=n=-60dB:d=0.04:mono=1"),
}
PEER_LINES = re.compile(r"(?:black|freeze|silence)_(start|end): ?(-?[\d.]+)(?:.*?black_end:([\d.]+))?")


@dataclass(frozen=True)
class Job:
    """One clip to be damaged in one way (None: left alone), and where the result is kept."""

    source: Path
    defect: str | None
    plan: int
    seed: int
    target: Path


@dataclass(frozen=True)
class Result:
    """What is true of one clip, what we found in it, and what the peers found."""

    job: Job
    truths: tuple[Truth, ...]
    ours: tuple[Finding, ...]
    peer: tuple[Finding, ...]
    duration_s: float


def prepared(source: Path, folder: Path, longest_s: float) -> Path:
    """Return a small copy that is nearly without loss."""
    target = folder / f"{source.stem}.mkv"
    if target.exists():
        return target
    part = target.with_suffix(".part")
    picture = "-vf scale=min(480\\,iw):-2 -fps_mode passthrough -c:v libx264 -preset veryfast -crf 12 -pix_fmt yuv420p"
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", "-i", str(source), "-t", str(longest_s), "-map", "0:v:0?"]
    command += ["-map", "0:a:0?", *picture.split(), "-c:a", "flac", "-f", "matroska", str(part)]
    subprocess.run(command, check=True)
    part.replace(target)
    return target


def run_job(job: Job) -> Result | None:
    """Return what was found; None where the clip has no place for the defect."""
    path, truths = job.source, tuple[Truth, ...]()
    if job.defect is not None:
        path = job.target
        try:
            truths = damaged(job, {**DEFECTS, **ALIKE}[job.defect][job.plan])
        except (NoPlace, NoPicture, NoSound):
            return None
    inspection = scan(path)
    peer = tuple(found for name in PEERS for found in ask_peer(name, path, inspection.facts.duration_s))
    return Result(job, truths, inspection.findings, peer, inspection.facts.duration_s)


def damaged(job: Job, defect: Defect) -> tuple[Truth, ...]:
    """Return what was done to the clip, from the file beside it where an earlier run left it."""
    beside = job.target.with_suffix(".truth.json")
    if not beside.exists():
        truths = make_defect(job.source, job.target, defect, job.seed)
        beside.write_text(json.dumps([asdict(truth) for truth in truths]), encoding="utf-8")
    return tuple(Truth(**row) for row in json.loads(beside.read_text(encoding="utf-8")))


def ask_peer(name: str, path: Path, duration_s: float) -> Iterator[Finding]:
    """Give what FFmpeg's filter reports; a span that never ends lasts until the end of the clip."""
    kind, graph = PEERS[name]
    drop = "-an" if kind == "-vf" else "-vn"
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-i", str(path), drop, kind, graph, "-f", "null", "-"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    open_s: list[float] = []
    for edge, time_s, black_end_s in PEER_LINES.findall(done.stderr):
        if black_end_s:
            yield Finding(name, float(time_s), float(black_end_s), 1.0, "")
        elif edge == "start":
            open_s.append(float(time_s))
        elif open_s:
            yield Finding(name, open_s.pop(), max(float(time_s), 0.0), 1.0, "")
    for start_s in open_s:
        yield Finding(name, start_s, max(duration_s, start_s), 1.0, "")


def jobs_of(clips: list[Path], folder: Path, seed_count: int, plan_count: int) -> Iterator[Job]:
    for clip in clips:
        small = prepared(clip, folder, 14.0)
        for name, plans in (DEFECTS | ALIKE).items():
            for plan in range(min(plan_count, len(plans))):
                for seed in range(seed_count):
                    drawn = 1000 * seed + 10 * plan + sum(clip.stem.encode()) % 997
                    yield Job(small, name, plan, drawn, folder / f"{clip.stem}-{name}-{plan}-{seed}.mp4")
        yield Job(clip, None, 0, 0, clip)


def is_known(finding: Finding, known: list[dict[str, str | float]], clip: Path) -> bool:
    return any(
        clip.stem == Path(str(one["clip"])).stem
        and finding.detector == one["detector"]
        and finding.start_s <= float(one["end_s"])
        and finding.end_s >= float(one["start_s"])
        for one in known
    )


def summary(results: list[Result], known: list[dict[str, str | float]], who: str) -> dict[str, dict[str, float]]:
    """Return the figures of each detector, ours or its peer's."""
    answer = {}
    for name in DETECTORS:
        of = {
            result.job: [
                one
                for one in getattr(result, who)
                if one.detector == name and not is_known(one, known, result.job.source)
            ]
            for result in results
        }
        damaged = [one for one in results if one.job.defect in DEFECTS]
        truths = [[truth for truth in one.truths if truth.defect == name] for one in damaged]
        scores = score_clips([(of[one.job], true) for one, true in zip(damaged, truths, strict=True)])
        alike = [one for one in results if one.job.defect in ALIKE]
        clean = [one for one in results if one.job.defect is None]
        alarms = [found for one in clean for found in of[one.job]]
        answer[name] = {
            **figures(scores),
            "look_alikes": len(alike),
            "look_alikes_alarmed": sum(bool(of[one.job]) for one in alike),
            "clean_hours": round(sum(one.duration_s for one in clean) / 3600, 4),
            "clean_alarms": len(alarms),
            "alarms_per_hour": round(len(alarms) / max(sum(one.duration_s for one in clean) / 3600, 1e-9), 1),
        }
    return answer


def figures(scores: Scores) -> dict[str, float]:
    return {
        "truths": scores.truth_count,
        "precision": round(scores.precision, 3),
        "recall": round(scores.recall, 3),
        "f1": round(scores.f1, 3),
        "onset_error_s": round(scores.onset_error_s, 3),
        "end_error_s": round(scores.end_error_s, 3),
    }


def show_errors(results: list[Result]) -> None:
    for result in results:
        for name in DETECTORS:
            found = [one for one in result.ours if one.detector == name]
            true = [one for one in result.truths if one.defect == name and one.is_defect]
            if score_clips([(found, true)]).f1 < 1.0:
                numbers = [{key: round(value, 2) for key, value in one.evidence.items()} for one in found]
                spans = [(round(one.start_s, 3), round(one.end_s, 3)) for one in found]
                truths = [(round(one.start_s, 3), round(one.end_s, 3), one.detail) for one in true]
                print(f"{result.job.target.name} {name}: true {truths} found {spans} {numbers}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="two clips, one seed, one plan of each defect")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--split", choices=("dev", "held_out"), default="held_out")
    parser.add_argument("--seeds", type=int, default=1, help="how often each plan is drawn for each clip")
    parser.add_argument("--keep", type=Path, help="keep the damaged clips in this folder")
    parser.add_argument("--errors", action="store_true", help="print every miss and every false alarm")
    options = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.exit("the peers need the command ffmpeg (Debian: apt-get install ffmpeg)")
    data = Path(os.environ.get("PROVING_DATA", CHECKOUT.parent / "shared" / "data")) / "video"
    split = tomllib.loads((CHECKOUT / "benchmarks" / "detectors_split.toml").read_text(encoding="utf-8"))
    clips = [data / name for name in split[options.split]["clips"]]
    if options.smoke:
        clips = [data / "live/skv_bikes.mp4", data / "audio/whisper_jfk.flac"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        jobs = list(jobs_of(clips, folder, options.seeds, 1 if options.smoke else 99))
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            results = [result for result in pool.map(run_job, jobs) if result is not None]
    answer = {who: summary(results, split["known"], who) for who in ("ours", "peer")}
    for who, rows in answer.items():
        for name, row in rows.items():
            print(f"{who:5s} {name:14s}", "  ".join(f"{key} {value:g}" for key, value in row.items()))
    if options.errors:
        show_errors(results)
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
