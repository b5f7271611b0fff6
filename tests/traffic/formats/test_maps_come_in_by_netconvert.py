"""OpenStreetMap, OpenDRIVE, VISUM and VISSIM come in by way of SUMO's netconvert."""

from pathlib import Path

import pytest

from proving.traffic.errors import BadNetwork, BadSettings
from proving.traffic.formats import read, write_sumo
from proving.traffic.network import Demand

# Three streets that meet in one point, some 220 m each.
OSM = """<osm version="0.6">
<node id="1" lat="52.0000" lon="10.0000"/><node id="2" lat="52.0020" lon="10.0000"/>
<node id="3" lat="52.0040" lon="10.0000"/><node id="4" lat="52.0020" lon="10.0032"/>
<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/><tag k="lanes" v="2"/>
<tag k="maxspeed" v="50"/></way>
<way id="11"><nd ref="2"/><nd ref="4"/><tag k="highway" v="residential"/></way>
</osm>"""
XODR = """<OpenDRIVE><header revMajor="1" revMinor="4" name="" version="1" north="0" south="0" east="0" west="0"/>
<road name="r" length="300" id="7" junction="-1"><link/>
<type s="0" type="town"><speed max="14" unit="m/s"/></type>
<planView><geometry s="0" x="0" y="0" hdg="0" length="300"><line/></geometry></planView>
<lanes><laneSection s="0">
<center><lane id="0" type="none" level="false"/></center>
<right><lane id="-1" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
<lane id="-2" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right>
</laneSection></lanes></road></OpenDRIVE>"""
# Two lanes to the east, of which the second also leads to the north: once as VISUM has it, once as VISSIM.
VISUM = """$VISION
$VERSION:VERSNR;FILETYPE;LANGUAGE;UNIT
8.10;Net;ENG;KM
$TSYS:CODE;NAME;TYPE;PCU
C;Car;PrT;1.0
$LINKTYPE:NO;NAME;RANK;TSYSSET;NUMLANES;CAPPRT;V0PRT
1;Street;1;C;2;1800;50km/h
$NODE:NO;NAME;XCOORD;YCOORD
1;west;0.0;0.0
2;middle;300.0;0.0
3;east;600.0;0.0
4;north;300.0;200.0
$LINK:NO;FROMNODENO;TONODENO;NAME;TYPENO;TSYSSET;LENGTH;NUMLANES;CAPPRT;V0PRT
1;1;2;;1;C;0.300km;2;1800;50km/h
2;2;3;;1;C;0.300km;2;1800;50km/h
3;2;4;;1;C;0.200km;1;900;30km/h
"""
GERMAN = {"$LINKTYPE": "$STRECKENTYP", "$LINK:": "$STRECKE:", "$NODE": "$KNOTEN", "FROMNODENO": "VONKNOTNR"}
GERMAN |= {"TONODENO": "NACHKNOTNR", "TYPENO": "TYPNR", "NUMLANES": "ANZFAHRSTREIFEN", "V0PRT": "V0IV", "NO;": "NR;"}
GERMAN |= {
    "CAPPRT": "KAPIV",
    "$TSYS": "$VSYS",
    "TSYSSET": "VSYSSET",
    "XCOORD;YCOORD": "XKOORD;YKOORD",
    "RANK": "RANG",
    "TYPE;": "TYP;",
}
LINK = """<link no="{0}" name="{0}" linkBehavType="1" surch1="0" surch2="0">{2}<geometry><points3D>
<point3D x="{1[0]}" y="{1[1]}" zOffset="0"/><point3D x="{1[2]}" y="{1[3]}" zOffset="0"/></points3D></geometry>
<lanes>{4}</lanes>{3}</link>"""


def vissim() -> str:
    """The same, drawn as links and the connectors between them."""

    def link(number: int, ends: tuple[int, ...], lane_count: int, starts: str = "", goes: str = "") -> str:
        from_end = starts and f'<fromLinkEndPt lane="{starts}" pos="299"/>'
        to_end = goes and f'<toLinkEndPt lane="{goes}" pos="1"/>'
        return LINK.format(number, ends, from_end, to_end, '<lane width="3.5"/>' * lane_count)

    links = [link(1, (0, 0, 300, 0), 2), link(2, (320, 0, 600, 0), 2), link(3, (310, 10, 310, 200), 1)]
    links += [link(10000, (299, 0, 321, 0), 2, "1 1", "2 1"), link(10001, (299, 0, 310, 11), 1, "1 2", "3 1")]
    return f'<?xml version="1.0"?><network version="301"><links>{"".join(links)}</links></network>'


def test_a_street_map_becomes_edges_that_meet(tmp_path: Path) -> None:
    file = tmp_path / "town.osm"
    file.write_text(OSM)
    road_map = read(file).road_map
    lengths_m = {edge.name: edge.length_m for edge in road_map.edges}
    assert len(road_map.edges) == 6
    assert all(200 < one < 230 for one in lengths_m.values())
    assert {round(edge.lanes[0].limit_mps, 1) for edge in road_map.edges} == {13.9}
    assert any(way.yields_to for way in road_map.connections)
    written = write_sumo(road_map, Demand(), tmp_path / "out")
    assert {edge.name for edge in read(written[-1]).road_map.edges} == set(lengths_m)


def test_a_drawn_road_becomes_an_edge(tmp_path: Path) -> None:
    file = tmp_path / "road.xodr"
    file.write_text(XODR)
    (edge,) = read(file).road_map.edges
    assert edge.length_m == pytest.approx(300, abs=0.5)
    assert len(edge.lanes) == 2


@pytest.mark.parametrize("is_german", [False, True], ids=["english", "german"])
def test_a_visum_network_comes_in_whatever_language_it_was_written_in(tmp_path: Path, is_german: bool) -> None:
    text = VISUM
    for word, german in GERMAN.items() if is_german else ():
        text = text.replace(word, german)
    file = tmp_path / "town.net"
    file.write_text(text)
    road_map = read(file).road_map
    assert {edge.name: len(edge.lanes) for edge in road_map.edges} == {"1": 2, "2": 2, "3": 1}
    assert road_map.edge("3").lanes[0].limit_mps == pytest.approx(30 / 3.6, abs=0.01)
    assert {way.to_edge for way in road_map.connections if way.from_edge == "1"} == {"2", "3"}


def test_a_vissim_network_comes_in(tmp_path: Path) -> None:
    file = tmp_path / "town.inpx"
    file.write_text(vissim())
    road_map = read(file).road_map
    ways = {(way.from_edge, way.from_lane, way.to_edge, way.to_lane) for way in road_map.connections}
    assert ways == {("1", 0, "2", 0), ("1", 1, "2", 1), ("1", 1, "3", 0)}
    assert road_map.edge("3").length_m == pytest.approx(190, abs=0.5)


def test_a_broken_map_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.osm"
    file.write_text("<osm><node")
    with pytest.raises(BadNetwork, match=r"broken\.osm: netconvert: ") as refusal:
        read(file)
    assert "\n" not in str(refusal.value)


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="what netconvert reads"):
        read(tmp_path / "town.dwg")
