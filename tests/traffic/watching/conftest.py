"""Material to watch: a small town whose vehicles drive by a formula."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from proving.traffic.roads import City
from proving.traffic.watching import Kind, Moments, Show, Travellers, scene_of
from proving.traffic.watching.moments import NOBODY

KINDS = (Kind(name="car"), Kind(name="bus", length_m=12.0, width_m=2.5), Kind(name="robot", is_automated=True))
MOMENT_S = 0.5


@pytest.fixture(scope="session")
def town() -> Callable[..., Show]:
    """Make a city of 2 x 2 blocks in which vehicle i drives over a way across a junction, begun i / 4 moments late."""

    def make(vehicle_count: int = 60, moment_count: int = 90, parts: int = 3) -> Show:
        road_map = City(row_count=2, column_count=2).road_map()
        scene = scene_of(road_map)
        first_way = len(scene.lines) - len(scene.ways)
        ways = np.arange(vehicle_count) * 7 % len(scene.ways)
        moments = _driven(
            scene.length_m, np.column_stack([scene.ways[ways, 0], first_way + ways, scene.ways[ways, 1]]), moment_count
        )
        names = [f"<trip {i}>" for i in range(vehicle_count)]
        routes = [[int(scene.edge[lane]) for lane in scene.ways[way]] for way in ways.tolist()]

        def route(trip: int) -> Sequence[int]:
            return routes[trip]

        def in_parts() -> Iterator[Moments]:
            cuts = np.linspace(0, moment_count, parts + 1).astype(int).tolist()
            return (moments.part(begin, end) for begin, end in itertools.pairwise(cuts))

        return Show(
            scene=scene,
            travellers=Travellers(names=names, kind=np.arange(vehicle_count) % 3, kinds=KINDS, route=route),
            moment_s=MOMENT_S,
            start_s=3600.0,
            moment_count=moment_count,
            moments=in_parts,
        )

    return make


def _driven(length_m: np.ndarray, lanes: np.ndarray, moment_count: int) -> Moments:
    """Return vehicles that go over three lanes each, some faster and some slower, places in another order each time."""
    count = len(lanes)
    speed_mps = 3.0 + np.arange(count) % 11
    begun = np.arange(count) // 4
    ends = np.cumsum(length_m[lanes], axis=1)
    shape = (moment_count, count)
    found = Moments(
        np.full(shape, NOBODY), np.zeros(shape, int), np.zeros(shape), np.zeros(shape), np.zeros((moment_count, 9), int)
    )
    for moment in range(moment_count):
        order = np.random.default_rng(moment).permutation(count)
        driven = speed_mps * (moment - begun) * MOMENT_S
        place = np.minimum((driven[:, None] >= ends).sum(axis=1), 2)
        there = (driven >= 0) & (driven < ends[:, -1])
        before = np.where(place > 0, np.take_along_axis(ends, np.maximum(place - 1, 0)[:, None], axis=1)[:, 0], 0.0)
        found.trip[moment] = np.where(there, np.arange(count), NOBODY)[order]
        found.lane[moment] = np.where(there, np.take_along_axis(lanes, place[:, None], axis=1)[:, 0], 0)[order]
        found.position_m[moment] = np.where(there, driven - before, 0)[order]
        found.speed_mps[moment] = np.where(there, speed_mps, 0)[order]
        found.phase[moment] = moment // 6 % 4
    return found
