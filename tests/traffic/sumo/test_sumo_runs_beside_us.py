"""SUMO drives our roads and our demand, and says the same where the answer is plain."""

import dataclasses
import sys

import numpy as np
import pytest

from proving.traffic.drivers import FollowerStopper, Krauss
from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand, Edge, Flow, Junction, Lane, RoadMap, Trip, VehicleType
from proving.traffic.network.simulate import Run, simulate
from proving.traffic.network.trips import written_out
from proving.traffic.roads import SignalGrid
from proving.traffic.sumo import EMITTED, beside_sumo, emitted

ROAD = RoadMap(
    name="straight",
    junctions=(Junction(name="a", at=(0.0, 0.0)), Junction(name="b", at=(600.0, 0.0))),
    edges=(Edge(name="ab", start="a", end="b", lanes=(Lane(length_m=600.0, limit_mps=14.0),)),),
    connections=(),
)
KIND = VehicleType(driver=Krauss(sigma=0.0))
RUN = Run(duration_s=200, dt_s=1.0, capacity=32, at_new_speed=True)


def test_cars_on_a_free_road_take_as_long_in_sumo() -> None:
    trips = tuple(Trip(name=f"t{i}", depart_s=10.0 * i, route=("ab",), depart_speed="zero") for i in range(5))
    demand = Demand(types=(KIND,), trips=trips)
    ours, sumos = simulate(ROAD, demand, RUN), beside_sumo(ROAD, demand, RUN, details=True)
    assert (
        (sumos.finished, sumos.active, sumos.waiting)
        == (5, 0, 0)
        == (ours.is_finished.sum(), ours.active, ours.waiting)
    )
    assert ours.means()["duration_s"] == pytest.approx(sumos.means()["duration_s"], abs=1.0)
    assert ours.means()["lost_s"] == pytest.approx(sumos.means()["lost_s"], abs=1.0)
    assert sumos.means().keys() == ours.means().keys()
    assert sumos.edge_waited_s.keys() == {"ab"}
    assert sumos.emitted_kg["co2"] > sumos.emitted_kg["fuel"] > 0


def test_flows_by_chance_bring_the_same_vehicles_to_both() -> None:
    demand = Demand(types=(KIND,), flows=(Flow(name="f", route=("ab",), veh_per_h=300, is_random=True),))
    sumos = beside_sumo(ROAD, demand, RUN, seed=4)
    assert sumos.finished + sumos.active + sumos.waiting == len(written_out(demand, 4, RUN.duration_s)) > 5


def test_flows_that_start_fast_before_a_red_light_start_in_sumo() -> None:
    grid = SignalGrid(row_count=1, column_count=1)
    said = beside_sumo(grid.road_map(), grid.demand(), dataclasses.replace(RUN, duration_s=60), seed=1)
    assert said.active + said.finished >= 16
    assert said.collisions == said.teleports == 0


def test_classes_give_off_more_the_harder_one_drives() -> None:
    calm = emitted(np.full((2, 30), 10.0), np.zeros((2, 30)), 1.0)
    hard = emitted(np.full((2, 30), 10.0), np.full((2, 30), 1.5), 1.0)
    assert calm.keys() == set(EMITTED)
    assert hard["co2"] > calm["co2"] > 0
    # Burnt petrol becomes about 3.1 times its mass of carbon dioxide.
    assert calm["co2"] / calm["fuel"] == pytest.approx(3.1, abs=0.15)
    twice = emitted(np.array([10.0, np.nan, 10.0]), np.zeros(3), 2.0)
    assert twice["co2"] == pytest.approx(calm["co2"] / 60 * 4)


def test_what_cannot_be_run_beside_us_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    demand = Demand(types=(KIND,), trips=(Trip(name="t", depart_s=0, route=("ab",)),))
    with pytest.raises(BadSettings, match="leave the controller out"):
        beside_sumo(ROAD, demand, Run(duration_s=10, controller=FollowerStopper()))
    with pytest.raises(BadSettings, match=r"nonsense"):
        emitted(np.ones(3), np.zeros(3), 1.0, "nonsense")
    # As if it were not installed: Python then finds no such module.
    monkeypatch.setitem(sys.modules, "libsumo", None)
    with pytest.raises(BadSettings, match=r"pip install 'proving\[sumo\]'"):
        beside_sumo(ROAD, demand, RUN)
