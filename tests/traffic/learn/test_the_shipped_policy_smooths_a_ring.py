"""The policy that comes with the package does on a whole ring, under its name, what its card says."""

import numpy as np
import pytest

from proving.traffic import Ring, measure, rings

SEEDS = range(3)


def medians(controller: str, length_m: float) -> dict[str, float]:
    settings = Ring(length_m=length_m, controller=controller, automated_share=1 / 22, control_start_s=200.0)
    found = [measure(run, "midSUV", 400, 600).row() for run in rings(settings, SEEDS)]
    return {name: float(np.median([row[name] for row in found])) for name in found[0]}


@pytest.mark.parametrize("length_m", [235.0, 260.0])
def test_one_learned_vehicle_takes_the_waves_away(length_m: float) -> None:
    people, learned = medians("none", length_m), medians("learned", length_m)
    assert people["braking_per_veh_km"] > 5
    assert learned["braking_per_veh_km"] < 0.3
    assert learned["fuel_l_per_100km"] < 0.65 * people["fuel_l_per_100km"]
    assert learned["throughput_veh_per_h"] > 1.1 * people["throughput_veh_per_h"]
    assert learned["collision_count"] == 0
