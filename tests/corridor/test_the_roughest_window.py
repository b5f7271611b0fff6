"""The window of a drive that is replayed is the one with most speed lost by braking."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from proving.corridor.ingest import STEP_S, roughest_window
from proving.traffic import LeaderDrive


def lost(speed_mps: np.ndarray) -> float:
    return float(np.maximum(-np.diff(speed_mps), 0).sum())


@given(st.lists(st.floats(0, 40), min_size=40, max_size=120), st.integers(1, 30))
def test_no_other_window_loses_more_speed(speeds: list[float], window_s: int) -> None:
    time_s = np.arange(len(speeds)) * 1.0
    found = roughest_window(LeaderDrive(time_s, np.array(speeds), "drive"), float(window_s))
    assert found is not None
    assert len(found.speed_mps) == round(window_s / STEP_S) + 1
    fine = np.interp(np.arange(0, time_s[-1] + STEP_S / 2, STEP_S), time_s, speeds)
    every = [lost(fine[start : start + len(found.speed_mps)]) for start in range(len(fine) - len(found.speed_mps) + 1)]
    assert abs(found.lost_speed_mps - max(every)) < 1e-5
    assert abs(lost(found.speed_mps) - found.lost_speed_mps) < 1e-6
    start = round(found.start_s / STEP_S)
    assert np.array_equal(found.speed_mps, fine[start : start + len(found.speed_mps)])


def test_a_drive_that_is_too_short_leads_nobody() -> None:
    assert roughest_window(LeaderDrive(np.arange(10.0), np.ones(10), "short"), 9.5) is None
