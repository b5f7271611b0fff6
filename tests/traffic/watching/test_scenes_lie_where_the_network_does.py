"""Scenes: lanes lie where the network says, side by side, and every network of ours can be drawn and placed."""

from pathlib import Path

import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.network import Connection, Edge, Junction, Lane, RoadMap
from proving.traffic.roads import NETWORKS
from proving.traffic.watching import places_of, scene_of
from proving.traffic.watching.drawing import map_picture, write_map


@pytest.fixture(scope="module", params=sorted(set(NETWORKS) - {"city"}))
def road_map(request: pytest.FixtureRequest) -> RoadMap:
    return NETWORKS[request.param]().road_map()


def test_places_run_from_the_start_of_a_lane_to_its_end(road_map: RoadMap):
    scene = scene_of(road_map)
    places = places_of(scene)
    lanes = np.arange(len(scene.lines))
    for share, point in ((0.0, 0), (1.0, -1)):
        found, _ = places.at(lanes, share * scene.length_m)
        np.testing.assert_allclose(found, [line[point] for line in scene.lines], atol=1e-6)
    middle, heading = places.at(lanes, 0.5 * scene.length_m)
    west, south, east, north = scene.bounds()
    assert ((middle >= [west - 1e-6, south - 1e-6]) & (middle <= [east + 1e-6, north + 1e-6])).all()
    assert np.isfinite(heading).all()


def test_lanes_of_an_edge_lie_side_by_side_the_first_on_the_right(road_map: RoadMap):
    scene = scene_of(road_map)
    for lane in np.flatnonzero((scene.edge[:-1] >= 0) & (scene.edge[1:] == scene.edge[:-1])).tolist():
        (right, left), ahead = (scene.lines[lane], scene.lines[lane + 1]), np.diff(scene.lines[lane][:2], axis=0)[0]
        beside = left[0] - right[0]
        assert ahead[0] * beside[1] - ahead[1] * beside[0] > 0
        assert np.linalg.norm(beside) == pytest.approx(scene.width_m[lane], rel=0.25)


def test_every_network_is_a_picture_with_its_name(road_map: RoadMap):
    figure = map_picture(road_map, width_px=400)
    assert figure.axes[0].texts[0].get_text() == road_map.name.replace("_", " ")


def test_what_has_no_shape_is_drawn_straight_beside_its_opposite():
    def edge(name: str, start: str, end: str) -> Edge:
        return Edge(name=name, start=start, end=end, lanes=(Lane(length_m=90, limit_mps=10),) * 2)

    road_map = RoadMap(
        name="plain",
        edges=(edge("there", "a", "b"), edge("back", "b", "a")),
        connections=(Connection(from_edge="there", from_lane=1, to_edge="back", to_lane=1),),
        junctions=(Junction(name="a"), Junction(name="b", at=(100.0, 0.0))),
    )
    scene = scene_of(road_map)
    ends = [(line[0].round(3).tolist(), line[-1].round(3).tolist()) for line in scene.lines]
    assert ends[:4] == [
        ([0.0, -4.8], [100.0, -4.8]),
        ([0.0, -1.6], [100.0, -1.6]),
        ([100.0, 4.8], [0.0, 4.8]),
        ([100.0, 1.6], [0.0, 1.6]),
    ]
    assert ends[4] == ([100.0, -1.6], [100.0, 1.6])


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_pictures_are_written_light_and_dark(tmp_path: Path, suffix: str):
    road_map = NETWORKS["grid"]().road_map()
    light, dark = tmp_path / f"light{suffix}", tmp_path / f"dark{suffix}"
    write_map(road_map, light)
    write_map(road_map, dark, is_dark=True)
    assert light.read_bytes() != dark.read_bytes()
    with pytest.raises(BadSettings, match=r"ends in \.png, \.svg, \.pdf"):
        write_map(road_map, tmp_path / "grid.jpeg2")
