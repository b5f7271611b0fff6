"""Whatever file comes, the answer is an inspection or one clear line."""

from pathlib import Path

import numpy as np
import pytest

from proving.video import NoPicture, NoSound, NoSuchClip, NoSuchDetector, UnreadableClip, scan, thumbnail, write_clip
from proving.video.encode import ClipWriter

SIZE = (48, 64, 3)


def pictures(count: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield generator.integers(0, 255, SIZE, dtype=np.uint8)


def tone(duration_s: float, channel_count: int = 1) -> np.ndarray:
    generator = np.random.default_rng(3)
    return (0.1 * generator.standard_normal((round(48_000 * duration_s), channel_count))).astype(np.float32)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(NoSuchClip, match="no such file"):
        scan(tmp_path / "nowhere.mp4")


def test_an_empty_file_a_text_and_a_folder_are_unreadable(tmp_path: Path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is no clip\n" * 100)
    for name, why in (("empty.mp4", "0 bytes"), ("text.mp4", "no clip"), (".", "folder")):
        with pytest.raises(UnreadableClip, match=why) as caught:
            scan(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_header_without_its_pictures_is_unreadable(tmp_path: Path, road_clip: Path):
    data = road_clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[:200])
    with pytest.raises(UnreadableClip):
        scan(tmp_path / "cut.mp4")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_stream_gives_what_is_there_and_says_that_it_is_cut(share: float, tmp_path: Path):
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    write_clip(whole, pictures(75), 25.0, tone(3.0), 48_000)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    facts = scan(cut).facts
    assert 0 < facts.frame_count < 75
    assert facts.is_cut_short == (share < 0.8)


def test_overwritten_bytes_do_not_end_the_pass(tmp_path: Path, road_clip: Path):
    data = bytearray(road_clip.read_bytes())
    middle = len(data) // 3
    generator = np.random.default_rng(0)
    for start in range(middle, middle + 20_000, 400):
        data[start : start + 40] = generator.bytes(40)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(bytes(data))
    facts = scan(broken).facts
    assert facts.frame_count >= 100
    assert facts.decode_error_count + facts.corrupt_frame_count > 0


def test_sound_alone_is_listened_to_and_pictures_are_not_applicable(tmp_path: Path):
    path = tmp_path / "sound.mp4"
    with ClipWriter(path, None, sample_rate=48_000, channel_count=2) as writer:
        writer.sound(tone(2.0, 2))
    inspection = scan(path)
    assert (inspection.facts.has_video, inspection.facts.has_audio) == (False, True)
    assert inspection.not_applicable == ("black", "freeze")
    with pytest.raises(NoPicture, match="no picture, which the detector black needs"):
        scan(path, ["black"])
    with pytest.raises(NoPicture):
        thumbnail(path, 0.5)


def test_a_clip_without_sound_is_looked_at_and_only_asking_for_sound_is_refused(tmp_path: Path):
    path = tmp_path / "silent.mp4"
    write_clip(path, pictures(20), 10.0)
    assert scan(path).not_applicable == ("audio_dropout",)
    with pytest.raises(NoSound, match="no sound, which the detector audio_dropout needs"):
        scan(path, ["audio_dropout"])


def test_an_unknown_detector_is_named_with_the_known_ones(road_clip: Path):
    with pytest.raises(NoSuchDetector, match="'blak'; there are black, freeze, audio_dropout"):
        scan(road_clip, ["blak"])


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path):
    def broken():
        yield np.zeros(SIZE, np.uint8)
        yield np.zeros((10, 10, 3), np.uint8)

    with pytest.raises(ValueError, match="picture 1 is"):
        write_clip(tmp_path / "x.mp4", broken(), 25.0)
    assert list(tmp_path.iterdir()) == []
