"""What is written for SUMO, and made a network by its own netconvert, comes back the same where SUMO keeps it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.traffic.drivers import DRIVERS, Idm, Krauss
from proving.traffic.errors import BadNetwork
from proving.traffic.formats import read_sumo, write_sumo
from proving.traffic.formats.joined_signals import one_signal_per_junction
from proving.traffic.network import Connection, Demand, Flow, Phase, RoadMap, Signal, Stop, Trip, VehicleType
from proving.traffic.network.tables import first_phase
from proving.traffic.roads import Bottleneck, Merge

Write = Callable[..., tuple[Path, Path]]


def kept(road_map: RoadMap) -> dict[str, object]:
    """What SUMO keeps of a road map; right of way it works out anew."""

    def way(one: Connection) -> tuple[object, ...]:
        ends = (one.from_edge, one.from_lane, one.to_edge, one.to_lane)
        return (*ends, one.signal, one.signal_index, one.keeps_clear, round(one.limit_mps, 2), one.visible_m)

    return {
        "edges": {
            edge.name: [(round(lane.length_m, 1), lane.limit_mps, lane.allows) for lane in edge.lanes]
            for edge in road_map.edges
        },
        "ways": sorted(way(one) for one in road_map.connections),
        "signals": {
            one.name: (one.offset_s, [(phase.colours, phase.duration_s) for phase in one.phases])
            for one in road_map.signals
        },
    }


def test_the_crossing_comes_back(tmp_path: Path, write: Write) -> None:
    road_map = read_sumo(write()[0]).road_map
    trip = Trip(name="t", depart_s=1, route=("west", "east"), depart_lane="first")
    files = write_sumo(road_map, Demand(types=(VehicleType(driver=Krauss()),), trips=(trip,)), tmp_path / "out")
    back = read_sumo(files[-1], [files[-2]])
    assert kept(back.road_map) == kept(road_map)
    assert back.demand.trips == (trip,)


def test_from_where_one_sees_at_a_merge_comes_back(tmp_path: Path) -> None:
    road = Merge()
    back = read_sumo(write_sumo(road.road_map(), road.demand(), tmp_path)[-1]).road_map
    highway, ramp = (next(one for one in back.connections if one.from_edge == name) for name in ("left", "bottom"))
    assert (highway.visible_m, ramp.visible_m) == (road.visible_m, 4.5)
    assert highway.yields_to == (back.connections.index(ramp),)


@pytest.mark.media
@pytest.mark.parametrize("name", ["cologne1", "grid4x4"])
def test_given_networks_come_back(shared_data: Path, tmp_path: Path, name: str) -> None:
    (file,) = (shared_data / "traffic" / "sumo_nets" / name).glob("*.sumocfg")
    read = read_sumo(file)
    files = write_sumo(read.road_map, read.demand, tmp_path)
    back = read_sumo(files[-1], [files[-2]])
    assert kept(back.road_map) == kept(read.road_map)
    assert back.demand == read.demand


TIMES = st.integers(0, 1000).map(float)
LANES = st.sampled_from([0, "first", "best", "free", "random"])
SPEEDS = st.sampled_from([3.5, "zero", "fastest"])


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    """A few vehicles of two types on the crossing."""
    cars = VehicleType(name="car", driver=Krauss(desired_speed_mps=40.0, sigma=draw(st.floats(0, 1))), top_mps=40.0)
    others = VehicleType(
        name="other",
        driver=Idm(desired_speed_mps=30.0, headway_s=draw(st.floats(0.5, 3)), noise_intensity=0.0),
        top_mps=30.0,
        speed_spread=0.1,
    )
    route = ("west", "east")
    trips = [
        Trip(
            name=f"t{index}",
            depart_s=depart_s,
            route=route,
            type=draw(st.sampled_from(["car", "other"])),
            depart_lane=draw(LANES),
            depart_speed=draw(SPEEDS),
            depart_m=draw(st.sampled_from([-1.0, 0.0, 50.0])),
            stops=draw(st.sampled_from([(), (Stop(edge="east", lane=0, at_m=50.0, duration_s=20.0),)])),
        )
        for index, depart_s in enumerate(sorted(draw(st.lists(TIMES, max_size=4))))
    ]
    flow = Flow(
        name="f", route=route, type="other", veh_per_h=360.0, begin_s=draw(TIMES), is_random=draw(st.booleans())
    )
    trips.append(Trip(name="last", depart_s=2000, route=route))
    return Demand(types=(cars, others), trips=tuple(trips), flows=(flow,))


@settings(max_examples=40)
@given(demands())
def test_any_demand_comes_back(crossing_net: Path, demand: Demand) -> None:
    folder = crossing_net.parent / "demand"
    *_, routes = write_sumo(read_sumo(crossing_net).road_map, demand, folder, converts=False)
    assert read_sumo(crossing_net, [routes]).demand == demand


def test_laws_that_sumo_has_not_are_refused_by_name(tmp_path: Path, write: Write) -> None:
    road_map = read_sumo(write()[0]).road_map
    people = Demand(types=(VehicleType(name="odd", driver=DRIVERS["bando_ftl"]()),))
    with pytest.raises(BadNetwork, match="'odd': SUMO has no law"):
        write_sumo(road_map, people, tmp_path / "out", converts=False)


@pytest.mark.media
def test_right_of_way_survives_and_most_waiting_places(shared_data: Path, tmp_path: Path) -> None:
    (file,) = (shared_data / "traffic" / "sumo_nets" / "cologne1").glob("*.net.xml")
    read = read_sumo(file).road_map
    back = read_sumo(write_sumo(read, Demand(), tmp_path)[-1]).road_map

    def said(road_map: RoadMap) -> dict[str, tuple[set[str], set[str]]]:
        ways = road_map.connections
        return {way.name: ({ways[i].name for i in way.yields_to}, {ways[i].name for i in way.crosses}) for way in ways}

    assert said(back) == said(read)
    waits, still = ({way.name for way in one.connections if way.wait_m > 0} for one in (read, back))
    # netconvert makes a waiting place only where its own rules ask for one.
    assert len(waits & still) >= 0.7 * len(waits) > 0


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    durations = draw(st.sampled_from([(2.0, 4.0), (6.0,), (1.5, 2.5, 5.0), (3.0, 1.0), (0.5, 11.5)]))
    phases = tuple(Phase(colours=draw(st.sampled_from("rGy")), duration_s=each) for each in durations)
    return Signal(name="", phases=phases, offset_s=draw(st.sampled_from([0.0, 0.5, 4.0, 11.0])))


@settings(max_examples=40)
@given(st.lists(signals(), min_size=4, max_size=4), st.lists(st.integers(0, 2000), min_size=1, max_size=5))
def test_several_signals_of_a_junction_show_the_same_as_one(parts: list[Signal], halves: list[int]) -> None:
    road_map = Bottleneck(has_toll_booth=True).road_map()
    own = [dataclasses.replace(part, name=signal.name) for part, signal in zip(parts, road_map.signals, strict=True)]
    one = one_signal_per_junction(dataclasses.replace(road_map, signals=tuple(own)))
    (joined,) = one.signals
    colour_of = {way.from_lane: way.signal_index for way in one.connections if way.signal == joined.name}
    for at_s in [half / 2 for half in halves]:
        shown = joined.phases[first_phase(joined, at_s)[0]].colours
        before = [part.phases[first_phase(part, at_s)[0]].colours for part in parts]
        assert [shown[colour_of[lane]] for lane in range(4)] == before


def test_a_toll_booth_becomes_one_signal_in_sumo(tmp_path: Path) -> None:
    road = Bottleneck(has_toll_booth=True)
    back = read_sumo(write_sumo(road.road_map(), Demand(), tmp_path)[-1]).road_map
    (signal,) = back.signals
    assert len(signal.phases[0].colours) == 4
    actuated = [dataclasses.replace(one, kind="actuated") for one in road.road_map().signals]
    with pytest.raises(BadNetwork, match="has several signals that wait"):
        write_sumo(dataclasses.replace(road.road_map(), signals=tuple(actuated)), Demand(), tmp_path, converts=False)
