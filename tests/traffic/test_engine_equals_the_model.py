"""The engine does what the slow scalar model does, with every law on every road."""

import dataclasses
import itertools

import numpy as np
import pytest

from proving.traffic import CONTROLLERS, Idm, LeaderDrive, OpenRoad, Platoon, Ring, model, simulate
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
    columns = {}
    first = int(run.is_replayed.sum())
    for index, vehicle in enumerate(sorted({moment.vehicle for moment in history.moments})):
        columns[vehicle] = index + first
    step = np.array([moment.step for moment in history.moments])
    column = np.array([columns[moment.vehicle] for moment in history.moments])
    np.testing.assert_array_equal(run.lane[step, column], [moment.lane for moment in history.moments])
    for name in ("position_m", "speed_mps", "accel_mps2", "gap_m"):
        expected = np.array([getattr(moment, name) for moment in history.moments])
        expected[expected >= model.FREE_GAP_M] = np.inf
        np.testing.assert_allclose(
            getattr(run, name)[step, column], expected, rtol=tolerance, atol=tolerance, err_msg=name
        )


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


def test_a_whole_run_in_float32_has_the_same_statistics():
    settings = Ring(duration_s=300, driver=HUMAN)
    run = simulate.ring(settings, 5)
    history = model.ring(settings, 5, 3000)
    late = np.array([moment.speed_mps for moment in history.moments if moment.step >= 1500])
    assert run.speed_mps[1500:].mean() == pytest.approx(late.mean(), rel=0.02)
    assert run.speed_mps[1500:].std() == pytest.approx(late.std(), rel=0.05)


def test_a_planted_fault_is_seen():
    settings = Ring(duration_s=5, driver=HUMAN)
    slower = dataclasses.replace(settings, driver=dataclasses.replace(HUMAN, headway_s=1.001))
    with pytest.raises(AssertionError, match="position_m"):
        compare(simulate.ring(slower, 7, "float64"), model.ring(settings, 7, 50), 1e-9, 50)
