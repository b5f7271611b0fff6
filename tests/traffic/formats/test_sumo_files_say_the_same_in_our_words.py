"""What a SUMO file says is what the road map and the demand say."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.formats import read_sumo

Write = Callable[..., tuple[Path, Path]]


def test_lanes_for_nobody_are_left_out_and_the_others_move_down(write: Write) -> None:
    net, _ = write()
    read = read_sumo(net)
    west = read.road_map.edge("west")
    assert [lane.limit_mps for lane in west.lanes] == [13.9]
    assert read.left_out == {"lane not for motor vehicles": 1}
    assert read.left_out_lane_m == 100
    assert read.road_map.edge("east").lanes[0].allows == frozenset()
    assert read.road_map.edge("south").lanes[0].is_open_to("bus")
    assert not read.road_map.edge("south").lanes[0].is_open_to("passenger")


def test_ways_across_are_summed_and_cut_where_one_waits(write: Write) -> None:
    net, _ = write()
    straight, turning = read_sumo(net).road_map.connections
    assert (straight.length_m, straight.wait_m, straight.limit_mps) == (10, 0, 13.9)
    assert (turning.length_m, turning.wait_m, turning.limit_mps) == (11, 6, 8)
    assert turning.shape == ((0, 0), (3, 5), (3, 5), (8, 5))
    assert straight.keeps_clear
    assert not turning.keeps_clear


def test_the_rightmost_bit_is_the_first_link_of_the_first_lane_that_comes_in(write: Write) -> None:
    net, _ = write()
    straight, turning = read_sumo(net).road_map.connections
    assert (straight.yields_to, straight.crosses) == ((), (1,))
    assert (turning.yields_to, turning.crosses) == ((0,), (0,))


def test_trips_flows_and_stops_are_read(write: Write) -> None:
    net, demand = write(
        demand="""
        <vType id="idm" carFollowModel="IDM" accel="1.5" tau="1.4" length="4"/>
        <vType id="line" vClass="bus"/>
        <busStop id="halt" lane="east_0" startPos="20" endPos="40"/>
        <route id="through" edges="west east"/>
        <vehicle id="late" depart="9" type="idm" route="through" departLane="1" departSpeed="max" departPos="7"/>
        <trip id="bus" depart="3" type="line" from="south" to="east"><stop busStop="halt" duration="20"/></trip>
        <flow id="even" begin="0" end="10" period="2.5" from="west" to="east"/>
        <flow id="chance" begin="5" vehsPerHour="600" from="west" to="east"/>
        """,
    )
    people = read_sumo(net, [demand]).demand
    assert [(trip.name, trip.depart_s) for trip in people.trips] == [
        ("even.0", 0.0), ("even.1", 2.5), ("bus", 3.0), ("even.2", 5.0), ("even.3", 7.5), ("late", 9.0),
    ]  # fmt: skip
    late = people.trips[-1]
    assert (late.route, late.depart_lane, late.depart_speed, late.depart_m) == (("west", "east"), 0, "fastest", 7)
    (stop,) = people.trips[2].stops
    assert (stop.edge, stop.lane, stop.at_m, stop.duration_s) == ("east", 0, 40, 20)
    assert [(flow.name, flow.veh_per_h, flow.begin_s) for flow in people.flows] == [("chance", 600, 5)]
    types = {kind.name: kind for kind in people.types}
    assert isinstance(types["idm"].driver, Idm)
    assert types["idm"].driver.headway_s == 1.4
    assert isinstance(types["line"].driver, Krauss)
    assert (types["line"].length_m, types["line"].driver.accel_mps2, types["line"].vehicle_class) == (12, 1.2, "bus")


def test_a_compressed_file_reads_the_same(tmp_path: Path, write: Write) -> None:
    net, _ = write()
    packed = tmp_path / "crossing.net.xml.gz"
    packed.write_bytes(gzip.compress(net.read_bytes()))
    assert read_sumo(packed).road_map == read_sumo(net).road_map


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_members_of_a_distribution_come_by_their_share(write: Write, share: float) -> None:
    trips = "".join(f'<trip id="t{i}" type="mix" depart="{i}" from="west" to="east"/>' for i in range(400))
    net, demand = write(
        demand=f"""<vTypeDistribution id="mix"><vType id="a" probability="{share}"/>
        <vType id="b" probability="{1 - share}"/></vTypeDistribution>{trips}""",
    )
    types = [trip.type for trip in read_sumo(net, [demand]).demand.trips]
    assert types.count("a") / 400 == pytest.approx(share, abs=0.07)
    assert types != [trip.type for trip in read_sumo(net, [demand], seed=1).demand.trips]
