"""The engine does what the slow scalar model does, with every law on every road."""

import dataclasses
import itertools

import numpy as np
import pytest

from proving.traffic import CONTROLLERS, Idm, LeaderDrive, OpenRoad, Platoon, Ring, measure, model, simulate
from proving.traffic.drivers import LAWS
from proving.traffic.sensing import Sensing
from proving.traffic.trajectories import Trajectories
from proving.traffic.worlds import Controller, LawName

STEPS = 500
# Every law and every controller, in pairs, so that each is compiled once a road.
PAIRED = list(zip(LAWS, itertools.cycle(CONTROLLERS), strict=False))
HUMAN = Idm(noise_intensity=0.063)


def compare(run: Trajectories, history: model.History, tolerance: float, steps: int) -> None:
    """Every moment of the model is in the run, with nothing beside it, and nobody rolls back or overlaps."""
    assert run.speed_mps[run.is_present].min() >= 0
    assert run.gap_m[run.is_present].min() > 0
    assert history.moments
    assert len(history.moments) == int(run.is_present[:steps, ~run.is_replayed].sum())
    at, says = told_by(run, history)
    np.testing.assert_array_equal(run.lane[at], [moment.lane for moment in history.moments])
    for name, expected in says.items():
        np.testing.assert_allclose(getattr(run, name)[at], expected, rtol=tolerance, atol=tolerance, err_msg=name)


def told_by(run: Trajectories, history: model.History) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Return the steps and columns of the run that the model's moments are about, and what each says there."""
    first = int(run.is_replayed.sum())
    columns = {who: first + i for i, who in enumerate(sorted({moment.vehicle for moment in history.moments}))}
    step = np.array([moment.step for moment in history.moments])
    column = np.array([columns[moment.vehicle] for moment in history.moments])
    says = {}
    for name in ("position_m", "speed_mps", "accel_mps2", "gap_m"):
        says[name] = np.array([getattr(moment, name) for moment in history.moments])
        says[name][says[name] >= model.FREE_GAP_M] = np.inf
    return (step, column), says


def as_the_model_has_it(run: Trajectories, history: model.History) -> Trajectories:
    """Return the run with everybody who is not replayed where the model says."""
    at, says = told_by(run, history)
    parts = {name: getattr(run, name).astype(np.float64) for name in says}
    for name, expected in says.items():
        parts[name][at] = expected
    return dataclasses.replace(run, **parts)


@pytest.mark.parametrize(("law", "controller"), PAIRED)
def test_on_the_ring_in_float64(law: LawName, controller: Controller):
    settings = Ring(
        law=law,
        controller=controller,
        vehicle_count=12,
        length_m=170,
        control_start_s=10,
        duration_s=50,
        automated_share=0.2,
        spread_share=0.1,
    )
    compare(simulate.ring(settings, 7, "float64"), model.ring(settings, 7, STEPS), 1e-9, STEPS)


@pytest.mark.parametrize(("law", "controller"), PAIRED)
def test_behind_a_drive_in_float64(law: LawName, controller: Controller, drive: LeaderDrive):
    settings = Platoon(law=law, controller=controller, vehicle_count=6, automated_share=0.3, spread_share=0.05)
    run = simulate.follow_leader(drive, settings, 7, "float64")
    compare(run, model.platoon(drive, settings, 7, STEPS), 1e-9, STEPS)


@pytest.mark.parametrize(("law", "controller"), PAIRED)
def test_on_the_open_road_in_float64(law: LawName, controller: Controller):
    settings = OpenRoad(
        law=law,
        controller=controller,
        length_m=250,
        lane_count=2,
        slow_zone_m=80,
        inflow_veh_per_h=2200,
        duration_s=50,
        automated_share=0.3,
    )
    run = simulate.open_road(settings, 7, "float64")
    history = model.open_road(settings, 7, STEPS)
    compare(run, history, 1e-9, STEPS)
    assert (run.arrived_count, run.waiting_count, run.left_count) == (
        history.arrived_count,
        history.waiting_count,
        history.left_count,
    )
    assert run.left_count > 5, "the road is long enough to be filled and short enough to be left"


