"""A clip of any length is scanned in the same memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from proving.video.encode import ClipWriter
from proving.video.frames import Planes

# The peak is asked of the kernel, so that what libav allocates counts as well.
SCAN = """
import resource, sys
from pathlib import Path
from proving.video import scan
facts = scan(Path(sys.argv[1])).facts
print(facts.frame_count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_moving_clip(path: Path, duration_s: int) -> None:
    """Write a picture that moves and a noise, of little size and much length."""
    generator = np.random.default_rng(5)
    world = np.kron(generator.integers(40, 220, (45, 120)), np.ones((8, 8))).astype(np.uint8)
    grey = np.full((180, 320), 128, np.uint8)
    noise = (0.1 * generator.standard_normal((48_000, 1))).astype(np.float32)
    with ClipWriter(path, (640, 360), 10.0, 48_000, 1, crf=35) as writer:
        for second in range(duration_s):
            for index in range(10):
                shift = (second * 10 + index) * 4 % 320
                writer.picture(Planes(world[:, shift : shift + 640].copy(), grey, grey), second + index / 10)
            writer.sound(noise)


def peak_kb(path: Path) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", SCAN, str(path)], capture_output=True, text=True, check=True)
    frame_count, kilobytes = done.stdout.split()
    return int(frame_count), int(kilobytes)


def test_ten_times_the_clip_takes_no_more_memory(tmp_path: Path):
    write_moving_clip(tmp_path / "short.mkv", 6)
    write_moving_clip(tmp_path / "long.mkv", 60)
    short_count, short_kb = peak_kb(tmp_path / "short.mkv")
    long_count, long_kb = peak_kb(tmp_path / "long.mkv")
    assert (short_count, long_count) == (60, 600)
    # 540 more pictures of 640x360 are 187 MB, 54 s more of sound are 10 MB as float32.
    assert long_kb - short_kb < 8_000
