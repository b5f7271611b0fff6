"""SUMO drives our roads and our demand, and says the same where the answer is plain."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from proving.traffic.drivers import FollowerStopper, Krauss, KraussOriginal
from proving.traffic.errors import BadSettings
from proving.traffic.formats import write_sumo
from proving.traffic.network import Demand, Edge, Flow, Junction, Lane, RoadMap, Trip, VehicleType
from proving.traffic.network.simulate import Run, simulate
from proving.traffic.network.trips import written_out
from proving.traffic.roads import SignalGrid
from proving.traffic.sumo import EMITTED, beside_sumo, emitted, files_in_sumo

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


@pytest.mark.parametrize(("law", "expected_s"), [(Krauss(), 80.0), (KraussOriginal(), 156.0)], ids=["new", "first"])
def test_dawdling_costs_as_much_below_a_second_of_acceleration_as_in_sumo(
    law: Krauss | KraussOriginal, expected_s: float
) -> None:
    """60 m at 1 m/s: who loses up to 0.5 m/s a step drives 0.75 m/s, who loses up to 1.3 m/s, 0.385 m/s."""
    slow = dataclasses.replace(ROAD.edges[0], lanes=(Lane(length_m=600.0, limit_mps=1.0),))
    trips = tuple(Trip(name=f"t{i}", depart_s=50.0 * i, route=("ab",), arrive_m=65.0) for i in range(10))
    demand = Demand(types=(VehicleType(driver=law, speed_spread=0.0),), trips=trips)
    ways, run = dataclasses.replace(ROAD, edges=(slow,)), dataclasses.replace(RUN, duration_s=700)
    for driven in (simulate(ways, demand, run, 1), beside_sumo(ways, demand, run, 1)):
        assert driven.means()["duration_s"] == pytest.approx(expected_s, rel=0.08)


def test_flows_by_chance_bring_the_same_vehicles_to_both() -> None:
    demand = Demand(types=(KIND,), flows=(Flow(name="f", route=("ab",), veh_per_h=300, is_random=True),))
    sumos = beside_sumo(ROAD, demand, RUN, seed=4)
    assert sumos.finished + sumos.active + sumos.waiting == len(written_out(demand, 4, RUN.duration_s)) > 5


def test_flows_that_start_fast_before_a_red_light_start_in_sumo() -> None:
    grid = SignalGrid(row_count=1, column_count=1)
    said = beside_sumo(grid.road_map(), grid.demand(), dataclasses.replace(RUN, duration_s=60), seed=1)
    assert said.active + said.finished >= 16
    assert said.collisions == said.teleports == 0


DETECTOR = '<additional><inductionLoop id="d" lane="ab_0" pos="9" freq="9" file="{}.xml"/></additional>'


def test_what_files_ask_sumo_to_write_beside_them_is_not_written_there(tmp_path: Path) -> None:
    demand = Demand(types=(KIND,), trips=(Trip(name="t", depart_s=0, route=("ab",)),))
    *_, net = write_sumo(ROAD, demand, tmp_path / "net")
    (routes,) = (tmp_path / "net").glob("*.rou.xml")
    detector, more, config = tmp_path / "d.add.xml", tmp_path / "net" / "e.add.xml", tmp_path / "s.sumocfg"
    detector.write_text(DETECTOR.format("seen"))
    more.write_text(DETECTOR.replace('"d"', '"e"').format("seen_too"))
    (tmp_path / "seen.xml").write_text("of another run")
    config.write_text(
        f"""<configuration><net-file value="net/{net.name}"/><route-files value="net/{routes.name}"/>
        <additional-files value="d.add.xml, net/e.add.xml"/><log value="log.txt"/></configuration>"""
    )
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert files_in_sumo(config, RUN).finished == 1
    assert files_in_sumo(net, RUN, demand=[routes, detector, more]).finished == 1
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


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
