"""FLOW's failsafes cut down only what is unsafe, in their order; ALINEA settles where it should."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic.drivers import Gipps
from proving.traffic.errors import BadSettings
from proving.traffic.failsafes import (
    ORDER,
    Guarded,
    feasible_accel,
    in_order,
    instantaneous,
    obey_speed_limit,
    safe_velocity,
)
from proving.traffic.ramp_metering import Alinea, cycle_s, next_bottleneck_rate_veh_per_h, next_rate_veh_per_h
from proving.traffic.state import View

SPEED, GAP, WISH = st.floats(0, 40), st.floats(0.01, 200), st.floats(-20, 20)


def view(speed: float, gap: float, leader: float, limit: float = math.inf) -> View:
    return View(*(np.array([number]) for number in (speed, gap, leader, limit)), dt_s=0.1)


@given(speed=SPEED, gap=GAP, leader=SPEED, limit=st.floats(1, 40), wish=WISH)
def test_failsafes_only_ever_brake_harder_but_for_what_is_feasible(
    speed: float, gap: float, leader: float, limit: float, wish: float
):
    seen, wished = view(speed, gap, leader, limit), np.array([wish])
    for cut in (instantaneous(wished, seen), safe_velocity(wished, seen, 0.2), obey_speed_limit(wished, seen)):
        assert cut[0] <= wish + 1e-9
    assert speed + 0.1 * safe_velocity(wished, seen)[0] >= min(speed + 0.1 * wish, 0) - 1e-9
    assert speed + 0.1 * obey_speed_limit(wished, seen)[0] <= limit + 1e-9
    assert -4.5 <= feasible_accel(wished, 2.6, 4.5)[0] <= 2.6
    assert in_order(wished, seen, ("feasible_accel",))[0] == feasible_accel(wished, 2.6, 4.5)[0]


def test_a_stop_is_instantaneous_exactly_where_the_next_step_might_hit():
    # v = 10, no wish: needed are 0.1 * 10 + 0.01 + 0.5 = 1.51 m.
    for gap, expected in ((1.50, -100.0), (1.52, 0.0)):
        assert instantaneous(np.array([0.0]), view(10.0, gap, 0.0))[0] == expected
    # v_safe = 2 * 0.6 / 0.1 + (4 - 10) - 2 * 10 * 0.1 = 4 m/s.
    assert safe_velocity(np.array([0.0]), view(10.0, 0.6, 4.0), delay_s=0.1)[0] == pytest.approx((4 - 10) / 0.1)


def test_the_order_is_flows_whatever_order_is_asked_for():
    seen, wish = view(10.0, 1.0, 0.0, limit=5.0), np.array([1.0])
    assert ORDER == ("instantaneous", "safe_velocity", "feasible_accel", "obey_speed_limit")
    by_hand = obey_speed_limit(feasible_accel(safe_velocity(instantaneous(wish, seen), seen), 2.6, 4.5), seen)
    assert in_order(wish, seen)[0] == in_order(wish, seen, tuple(reversed(ORDER)))[0] == by_hand[0]
    assert in_order(wish, seen, ("feasible_accel", "instantaneous"))[0] == -4.5, "feasible comes after the stop"
    with pytest.raises(BadSettings, match="safe_velocity"):
        in_order(wish, seen, ("safe",))  # type: ignore[arg-type]


@given(speed=SPEED, gap=GAP, leader=SPEED)
def test_a_guarded_driver_wants_what_the_failsafes_leave_of_its_wish(speed: float, gap: float, leader: float):
    seen = view(speed, gap, leader, limit=20.0)
    wish, _ = Gipps().drive(seen, ())
    guarded, _ = Guarded(law=Gipps(), failsafes=("obey_speed_limit", "instantaneous")).drive(seen, ())
    assert guarded[0] == in_order(wish, seen, ("instantaneous", "obey_speed_limit"))[0]
    assert Guarded(law=Gipps(), failsafes=()).drive(seen, ())[0][0] == wish[0]
    with pytest.raises(BadSettings, match="brake"):
        Guarded(law=Gipps(), failsafes=("brake",))  # type: ignore[arg-type]


@given(start=st.floats(0, 3000), jam_share=st.floats(0.0002, 0.0003))
def test_alinea_settles_at_its_target(start: float, jam_share: float):
    """A road whose occupancy grows with what is let on: the rate ends where the occupancy is the target."""
    law = Alinea(gain_veh_per_h=2000.0)
    rate = start
    for _ in range(200):
        rate = next_rate_veh_per_h(law, rate, jam_share * rate)
        assert law.least_veh_per_h <= rate <= law.most_veh_per_h
    assert jam_share * rate == pytest.approx(law.target_share, abs=1e-6)


def test_alinea_does_not_wind_up():
    law = Alinea()
    rate = next_rate_veh_per_h(law, 1e6, law.target_share + 0.01)
    assert rate == pytest.approx(law.most_veh_per_h - 70.0)


def test_flows_bottleneck_variant():
    assert next_bottleneck_rate_veh_per_h(600.0, 10.0) == 560.0
    assert next_bottleneck_rate_veh_per_h(1090.0, 0.0) == 1100.0
    assert next_bottleneck_rate_veh_per_h(280.0, 30.0) == 275.0
    assert cycle_s(900.0) == 8.0


@pytest.mark.parametrize(
    "setting", [{"target_share": 0.0}, {"least_veh_per_h": 2000.0}, {"gain_veh_per_h": 0.0}, {"interval_s": math.nan}]
)
def test_impossible_ramp_meters_are_refused(setting: dict[str, float]):
    with pytest.raises(BadSettings, match=next(iter(setting))):
        Alinea(**setting)
    with pytest.raises(BadSettings, match="above 0"):
        cycle_s(0.0)
