"""The command line runs networks by their name and files of SUMO, and refuses what cannot be run in one line."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from proving.cli import run
from proving.traffic.drivers import Krauss
from proving.traffic.network import Demand, Flow, Trip, VehicleType
from proving.traffic.network_runs import scenario, with_automated, with_inflow, with_people
from proving.traffic.roads import NETWORKS
from proving.traffic.sensing import Delayed

SHORT = ["--duration-s", "40", "--capacity", "64", "--seed", "1"]


def simulated(*arguments: str) -> int:
    return run(["traffic", "simulate", "network", *arguments])


ROAD = """<net><edge id="ab" from="a" to="b"><lane id="ab_0" index="0" speed="14" length="300" shape="0,0 300,0"/>
</edge>
<junction id="a" type="dead_end" x="0" y="0" incLanes="" intLanes="" shape=""/>
<junction id="b" type="dead_end" x="300" y="0" incLanes="ab_0" intLanes="" shape=""/></net>"""
DEMAND = '<routes><flow id="many" vehsPerHour="9000" end="60"><route edges="ab"/></flow></routes>'


def test_a_file_gives_a_row_and_every_moment_and_an_inflow_beyond_capacity_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "road.net.xml").write_text(ROAD)
    (tmp_path / "road.rou.xml").write_text(DEMAND)
    out = tmp_path / "moments.parquet"
    files = [str(tmp_path / "road.net.xml"), "--demand", str(tmp_path / "road.rou.xml"), "--out", str(out)]
    assert simulated(*files, *SHORT, "--automated-share", "0.3", "--controller", "follower_stopper", "--json") == 1
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert row["finished"] > 0
    assert (row["collisions"], row["seed"]) == (0, 1)
    still = (
        f"edge 'ab': more want to start here than it takes: {row['waiting']} of 100 vehicles still waited at the end"
    )
    assert printed.err.splitlines() == [still]
    table = pyarrow.parquet.read_table(out)
    # A file of SUMO's own laws: one moves a second at the speed that one has after it.
    speeds = np.maximum(table["speed_mps"].to_numpy() + table["accel_mps2"].to_numpy(), 0)
    assert row["mean_speed_mps"] == pytest.approx(speeds.mean(), rel=1e-3)
    assert row["vehicle_km"] == pytest.approx(speeds.sum() / 1000, rel=1e-3)
    assert 2 < row["fuel_l_per_100km"] < 40
    assert row["outflow_veh_per_h"] == pytest.approx(row["finished"] * 90)
    assert row["inflow_veh_per_h"] == pytest.approx((row["finished"] + row["active"]) * 90)
    assert table.column_names == ["time_s", "vehicle", "edge", "lane", "position_m", "speed_mps", "accel_mps2"]
    assert set(table["edge"].to_pylist()) == {"ab"}
    assert set(table["time_s"].to_pylist()) <= set(range(40))
    assert len(set(table["vehicle"].to_pylist())) == row["finished"] + row["active"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere' is neither a file nor a network; there are bay_bridge, "),
        (["merge", "--controller", "nobody"], "there is no controller 'nobody'"),
        (["merge", "--router", "nobody"], "there is no router 'nobody'; there are none, continuous, grid, "),
        (["figure_eight", "--router", "rerouting"], "rerouting needs goals, but the demand loops"),
        (["merge", "--law", "newton"], "law must be one of idm, krauss, "),
        (["merge", "--reaction-s", "-1"], "reaction_s must be from 0 to 100 steps"),
        (["merge", "--automated-share", "2"], "automated_share must be 0 to 1, not 2.0"),
        (["merge", "--out", "merge.txt"], "the name must end in .parquet"),
        (["merge", "--vehicle-class", "midbase"], "did you mean 'midBase'?"),
        (["merge", "--emission-class", "nonsense"], "nonsense"),
        (["merge", "--filling-s", "600"], "filling_s must leave a step of 600.0 s to be measured"),
        (["merge", "--inflow-veh-per-h", "-3"], "inflow_veh_per_h must be above 0"),
        (["figure_eight", "--inflow-veh-per-h", "9"], "inflow_veh_per_h needs flows"),
        (["merge", "--devices", "2", "--router", "rerouting"], "several devices drive one network without a router"),
        (["merge", "--seeds", "0"], "seeds must be at least 1, not 0"),
    ],
)
def test_wrong_use_is_refused_in_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_every_network_has_a_scenario() -> None:
    for name in sorted(set(NETWORKS) - {"city", "minicity"}):
        asked = scenario(name)
        assert asked.demand.trips or asked.demand.flows


def test_a_share_is_automated_by_name_and_flows_are_split() -> None:
    trips = tuple(Trip(name=f"t{i}", depart_s=0, route=("ab",)) for i in range(200))
    demand = Demand(types=(VehicleType(),), trips=trips, flows=(Flow(name="f", route=("ab",), veh_per_h=1000),))
    some = with_automated(demand, 0.25, seed=3)
    automated = [trip for trip in some.trips if trip.type == "automated car"]
    assert 30 < len(automated) < 70
    assert [flow.veh_per_h for flow in some.flows] == [750.0, 250.0]
    assert some == with_automated(demand, 0.25, seed=3)
    assert with_automated(demand, 0.0) == demand


def test_an_inflow_is_that_of_all_flows_together() -> None:
    merge = NETWORKS["merge"]().demand()
    rates = [flow.veh_per_h for flow in with_inflow(merge, 1050.0).flows]
    assert rates == pytest.approx([flow.veh_per_h / 2 for flow in merge.flows])
    assert with_inflow(merge, None) is merge


def test_people_may_drive_by_another_law_and_late() -> None:
    merge = NETWORKS["merge"]().demand()
    (late,) = {kind.driver for kind in with_people(merge, "krauss", 1.0, 0.5).types}
    assert late == Delayed(law=Krauss(), step_count=2)
    assert with_people(merge, "", 0.0, 0.5) == merge
