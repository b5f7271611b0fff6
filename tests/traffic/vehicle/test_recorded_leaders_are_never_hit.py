"""Behind recorded leaders that brake without warning and are cut in on, with bad sensors, nobody is hit."""

from pathlib import Path

import numpy as np
import pytest

from proving.traffic.drives import read_drive, stop_and_go
from proving.traffic.vehicle import OnnxPolicy, Supervisor
from proving.traffic.vehicle.replays import Disturbance, automated, leaders


def outcome(policy: OnnxPolicy, drives: list, supervisor: Supervisor, seed: int = 0):
    random = np.random.default_rng(seed)
    lead = leaders(drives, 300, 500, Disturbance(), random)
    return automated(policy.card, policy.act, supervisor, lead, Disturbance(), random)


@pytest.mark.media
def test_no_recorded_leader_is_hit(policy: OnnxPolicy, shared_data: Path) -> None:
    files = sorted((shared_data / "traffic" / "i24_leader_trajectories").glob("*.csv.gz"))
    drives = [read_drive(file, "Time", "Velocity", speed_unit="km/h") for file in files]
    found = outcome(policy, drives, Supervisor())
    assert found.is_collided.sum() == 0
    assert (found.mode == 2).any()


def test_no_made_up_leader_is_hit_and_replays_repeat(policy: OnnxPolicy) -> None:
    drives = [stop_and_go(mean_mps=5, swing_mps=4, period_s=40), stop_and_go()]
    found, again = (outcome(policy, drives, Supervisor(), 3) for _ in range(2))
    assert found.is_collided.sum() == 0
    assert np.array_equal(found.gap_m, again.gap_m)
    assert (found.mode == 1).any()


def test_without_the_supervisors_distance_somebody_is_hit(policy: OnnxPolicy) -> None:
    """The proof can fail."""
    careless = Supervisor(response_s=0.01, margin_m=0.0, hardest_mps2=50.0, shortest_ttc_s=0.0)
    assert outcome(policy, [stop_and_go()], careless).is_collided.any()
