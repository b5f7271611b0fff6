"""SUMO itself, through libsumo, reports the lanes, ways and rights of way that we read."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.traffic.formats import read_sumo, write_sumo
from proving.traffic.formats.sumo_classes import DEFAULTS
from proving.traffic.network import Demand

# libsumo holds one simulation in a process and warns about other libraries' versions, so it gets a process of its own.
ASK = """
import json, sys, libsumo
libsumo.start(["sumo", "-n", sys.argv[1], "--no-warnings", *sys.argv[2:]])
lanes = {}
for lane in libsumo.lane.getIDList():
    if not lane.startswith(":"):
        ways = {to: [length, sorted(libsumo.lane.getFoes(lane, to))] for to, *_, length in libsumo.lane.getLinks(lane)}
        lanes[lane] = [libsumo.lane.getLength(lane), libsumo.lane.getMaxSpeed(lane), ways]
kinds = libsumo.vehicletype
types = {t: [kinds.getLength(t), kinds.getMaxSpeed(t), kinds.getAccel(t), kinds.getDecel(t),
             kinds.getEmergencyDecel(t), kinds.getSpeedDeviation(t)] for t in kinds.getIDList()}
print("ANSWER" + json.dumps([lanes, types]))
"""


def asked(net: Path, *options: str) -> tuple[dict, dict]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, str(net), *options], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout[done.stdout.index("ANSWER") + 6 :].splitlines()[0])


@pytest.mark.media
@pytest.mark.parametrize("name", ["cologne8", "grid4x4", "bologna_acosta"])
def test_lanes_and_ways_are_those_of_sumo(shared_data: Path, name: str) -> None:
    (net,) = (shared_data / "traffic" / "sumo_nets" / name).glob("*.net.xml")
    lanes, _ = asked(net)
    road_map = read_sumo(net).road_map
    ours = {f"{edge.name}_{i}": (lane.length_m, lane.limit_mps) for edge in road_map.edges
            for i, lane in enumerate(edge.lanes)}  # fmt: skip
    assert ours == {lane: (pytest.approx(length), pytest.approx(limit)) for lane, (length, limit, _) in lanes.items()}
    ways = {(f"{w.from_edge}_{w.from_lane}", f"{w.to_edge}_{w.to_lane}") for w in road_map.connections}
    assert ways == {(lane, to) for lane, (_, _, links) in lanes.items() for to in links}
    for way in road_map.connections:
        _, foes = lanes[f"{way.from_edge}_{way.from_lane}"][2][f"{way.to_edge}_{way.to_lane}"]
        first = {road_map.connections[index] for index in way.yields_to}
        # SUMO also lists ways inside the junction.
        assert {f"{one.from_edge}_{one.from_lane}" for one in first} == {foe for foe in foes if foe[0] != ":"}


def test_classes_default_to_what_sumo_takes(write: Callable[..., tuple[Path, Path]]) -> None:
    net, demand = write("".join(f'<vType id="{name}" vClass="{name}"/>' for name in DEFAULTS))
    # SUMO takes only networks that its netconvert made.
    *_, made = write_sumo(read_sumo(net).road_map, Demand(), net.parent / "made")
    _, types = asked(made, "-r", str(demand))
    for name, usual in DEFAULTS.items():
        expected = (usual.length_m, usual.top_mps, usual.accel_mps2, usual.braking_mps2)
        assert (*expected, usual.hardest_mps2, usual.speed_spread) == pytest.approx(types[name]), name
