"""Small synthetic clips that several tests look at."""

from pathlib import Path

import pytest

from proving.video.scenarios import Detect, write_road_clip


@pytest.fixture(scope="session")
def road_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a pristine road camera with sound."""
    path = tmp_path_factory.mktemp("road") / "road.mp4"
    write_road_clip(path, 5, Detect(duration_s=6.0))
    return path


@pytest.fixture(scope="session")
def road_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two pristine clips of six seconds from two seeds, at a low and a high frame rate."""
    folder = tmp_path_factory.mktemp("roads")
    paths = []
    for seed, frame_rate in ((0, 12.5), (1, 30.0)):
        paths.append(folder / f"road{seed}.mp4")
        write_road_clip(paths[-1], seed, Detect(duration_s=6.0, frame_rate=frame_rate))
    return paths
