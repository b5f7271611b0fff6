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
    """Three pristine clips of eight seconds from three seeds, at three frame rates."""
    folder = tmp_path_factory.mktemp("roads")
    paths = []
    for seed, frame_rate in ((0, 25.0), (1, 12.5), (2, 30.0)):
        paths.append(folder / f"road{seed}.mp4")
        write_road_clip(paths[-1], seed, Detect(duration_s=8.0, frame_rate=frame_rate))
    return paths