BLURRED = Sensing(
    gap_noise_m=0.3,
    speed_noise_mps=0.2,
    gap_bias_m=-0.5,
    speed_bias_mps=0.1,
    dropout_share=0.2,
    latency_s=0.3,
    actuation_lag_s=0.4,
    rate_hz=20.0,
)


def test_with_late_people_and_imperfect_sensors_in_float64(drive: LeaderDrive):
    platoon = Platoon(controller="pi_saturation", vehicle_count=6, automated_share=0.5, reaction_s=0.4, sensing=BLURRED)
    run = simulate.follow_leader(drive, platoon, 7, "float64")
    compare(run, model.platoon(drive, platoon, 7, STEPS), 1e-9, STEPS)
    road = OpenRoad(
        controller="follower_stopper",
        length_m=250,
        lane_count=2,
        slow_zone_m=80,
        duration_s=50,
        automated_share=0.5,
        reaction_s=0.3,
        sensing=BLURRED,
    )
    compare(simulate.open_road(road, 7, "float64"), model.open_road(road, 7, STEPS), 1e-9, STEPS)


def test_with_failsafes_in_float64():
    # A reaction time of a second makes most of what people want too fast for `safe_velocity`.
    road = OpenRoad(
        controller="follower_stopper",
        driver=HUMAN,
        length_m=250,
        lane_count=2,
        slow_zone_m=80,
        duration_s=50,
        automated_share=0.5,
        reaction_s=0.8,
        failsafes=("obey_speed_limit", "safe_velocity", "instantaneous", "feasible_accel"),
    )
    run, unguarded = (
        simulate.open_road(settings, 7, "float64") for settings in (road, dataclasses.replace(road, failsafes=()))
    )
    compare(run, model.open_road(road, 7, STEPS), 1e-9, STEPS)
    # One step into the slow zone everybody keeps its limit, whom nothing guards does not.
    fastest = [np.max(each.speed_mps, where=each.position_m > 175, initial=0) for each in (run, unguarded)]
    assert fastest[0] <= road.slow_zone_limit_mps + 1e-9 < fastest[1] - 1


@pytest.mark.parametrize("controller", ["follower_stopper", "pi_saturation", "time_headway"])
def test_one_step_in_float32(controller: Controller, drive: LeaderDrive):
    ring = Ring(controller=controller, control_start_s=0, duration_s=0.2, spread_share=0.1)
    compare(simulate.ring(ring, 3), model.ring(ring, 3, 2), 1e-5, 2)
    platoon = Platoon(controller=controller, vehicle_count=4)
    compare(simulate.follow_leader(drive, platoon, 3), model.platoon(drive, platoon, 3, 2), 1e-5, 2)


def test_a_run_in_float32_reports_what_the_model_reports(drive: LeaderDrive):
    """Every statistic of 500 steps; later waves have amplified what was rounded, and a run is another one like it."""
    ring = Ring(
        length_m=230, driver=HUMAN, controller="follower_stopper", control_start_s=10, spread_share=0.1, duration_s=50
    )
    platoon = Platoon(controller="time_headway", driver=HUMAN, vehicle_count=6, automated_share=0.3)
    # Its mean over 38 s is kept to the last bit (compensated); before, the smallest gap was off by 5e-5 of itself.
    with_a_mean = dataclasses.replace(platoon, controller="pi_saturation")
    road = OpenRoad(length_m=250, lane_count=2, slow_zone_m=80, inflow_veh_per_h=2200, duration_s=50)
    behind = [
        (simulate.follow_leader(drive, each, 7).between(0, STEPS / 10), model.platoon(drive, each, 7, STEPS))
        for each in (platoon, with_a_mean)
    ]
    for run, history in (
        (simulate.ring(ring, 7), model.ring(ring, 7, STEPS)),
        *behind,
        (simulate.open_road(road, 7), model.open_road(road, 7, STEPS)),
    ):
        reported, expected = (measure(one).row() for one in (run, as_the_model_has_it(run, history)))
        assert reported == pytest.approx(expected, rel=1e-5)
        assert reported["fuel_l_per_100km"] > 0
        assert reported["braking_per_veh_km"] + reported["mild_braking_per_veh_km"] > 0
        flows = [(one.arrived_count, one.waiting_count, one.left_count) for one in (run, history)]
        assert flows[0] == flows[1]
