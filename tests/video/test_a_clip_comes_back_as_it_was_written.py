"""Decoding gives what was encoded: how many pictures, when, and how they look and sound."""

from pathlib import Path

import numpy as np
import pytest

from proving.video import scan, thumbnail, write_clip
from proving.video.decode import ClipReader
from proving.video.encode import ClipWriter, planes_of, rgb_of
from proving.video.frames import Frame, Planes, Sound


def grey(level: int) -> np.ndarray:
    return np.full((64, 96, 3), level, np.uint8)


@pytest.mark.parametrize("frame_rate", [1.0, 10.0, 24000 / 1001, 30.0, 50.0])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_picture_comes_back_at_its_time(frame_rate: float, suffix: str, tmp_path: Path):
    path = tmp_path / f"clip{suffix}"
    assert write_clip(path, (grey(40 + 5 * index) for index in range(20)), frame_rate) == 20
    with ClipReader(path) as reader:
        frames = [item for item in reader if isinstance(item, Frame)]
        facts = reader.facts()
    assert [frame.index for frame in frames] == list(range(20))
    assert np.allclose([frame.pts_seconds for frame in frames], np.arange(20) / frame_rate, atol=0.002)
    assert all(frame.duration_seconds > 0 for frame in frames)
    assert facts.frame_count == 20
    assert facts.frame_rate == pytest.approx(frame_rate, rel=0.03)
    levels = [float(rgb_of(frame.picture).mean()) for frame in frames]
    assert np.allclose(levels, 40 + 5 * np.arange(20), atol=4)


@pytest.mark.parametrize("channel_count", [1, 2, 6])
def test_sound_comes_back_in_step_and_as_loud(channel_count: int, tmp_path: Path):
    path = tmp_path / "clip.mp4"
    clock_s = np.arange(48_000 * 2) / 48_000
    sound = np.stack([0.2 * np.sin(2 * np.pi * (300 + 70 * n) * clock_s) for n in range(channel_count)], axis=1)
    sound[:48_000] = 0
    write_clip(path, (grey(100) for _ in range(50)), 25.0, sound.astype(np.float32), 48_000)
    with ClipReader(path) as reader:
        blocks = [item for item in reader if isinstance(item, Sound)]
    heard = np.concatenate([block.samples for block in blocks])
    assert heard.shape[1] == channel_count
    assert blocks[0].pts_seconds == pytest.approx(0.0, abs=0.03)
    onset_s = blocks[0].pts_seconds + float(np.argmax(np.abs(heard).max(axis=1) > 0.05)) / 48_000
    assert onset_s == pytest.approx(1.0, abs=0.01)


def test_a_gap_in_time_stamps_is_told(tmp_path: Path):
    path = tmp_path / "gap.mp4"
    with ClipWriter(path, (96, 64), 25.0) as writer:
        for index in range(40):
            writer.picture(planes_of(grey(50 + index)), index / 25 + (1.5 if index >= 20 else 0.0))
    facts = scan(path).facts
    assert facts.timestamp_gap_count == 1
    assert facts.longest_gap_start_s == pytest.approx(19 / 25, abs=0.01)
    assert facts.longest_gap_s == pytest.approx(1.54, abs=0.01)


def test_colours_survive_the_way_to_planes_and_back():
    generator = np.random.default_rng(1)
    colours = np.kron(generator.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    # Chroma has half the size, so only the middle of each patch is its own colour.
    difference = np.abs(rgb_of(planes_of(colours)).astype(int) - colours)[4::8, 4::8]
    assert difference.max() <= 6


def test_planes_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="chroma planes must be"):
        Planes(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8))


def test_a_thumbnail_is_a_jpeg_of_the_wanted_moment(tmp_path: Path):
    import io

    import matplotlib.image

    path = tmp_path / "clip.mp4"
    write_clip(path, (grey(40 if index < 25 else 200) for index in range(50)), 25.0)
    for time_s, level in ((-1.0, 40), (0.5, 40), (1.5, 200), (99.0, 200)):
        data = thumbnail(path, time_s, 64)
        assert data[:2] == b"\xff\xd8"
        picture = matplotlib.image.imread(io.BytesIO(data), format="jpg")
        assert picture.shape[1] == 64
        assert float(picture.mean()) == pytest.approx(level, abs=6)
    with pytest.raises(ValueError, match="width_px"):
        thumbnail(path, 0.0, 2)
