"""On the ring equilibrium, waves and control are what theory and experiment say."""

import numpy as np
import pytest

from proving.traffic import Idm, Measures, Ring, measure, simulate

QUIET = Idm(noise_intensity=0.0)


@pytest.mark.parametrize(
    ("length_m", "speed_mps"), [(220, 3.00), (230, 3.45), (240, 3.91), (250, 4.36), (260, 4.82), (270, 5.27)]
)
def test_without_noise_an_even_start_reaches_equilibrium(length_m: float, speed_mps: float):
    run = simulate.ring(Ring(length_m=length_m, duration_s=150, driver=QUIET), 0, "float64")
    assert run.speed_mps[-1].mean() == pytest.approx(speed_mps, abs=0.006)
    assert run.speed_mps[-1].std() < 1e-3
    assert run.gap_m[-1].mean() == pytest.approx(length_m / 22 - 5, abs=1e-6)


def test_with_noise_waves_grow_and_slow_everybody_down():
    run = simulate.ring(Ring(duration_s=600), 1)
    early, late = measure(run, start_s=20, end_s=60), measure(run, start_s=450)
    assert late.speed_std_mps > 10 * early.speed_std_mps
    assert 3.0 < late.mean_speed_mps < 4.0 < early.mean_speed_mps
    assert late.braking_per_veh_km > 5


def test_a_denser_ring_is_slower_and_an_emptier_one_keeps_still():
    jammed, free = (measure(simulate.ring(Ring(length_m=length, duration_s=300), 1)) for length in (200, 2000))
    assert jammed.mean_speed_mps < 3 < free.mean_speed_mps


SEEDS = [0, 1, 2, 3, 4, 5, 6, 7]


def late_measures(settings: Ring) -> list[Measures]:
    return [measure(run, "midSUV", 700) for run in simulate.rings(settings, SEEDS)]


@pytest.mark.parametrize(
    "driver",
    [Idm(), Idm(headway_s=0.8), Idm(headway_s=1.2, accel_mps2=0.73, comfortable_mps2=1.67)],
    ids=["flow", "close", "sluggish"],
)
def test_one_follower_stopper_among_22_saves_fuel_and_braking_with_every_seed(driver: Idm):
    human = late_measures(Ring(duration_s=900, driver=driver))
    mixed = late_measures(Ring(duration_s=900, driver=driver, controller="follower_stopper"))
    for before, after in zip(human, mixed, strict=True):
        assert after.fuel_l_per_100km < 0.8 * before.fuel_l_per_100km
        assert after.braking_per_veh_km < 0.1 * before.braking_per_veh_km
        assert after.throughput_veh_per_h > 1.1 * before.throughput_veh_per_h
        assert after.speed_std_mps < 0.6 * before.speed_std_mps


def test_one_pi_controller_among_22_saves_fuel_on_average():
    """Switched on in full-grown waves it ends them with some seeds only, so nothing more is claimed."""
    human, mixed = late_measures(Ring(duration_s=900)), late_measures(Ring(duration_s=900, controller="pi_saturation"))
    fuel = [np.mean([measures.fuel_l_per_100km for measures in part]) for part in (human, mixed)]
    assert fuel[1] < 0.7 * fuel[0]
    assert sum(measures.speed_std_mps < 0.5 for measures in mixed) >= len(SEEDS) / 2 - 1
    assert all(after.fuel_l_per_100km < before.fuel_l_per_100km for before, after in zip(human, mixed, strict=True))


def test_halving_the_step_changes_mean_flow_by_less_than_two_percent():
    coarse, fine = (Ring(duration_s=100, driver=QUIET, dt_s=dt) for dt in (0.1, 0.05))
    flows = [measure(simulate.ring(settings, 0)).throughput_veh_per_h for settings in (coarse, fine)]
    assert flows[0] == pytest.approx(flows[1], rel=0.02)


def test_noise_is_the_same_at_half_the_step():
    """White noise: the spread of speeds that it makes before waves grow does not depend on the step."""
    spreads = []
    for dt_s in (0.2, 0.1, 0.05):
        settings = Ring(length_m=2000, duration_s=120, dt_s=dt_s, driver=Idm(noise_intensity=0.2))
        runs = simulate.rings(settings, list(range(8)))
        spreads.append(np.mean([run.speed_mps[round(60 / dt_s) :].std() for run in runs]))
    assert max(spreads) / min(spreads) < 1.1
