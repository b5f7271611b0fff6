"""A small made-up drive that every platoon test may follow."""

import numpy as np
import pytest

from proving.traffic import LeaderDrive


@pytest.fixture(scope="session")
def drive() -> LeaderDrive:
    """Stop and go for 120 s: fast, slow, a halt, fast again; sampled unevenly as instruments do."""
    time_s = np.sort(np.concatenate([np.arange(0, 120.0, 0.25), [3.1, 57.77]]))
    speed_mps = np.clip(12 + 14 * np.sin(2 * np.pi * time_s / 55), 0, None)
    return LeaderDrive(time_s, speed_mps, "made up")
