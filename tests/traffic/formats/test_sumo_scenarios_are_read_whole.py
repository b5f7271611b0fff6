"""The six given SUMO scenarios are read whole: every lane, signal and vehicle is there or told as left out."""

from pathlib import Path

import pytest

from proving.traffic.formats import Imported, read_sumo

# Edges, lanes, lane-km, signals and vehicles, as the data's README and SUMO itself say.
SCENARIOS = {
    "cologne1": (10, 19, 2.6, 1, 2015, 25200),
    "cologne8": (149, 157, 15.9, 8, 2046, 25200),
    "grid4x4": (80, 240, 66.8, 16, 1473, 0),
    "ingolstadt21": (853, 1918, 152.1, 21, 4283, 57600),
    "bologna_acosta": (178, 266, 33.2, 7, 8779, 0),
    "bologna_joined": (267, 411, 52.8, 13, 11176, 0),
}


def scenario(shared_data: Path, name: str) -> Imported:
    (file,) = (shared_data / "traffic" / "sumo_nets" / name).glob("*.sumocfg")
    return read_sumo(file)


@pytest.mark.media
@pytest.mark.parametrize("name", SCENARIOS)
def test_all_lanes_signals_and_vehicles_are_there(shared_data: Path, name: str) -> None:
    edges, lanes, lane_km, signals, vehicles, begin_s = SCENARIOS[name]
    read = scenario(shared_data, name)
    kept = [lane for edge in read.road_map.edges for lane in edge.lanes]
    assert len(read.road_map.edges) == edges
    assert len(kept) + read.left_out["lane not for motor vehicles"] == lanes
    assert round((sum(lane.length_m for lane in kept) + read.left_out_lane_m) / 1000, 1) == lane_km
    assert len(read.road_map.signals) == signals
    assert len(read.demand.trips) == vehicles
    assert read.begin_s == begin_s


@pytest.mark.media
def test_buses_stop_and_signals_have_the_programme_that_was_loaded_last(shared_data: Path) -> None:
    read = scenario(shared_data, "bologna_acosta")
    assert sum(len(trip.stops) for trip in read.demand.trips) == 542
    (signal,) = (one for one in read.road_map.signals if one.name == "209")
    assert [phase.duration_s for phase in signal.phases] == [69, 3, 7, 3, 3, 26, 3, 3]


@pytest.mark.media
def test_a_vehicle_has_the_same_type_each_time(shared_data: Path) -> None:
    first, again = (scenario(shared_data, "bologna_acosta").demand for _ in range(2))
    assert first == again
    types = [trip.type for trip in first.trips if trip.type.startswith("passenger")]
    share = types.count("passenger1") / len(types)
    assert share == pytest.approx(0.4 / 1.15, abs=0.02)


@pytest.mark.media
@pytest.mark.parametrize("name", SCENARIOS)
def test_connections_cross_only_inside_their_junction(shared_data: Path, name: str) -> None:
    road_map = scenario(shared_data, name).road_map
    for index, one in enumerate(road_map.connections):
        assert set(one.yields_to) <= set(one.crosses)
        assert index not in one.crosses
        for other in one.crosses:
            assert road_map.edge(road_map.connections[other].to_edge).start == road_map.edge(one.to_edge).start
