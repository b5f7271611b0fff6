"""OpenStreetMap and OpenDRIVE come in by way of SUMO's netconvert."""

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


def test_a_broken_map_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.osm"
    file.write_text("<osm><node")
    with pytest.raises(BadNetwork, match=r"broken\.osm: netconvert: ") as refusal:
        read(file)
    assert "\n" not in str(refusal.value)


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="what netconvert reads"):
        read(tmp_path / "town.dwg")
