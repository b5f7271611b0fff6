"""Who has a stop stands there for its time, and not before its hour leaves; that is neither waiting nor lost time."""

import numpy as np
import pytest

from proving.traffic.drivers import Krauss
from proving.traffic.errors import BadNetwork
from proving.traffic.network import Demand, Stop, Trip, VehicleType
from proving.traffic.network.simulate import Run, recorded, simulate

from .small_networks import straight

KIND = VehicleType(driver=Krauss(sigma=0.0), length_m=12.0)
RUN = Run(duration_s=180, dt_s=1.0, capacity=4, at_new_speed=True)


def bus(*stops: Stop) -> Demand:
    return Demand(types=(KIND,), trips=(Trip(name="bus", depart_s=0, route=("ab",), stops=stops),))


def test_a_bus_stands_at_its_stops_and_goes_on():
    stops = (
        Stop(edge="ab", lane=0, at_m=300.0, duration_s=20.0),
        Stop(edge="ab", lane=0, at_m=500.0, duration_s=5.0, until_s=120.0),
    )
    outcome, record = recorded(straight(), bus(*stops), RUN)
    is_there = (record.trip == 0).any(axis=1)
    position_m, speed_mps = (part.max(axis=1)[is_there] for part in (record.position_m, record.speed_mps))
    at_s = np.flatnonzero(is_there)
    first, second = (np.abs(position_m - stop.at_m) < 1.0 for stop in stops)
    assert 19 <= (first & (speed_mps < 0.1)).sum() <= 22
    assert at_s[second & (speed_mps < 0.1)].max() == pytest.approx(120, abs=2)
    assert ((speed_mps < 0.1) <= (first | second)).all(), "it stands nowhere else"
    assert outcome.is_finished.all()
    assert outcome.finished.waited_s[0] <= 2
    assert outcome.finished.lost_s[0] < 30
    assert outcome.emergencies == 0


def test_a_stop_off_the_route_is_named():
    with pytest.raises(BadNetwork, match=r"'bus'.*lane 3 of 'ab'"):
        simulate(straight(), bus(Stop(edge="ab", lane=3, at_m=10.0, duration_s=1.0)), RUN)
