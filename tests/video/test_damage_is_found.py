"""The shared suite of detectors and defects: a damaged clip is found, and a clean one is not."""

from itertools import pairwise
from pathlib import Path

import pytest

from proving.video import DEFECTS, DETECTORS, LOOK_ALIKES, make_defect, scan
from proving.video.defects.audio_dropout import AudioDropout
from proving.video.defects.freeze import Freeze
from proving.video.scoring import score

NOTHING: list[object] = []


def test_every_detector_has_a_defect_that_it_should_find():
    assert set(DEFECTS) == set(DETECTORS)


@pytest.mark.parametrize("clip", range(2))
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_damaged_clip_is_found_where_it_is_damaged_and_by_nothing_else(
    defect: str, clip: int, road_clips: list[Path], tmp_path: Path
):
    target = tmp_path / "damaged.mp4"
    truths = make_defect(road_clips[clip], target, DEFECTS[defect](), seed=10 * clip + 1)
    inspection = scan(target)
    scores = score(inspection.findings, truths)
    assert (scores.recall, scores.precision) == (1.0, 1.0), (truths, inspection.findings)
    assert scores.localisation_error_s <= 0.1


@pytest.mark.parametrize("clip", range(2))
def test_a_pristine_clip_is_clean(clip: int, road_clips: list[Path]):
    inspection = scan(road_clips[clip])
    assert list(inspection.findings) == NOTHING
    assert inspection.not_applicable == ()


@pytest.mark.parametrize("clip", range(2))
@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_a_look_alike_is_clean(look_alike: str, clip: int, road_clips: list[Path], tmp_path: Path):
    target = tmp_path / "alike.mp4"
    truths = make_defect(road_clips[clip], target, LOOK_ALIKES[look_alike](), seed=clip)
    assert not any(truth.is_defect for truth in truths)
    assert list(scan(target).findings) == NOTHING


@pytest.mark.parametrize("kind", ["silence", "channel", "repeat"])
def test_every_kind_of_dropout_is_found(kind: str, road_clip: Path, tmp_path: Path):
    target = tmp_path / "dropout.mp4"
    truths = make_defect(road_clip, target, AudioDropout(kind=kind), seed=4)
    assert truths[0].detail.startswith(kind)
    assert score(scan(target).findings, truths).f1 == 1.0


@pytest.mark.parametrize("jump_share", [0.0, 1.0])
def test_a_freeze_is_found_whether_or_not_the_clip_jumps_on(jump_share: float, road_clip: Path, tmp_path: Path):
    target = tmp_path / "freeze.mp4"
    truths = make_defect(road_clip, target, Freeze(jump_share=jump_share), seed=2)
    findings = scan(target, ["freeze"]).findings
    assert score(findings, truths).f1 == 1.0


def test_a_frozen_stretch_is_not_the_same_to_the_bit(road_clip: Path, tmp_path: Path):
    from proving.video.decode import ClipReader
    from proving.video.frames import Frame

    target = tmp_path / "freeze.mp4"
    (truth,) = make_defect(road_clip, target, Freeze(), seed=2, crf=28)
    with ClipReader(target) as reader:
        held = [
            item.picture.luma.copy()
            for item in reader
            if isinstance(item, Frame) and truth.start_s - 0.05 < item.pts_seconds < truth.end_s - 0.01
        ]
    assert any((first != second).any() for first, second in pairwise(held))
