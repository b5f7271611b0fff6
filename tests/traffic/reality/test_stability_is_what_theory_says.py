"""String stability by automatic differentiation agrees with closed forms, and platoons obey it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic import FollowerStopper, Idm, LeaderDrive, Platoon, follow_leader
from proving.traffic.errors import BadSettings
from proving.traffic.reality.stability import (
    Law,
    equilibrium_gap_m,
    law_of,
    measured_gain,
    platoon_gain,
    sensitivities,
    unstable_speeds_mps,
)

FLOW_RING = Idm(noise_intensity=0.0)
CIRCLES = Idm(desired_speed_mps=45.0, accel_mps2=1.3, comfortable_mps2=2.0, noise_intensity=0.0)
SMOOTHER = Idm(desired_speed_mps=33.3, headway_s=1.5, accel_mps2=1.4, comfortable_mps2=2.0, noise_intensity=0.0)


def constant_time_gap(gap_gain: float, speed_gain: float, headway_s: float) -> Law:
    def accel_mps2(gap_m: float, speed_mps: float, leader_mps: float) -> float:
        return gap_gain * (gap_m - 2.0 - headway_s * speed_mps) + speed_gain * (leader_mps - speed_mps)

    return accel_mps2


@given(st.floats(0.05, 2.0), st.floats(0.0, 2.0), st.floats(0.3, 3.0))
def test_constant_time_gap_control_has_its_closed_form(gap_gain: float, speed_gain: float, headway_s: float) -> None:
    point = sensitivities(constant_time_gap(gap_gain, speed_gain, headway_s), 10.0)
    assert point.gap_m == pytest.approx(2.0 + 10 * headway_s, rel=1e-5)
    # (k2 + k1 h)^2 - k2^2 - 2 k1 = k1 (k1 h^2 + 2 k2 h - 2)
    closed = gap_gain * (gap_gain * headway_s**2 + 2 * speed_gain * headway_s - 2)
    assert point.margin == pytest.approx(closed, abs=1e-6)
    if abs(closed) > 1e-5:
        assert point.is_string_stable == (closed > 0)


@pytest.mark.parametrize("law", [FLOW_RING, CIRCLES, SMOOTHER], ids=["flow", "circles", "smoother"])
@pytest.mark.parametrize("speed_mps", [2.0, 8.0, 15.0, 22.0])
def test_idm_derivatives_are_those_on_paper(law: Idm, speed_mps: float) -> None:
    point = sensitivities(law_of(law), speed_mps)
    gap = law.equilibrium_gap_m(speed_mps)
    assert point.gap_m == pytest.approx(gap, rel=1e-4)
    wanted, root = law.min_gap_m + speed_mps * law.headway_s, 2 * math.sqrt(law.accel_mps2 * law.comfortable_mps2)
    pull = 2 * law.accel_mps2 * wanted / gap**2
    free = -4 * law.accel_mps2 * speed_mps**3 / law.desired_speed_mps**4
    assert point.to_gap == pytest.approx(pull * wanted / gap, rel=1e-3)
    assert point.to_speed == pytest.approx(free - pull * (law.headway_s + speed_mps / root), rel=1e-3)
    assert point.to_leader == pytest.approx(pull * speed_mps / root, rel=1e-3)


@pytest.mark.parametrize(
    ("law", "first_mps", "last_mps"),
    [(FLOW_RING, 0.5, 18.0), (CIRCLES, 0.5, 27.0), (SMOOTHER, 5.0, 16.0)],
    ids=["flow", "circles", "smoother"],
)
def test_idm_is_unstable_in_the_range_of_speeds_that_was_computed_by_hand(
    law: Idm, first_mps: float, last_mps: float
) -> None:
    speeds = [0.5, 4.5, 5.0, 10.0, 16.0, 16.5, 18.0, 18.5, 22.0, 27.0, 27.5]
    unstable = unstable_speeds_mps(law_of(law), speeds)
    assert unstable == tuple(speed for speed in speeds if first_mps <= speed <= last_mps)


@pytest.mark.parametrize("period_s", [20.0, 50.0])
@pytest.mark.parametrize("law", [FLOW_RING, SMOOTHER], ids=["flow", "smoother"])
def test_a_simulated_platoon_has_the_gain_of_linear_theory(law: Idm, period_s: float) -> None:
    time_s = np.arange(0, 400, 0.1)
    speed_mps = 10 + 0.05 * np.sin(2 * np.pi * time_s / period_s)
    platoon = Platoon(vehicle_count=2, driver=law, automated_share=0.0)
    run = follow_leader(LeaderDrive(time_s, speed_mps, "small sine"), platoon, 0, precision="float64")
    theory = float(sensitivities(law_of(law), 10.0).gain(2 * math.pi / period_s))
    assert platoon_gain(run, 200.0) == pytest.approx(theory, rel=0.01)


def test_slow_disturbances_pass_unchanged_and_fast_ones_fade() -> None:
    point = sensitivities(law_of(FLOW_RING), 5.0)
    gains = point.gain(np.array([1e-5, 0.3, 20.0]))
    assert gains[0] == pytest.approx(1.0, abs=1e-6)
    assert gains[1] > 1
    assert gains[2] < 0.2


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(BadSettings, match="memory"):
        law_of(FollowerStopper())
    with pytest.raises(BadSettings, match="no equilibrium at 50"):
        equilibrium_gap_m(law_of(FLOW_RING), 50.0)
    with pytest.raises(BadSettings, match="never changes"):
        measured_gain(np.array([[3.0, 3.1], [3.0, 3.2]]))
    with pytest.raises(BadSettings, match="two vehicles"):
        measured_gain(np.array([[3.0], [3.1]]))


def test_measured_gain_is_the_ratio_of_deviations() -> None:
    lead = np.sin(np.arange(100) / 5)
    np.testing.assert_allclose(measured_gain(np.stack([10 + lead, 9 + 2 * lead, 8 + lead], axis=1)), [2.0, 0.5])
