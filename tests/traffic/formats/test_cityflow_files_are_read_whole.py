"""CityFlow's files are read whole; our own small crossing says what becomes of each part."""

import json
from pathlib import Path
from typing import Any

import pytest

from proving.traffic.errors import BadNetwork
from proving.traffic.formats import read, read_cityflow

CAR = {"length": 5, "width": 2, "maxPosAcc": 2, "maxNegAcc": 4.5, "usualPosAcc": 2, "usualNegAcc": 4.5}
CAR |= {"minGap": 2.5, "maxSpeed": 11, "headwayTime": 2}


def point(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


def crossing() -> dict[str, Any]:
    """West to east straight, south to east right, under one signal."""
    lanes = [{"width": 4, "maxSpeed": 11}, {"width": 4, "maxSpeed": 9}]
    places = {"w": (-100, 0), "s": (0, -80), "c": (0, 0), "e": (150, 0)}

    def road(name: str, start: str, end: str) -> dict[str, Any]:
        ends = {"startIntersection": start, "endIntersection": end}
        return {"id": name, "points": [point(*places[start]), point(*places[end])], "lanes": lanes} | ends

    def way(name: str, kind: str, points: list[dict[str, float]]) -> dict[str, Any]:
        link = {"startLaneIndex": 1, "endLaneIndex": 1, "points": points}
        return {"type": kind, "startRoad": name, "endRoad": "east", "direction": 0, "laneLinks": [link]}

    def junction(name: str, links: list[dict[str, Any]], is_virtual: bool) -> dict[str, Any]:
        phases = [{"time": 30, "availableRoadLinks": [0]}, {"time": 20, "availableRoadLinks": [0, 1]}]
        light = {"roadLinkIndices": [0, 1], "lightphases": phases}
        return {
            "id": name, "point": point(*places[name]), "width": 10, "roads": [], "roadLinks": links,
            "trafficLight": light, "virtual": is_virtual,
        }  # fmt: skip

    links = [
        way("west", "go_straight", [point(-10, -6), point(10, -6)]),
        way("south", "turn_right", [point(6, -10), point(10, -6)]),
    ]
    return {
        "intersections": [junction("c", links, False), *(junction(name, [], True) for name in "wse")],
        "roads": [road("west", "w", "c"), road("south", "s", "c"), road("east", "c", "e")],
    }


def written(folder: Path, roadnet: object, flows: object) -> tuple[Path, Path]:
    files = folder / "roadnet.json", folder / "flow.json"
    for file, content in zip(files, (roadnet, flows), strict=True):
        file.write_text(json.dumps(content))
    return files


def test_roads_ways_and_signals_say_the_same(tmp_path: Path) -> None:
    net, _ = written(tmp_path, crossing(), [])
    road_map = read_cityflow(net).road_map
    west = road_map.edge("west")
    assert [(lane.length_m, lane.limit_mps) for lane in west.lanes] == [(90, 9), (90, 11)]
    straight, right = road_map.connections
    assert (straight.from_lane, straight.to_lane, straight.length_m) == (0, 0, 20)
    assert (straight.yields_to, straight.crosses) == ((), (1,))
    assert (right.yields_to, right.crosses) == ((0,), (0,))
    (signal,) = road_map.signals
    assert [(phase.colours, phase.duration_s) for phase in signal.phases] == [("Gr", 30), ("Gg", 20)]


def test_flows_become_trips_where_they_end(tmp_path: Path) -> None:
    flow = {"vehicle": CAR, "route": ["west", "east"], "interval": 5, "startTime": 1, "endTime": 11}
    net, flows = written(tmp_path, crossing(), [flow, flow | {"endTime": -1}])
    people = read(net, [flows]).demand
    assert [trip.depart_s for trip in people.trips] == [1, 6, 11]
    assert [(one.veh_per_h, one.begin_s) for one in people.flows] == [(720, 1)]
    assert people.types[0].driver.desired_speed_mps == 11


@pytest.mark.parametrize(
    ("route", "message"), [(["east", "west"], "no way from edge 'east'"), (["x"], "no edge 'x'"), ([], "no route")]
)
def test_a_broken_flow_is_refused_in_one_line(tmp_path: Path, route: list[str], message: str) -> None:
    flow = {"vehicle": CAR, "route": route, "interval": 5, "startTime": 1, "endTime": 11}
    net, flows = written(tmp_path, crossing(), [flow])
    with pytest.raises(BadNetwork, match=message):
        read(net, [flows])


def test_a_broken_network_is_refused_in_one_line(tmp_path: Path) -> None:
    broken = crossing()
    broken["roads"][0]["endIntersection"] = "nowhere"
    net, _ = written(tmp_path, broken, [])
    with pytest.raises(BadNetwork, match="'nowhere'"):
        read(net)
    net.write_text("{")
    with pytest.raises(BadNetwork, match="is no JSON"):
        read(net)


@pytest.mark.media
@pytest.mark.parametrize(
    ("name", "counts"), [("hangzhou_4x4", (32, 16, 80, 2983)), ("manhattan_16x3", (86, 48, 230, 2824))]
)
def test_the_given_networks_are_there(shared_data: Path, name: str, counts: tuple[int, ...]) -> None:
    folder = shared_data / "traffic" / "cityflow_nets"
    got = read(folder / f"{name}_roadnet.json.gz", [folder / f"{name}_flow.json.gz"])
    roads, people = got.road_map, got.demand
    assert (len(roads.junctions), len(roads.signals), len(roads.edges), len(people.trips)) == counts
    assert {len(edge.lanes) for edge in roads.edges} == {3}
    assert all(way.crosses for way in roads.connections)
