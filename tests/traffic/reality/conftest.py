"""Made-up pairs: a stop-and-go leader and a follower that drives by a known law."""

from collections.abc import Callable

import numpy as np
import pytest

from proving.traffic.reality.laws import FollowingLaw
from proving.traffic.reality.pairs import Pair
from proving.traffic.reality.replay import as_driven, side_by_side, simulated

MakePair = Callable[..., Pair]


def _pair(law: FollowingLaw, values: list[float], *, run: str = "made_up", seed: int = 0, steps: int = 1500) -> Pair:
    rng = np.random.default_rng(seed)
    time_s = 0.1 * np.arange(steps)
    leader_mps = 12 + sum(
        amplitude * np.sin(2 * np.pi * time_s / period_s + phase)
        for amplitude, period_s, phase in zip((6, 4, 3), (97, 41, 23), rng.uniform(0, 6, 3), strict=True)
    )
    leader_mps = np.maximum(leader_mps, 0)
    everywhere = np.ones(steps, dtype=bool)
    blank = Pair(
        run=run,
        kind="human",
        distance_setting="",
        leader=1,
        leader_name="HEAD",
        follower_name=f"CAR_{seed}",
        dt_s=0.1,
        time_s=time_s,
        leader_speed_mps=leader_mps,
        speed_mps=np.full(steps, leader_mps[0]),
        gap_m=np.full(steps, 20.0),
        is_measured=everywhere,
        is_start=time_s == 0,
    )
    recordings, dt_s = side_by_side([blank])
    gap_m, speed_mps = simulated(law, np.array(values, dtype=np.float32)[:, None], recordings, dt_s)
    return as_driven(blank, np.asarray(gap_m)[:steps, 0], np.asarray(speed_mps)[:steps, 0])


@pytest.fixture(scope="session")
def make_pair() -> MakePair:
    """A pair whose follower is simulated: (law, values, run=..., seed=..., steps=...)."""
    return _pair
