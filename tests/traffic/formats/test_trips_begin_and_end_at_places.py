"""Trips of SUMO's may begin and end at junctions and in zones of edges; which edge it is, the fastest way tells."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proving.traffic.errors import BadNetwork
from proving.traffic.formats import read_sumo

Write = Callable[..., tuple[Path, Path]]
ZONES = """<tazs>
<taz id="outside" edges="west south"/>
<taz id="both"><tazSource id="south" weight="0.5"/><tazSource id="west" weight="1"/><tazSink id="east"/></taz>
<taz id="lake"/>
</tazs>"""


def route(write: Write, trip: str) -> tuple[str, ...]:
    net, _ = write()
    zones, trips = net.parent / "zones.taz.xml", net.parent / "trips.xml"
    zones.write_text(ZONES)
    trips.write_text(f'<routes>\n<vType id="bus" vClass="bus"/>\n<trip id="one" depart="0" {trip}/>\n</routes>')
    return read_sumo(net, [zones, trips]).demand.trips[0].route


@pytest.mark.parametrize(
    ("trip", "edges"),
    [
        ('fromJunction="w" toJunction="e"', ("west", "east")),
        ('fromJunction="w" to="east"', ("west", "east")),
        ('from="west" toJunction="e"', ("west", "east")),
        ('from="west" viaJunctions="c" toJunction="e"', ("west", "east")),
        ('fromJunction="s" toJunction="e" type="bus"', ("south", "east")),
        ('fromTaz="outside" toJunction="e"', ("west", "east")),
        ('fromTaz="both" toTaz="both"', ("west", "east")),
        ('fromTaz="outside" toTaz="outside"', ("west",)),
    ],
)
def test_the_fastest_edges_are_taken(write: Write, trip: str, edges: tuple[str, ...]) -> None:
    assert route(write, trip) == edges


@pytest.mark.parametrize(
    ("trip", "problem"),
    [
        ('fromJunction="x" to="east"', "fromJunction names junction 'x', which is not there"),
        ('fromJunction="e" to="east"', "no edge leads out of junction 'e'"),
        ('from="west" toJunction="w"', "no edge leads into junction 'w'"),
        ('from="west" toTaz="moon"', "toTaz names zone 'moon', which is not there"),
        ('fromTaz="lake" to="east"', "zone 'lake' has no sources"),
        ('from="west" toTaz="lake"', "zone 'lake' has no sinks"),
        ('fromJunction="s" to="east"', "edge 'south' is closed to class 'passenger'"),
        ('from="east" toTaz="outside" type="bus"', "no way from edge 'east' to edge 'west' or edge 'south'"),
        ('fromXY="1,2" to="east"', "has fromXY; edges, junctions and zones can be read"),
        ('from="west"', "has no attribute 'to'"),
    ],
)
def test_what_is_not_there_is_named(write: Write, trip: str, problem: str) -> None:
    with pytest.raises(BadNetwork, match=rf"trips\.xml:3: trip 'one': {problem}"):
        route(write, trip)


def test_a_zone_of_edges_that_are_not_there_is_refused(write: Write) -> None:
    net, _ = write()
    zones = net.parent / "zones.taz.xml"
    zones.write_text('<additional>\n<taz id="z" edges="west moat"/>\n</additional>')
    with pytest.raises(BadNetwork, match=r"zones\.taz\.xml:2: taz 'z': names edge 'moat', which is not there"):
        read_sumo(net, [zones])
