"""A crossing of our own in SUMO's format: a main road with a pavement, and a side road that gives way."""

from collections.abc import Callable
from pathlib import Path

import pytest

INNER = """
<edge id=":c_0" function="internal"><lane id=":c_0_0" index="0" speed="13.9" length="10" shape="0,0 10,0"/></edge>
<edge id=":c_1" function="internal"><lane id=":c_1_0" index="0" speed="8" length="6" shape="0,0 3,5"/></edge>
<edge id=":c_2" function="internal"><lane id=":c_2_0" index="0" speed="8" length="5" shape="3,5 8,5"/></edge>
"""
EDGES = """
<edge id="west" from="w" to="c" priority="3">
  <lane id="west_0" index="0" allow="pedestrian" speed="1.4" length="100" shape="-100,-4 0,-4"/>
  <lane id="west_1" index="1" speed="13.9" length="100" shape="-100,0 0,0"/>
</edge>
<edge id="south" from="s" to="c" priority="1">
  <lane id="south_0" index="0" allow="bus" speed="13.9" length="80" shape="0,-80 0,0"/>
</edge>
<edge id="east" from="c" to="e" priority="3">
  <lane id="east_0" index="0" disallow="tram" speed="13.9" length="200" shape="10,0 210,0"/>
</edge>
"""
JUNCTIONS = """
<junction id="w" type="dead_end" x="-100" y="0" incLanes="" intLanes="" shape=""/>
<junction id="s" type="dead_end" x="0" y="-80" incLanes="" intLanes="" shape=""/>
<junction id="e" type="dead_end" x="210" y="0" incLanes="east_0" intLanes="" shape=""/>
<junction id="c" type="priority" x="0" y="0" incLanes="south_0 west_1" intLanes=":c_2_0 :c_0_0" shape="">
  <request index="0" response="10" foes="10" cont="1"/>
  <request index="1" response="00" foes="01" cont="0"/>
</junction>
"""
CONNECTIONS = """
<connection from="west" to="east" fromLane="1" toLane="0" via=":c_0_0" dir="s" state="M"/>
<connection from="south" to="east" fromLane="0" toLane="0" via=":c_1_0" dir="r" state="m" keepClear="0"/>
<connection from=":c_0" to="east" fromLane="0" toLane="0" dir="s" state="M"/>
<connection from=":c_1" to="east" fromLane="0" toLane="0" via=":c_2_0" dir="r" state="m"/>
<connection from=":c_2" to="east" fromLane="0" toLane="0" dir="r" state="M"/>
"""
NET = f"<net>{INNER}{EDGES}{JUNCTIONS}{CONNECTIONS}</net>"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write the crossing, one word of it replaced, and a demand; gives both files."""

    def write(demand: str = "", replaced: tuple[str, str] = ("", "")) -> tuple[Path, Path]:
        net_file, demand_file = tmp_path / "crossing.net.xml", tmp_path / "crossing.rou.xml"
        assert replaced[0] in NET
        net_file.write_text(NET.replace(*replaced) if replaced[0] else NET)
        demand_file.write_text(f"<routes>\n{demand}\n</routes>")
        return net_file, demand_file

    return write


@pytest.fixture(scope="session")
def crossing_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crossing with a lane for cars in place of the pavement, so that lanes keep their numbers."""
    file = tmp_path_factory.mktemp("crossing") / "crossing.net.xml"
    file.write_text(NET.replace("pedestrian", "passenger"))
    return file
