"""A broken file gets one line that names the file, the line and the element."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proving.traffic.errors import BadNetwork, NoSuchFile
from proving.traffic.formats import read_sumo

Write = Callable[..., tuple[Path, Path]]

BROKEN_NETS = {
    "no XML at all": ("<net>", "<net", "well-formed"),
    "another root": ("net>", "map>", "expected <net>"),
    "a speed that is a word": ('speed="13.9" length="200"', 'speed="fast" length="200"', "speed must be a number"),
    "a lane of no length": ('length="200"', 'length="0"', "length_m must be above 0"),
    "a lane without speed": ('speed="13.9" length="200"', 'length="200"', "has no attribute 'speed'"),
    "a speed that is no number": ('speed="13.9" length="200"', 'speed="nan" length="200"', "must be a number"),
    "an unknown lane": ('toLane="0" via=":c_0_0"', 'toLane="5" via=":c_0_0"', "lane 'east_5' is not there"),
    "an unknown way": ('via=":c_2_0"', 'via=":c_9_0"', "':c_9_0', which is not there"),
    "an unknown junction": ('from="c" to="e"', 'from="c" to="nowhere"', "junction 'nowhere'"),
    "a circle": ('from=":c_1" to="east" fromLane="0" toLane="0" via=":c_2_0"',
                 'from=":c_1" to="east" fromLane="0" toLane="0" via=":c_1_0"', "circle"),
    "an unknown signal": ('via=":c_0_0"', 'via=":c_0_0" tl="x" linkIndex="0"', "signal 'x'"),
    "bits that are none": ('response="10"', 'response="1x"', "0s and 1s"),
    "an entity": ("<net>", '<!DOCTYPE net [<!ENTITY a "aa">]><net>', "entity"),
    "an edge twice": ('id="south" from', 'id="east" from', "'east' appears twice"),
}  # fmt: skip

BROKEN_DEMANDS = {
    "an unknown edge": ('<trip id="t" depart="0" from="west" to="x"/>', "no edge 'x'"),
    "an unknown type": ('<trip id="t" type="x" depart="0" from="west" to="east"/>', "of type 'x'"),
    "an unknown route": ('<vehicle id="t" depart="0" route="x"/>', "route 'x'"),
    "edges that do not meet": (
        '<vehicle id="t" depart="0"><route edges="east west"/></vehicle>',
        "'east' to edge 'west', which are not connected",
    ),
    "no way there": ('<trip id="t" depart="0" from="east" to="west"/>', "no way from edge 'east'"),
    "a closed edge": ('<trip id="t" depart="0" from="south" to="east"/>', "closed to class 'passenger'"),
    "an unknown lane": ('<trip id="t" depart="0" from="west" to="east" departLane="7"/>', "lane 'west_7'"),
    "a pavement": ('<trip id="t" depart="0" from="west" to="east" departLane="0"/>', "lane 'west_0'"),
    "a place beyond the edge": ('<trip id="t" depart="0" from="west" to="east" departPos="101"/>', "101.0 m"),
    "a time that is none": ('<trip id="t" depart="soon" from="west" to="east"/>', "depart must be a number"),
    "a time before 0": ('<trip id="t" depart="-1" from="west" to="east"/>', "0 or later"),
    "waiting for somebody": ('<trip id="t" depart="triggered" from="west" to="east"/>', "departs 'triggered'"),
    "a flow without a rate": ('<flow id="t" from="west" to="east"/>', "say once how many"),
    "a flow with two rates": ('<flow id="t" period="1" probability=".1" from="west" to="east"/>', "say once"),
    "a negative gap": ('<vType id="v" minGap="-1"/><trip id="t" type="v" depart="0" from="west" to="east"/>', "gap"),
    "an unknown law": ('<vType id="v" carFollowModel="Magic"/>', "'Magic'"),
    "a law of an unknown class": ('<vType id="v" vClass="dragon"/>', "'dragon'"),
    "an unknown stop": ('<trip id="t" depart="0" from="west" to="east"><stop busStop="b" duration="1"/></trip>', "'b'"),
    "a stop off the route": (
        '<trip id="t" depart="0" from="west" to="east"><stop lane="south_0" duration="1"/></trip>',
        "does not pass",
    ),
    "the same name twice": ('<trip id="t" depart="0" from="west" to="east"/>' * 2, "'t' appears twice"),
}


@pytest.mark.parametrize("what", BROKEN_NETS)
def test_a_broken_network_is_refused(write: Write, what: str) -> None:
    before, after, message = BROKEN_NETS[what]
    net, _ = write(replaced=(before, after))
    with pytest.raises(BadNetwork) as refusal:
        read_sumo(net)
    assert message in str(refusal.value)
    assert str(net) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("what", BROKEN_DEMANDS)
def test_a_broken_demand_is_refused(write: Write, what: str) -> None:
    text, message = BROKEN_DEMANDS[what]
    net, demand = write(demand=text)
    with pytest.raises(BadNetwork) as refusal:
        read_sumo(net, [demand])
    assert message in str(refusal.value)
    assert str(demand) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match=r"none\.net\.xml"):
        read_sumo(tmp_path / "none.net.xml")
