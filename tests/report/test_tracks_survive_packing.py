"""Packed tracks unpack to the same points, each value off by half a step at most."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from proving.report import CorruptTracks, Tracks, tracks_from_grid
from proving.report.timespace import PackedPanels, PackedTracks, pack, unpack

VEHICLES = 5
FLOATS = st.floats(-1e6, 1e6, width=32)


def column(size: int, elements: st.SearchStrategy, kind: type = np.float64) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(kind, size, elements=elements)


@st.composite
def any_tracks(draw: st.DrawFn) -> Tracks:
    size = draw(st.integers(0, 60))
    flags = draw(column(VEHICLES, st.booleans(), np.bool_))
    vehicle = draw(column(size, st.integers(0, VEHICLES - 1), np.int64))
    return Tracks(draw(st.text(max_size=5)), *(draw(column(size, FLOATS)) for _ in range(3)), vehicle, flags)


def ordered(tracks: Tracks) -> np.ndarray:
    return np.lexsort((tracks.time_s, tracks.vehicle))


EMPTY = Tracks("", np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), np.zeros(0, dtype=bool))
TINY = Tracks("", np.array([0.0, 5e-324]), np.zeros(2), np.zeros(2), np.zeros(2, dtype=int), np.zeros(1, dtype=bool))


@given(st.lists(any_tracks(), min_size=1, max_size=3))
@example([EMPTY])
@example([TINY])
def test_every_value_comes_back_within_half_a_step(panels: list[Tracks]):
    packed = pack(tuple(panels))
    for before, after in zip(panels, unpack(packed), strict=True):
        order = ordered(before)
        assert after.label == before.label
        np.testing.assert_array_equal(after.vehicle, before.vehicle[order])
        np.testing.assert_array_equal(after.is_automated, before.is_automated)
        for name in ("time_s", "position_m", "speed_mps"):
            scale = getattr(packed, name)
            # Beyond half a step only what a float64 loses in the sum itself.
            slack = scale.error + 1e-9 * max(1e-9, abs(scale.start), scale.step)
            np.testing.assert_allclose(getattr(after, name), getattr(before, name)[order], rtol=0, atol=slack)


@given(any_tracks())
def test_packing_again_changes_nothing(tracks: Tracks):
    once = unpack(pack((tracks,)))
    twice = unpack(pack(once))
    for name in ("time_s", "position_m"):
        np.testing.assert_allclose(getattr(twice[0], name), getattr(once[0], name), rtol=1e-9, atol=1e-9)


@given(any_tracks())
def test_each_line_is_one_vehicle_in_time_order(tracks: Tracks):
    packed = pack((tracks,)).panels[0]
    after = unpack(pack((tracks,)))[0]
    assert packed.line_sizes.sum() == len(tracks.time_s)
    assert (packed.line_sizes > 0).all()
    ends = np.cumsum(packed.line_sizes)
    for start, end, vehicle in zip(ends - packed.line_sizes, ends, packed.line_vehicles, strict=True):
        assert (after.vehicle[start:end] == vehicle).all()
        assert (np.diff(after.time_s[start:end]) >= 0).all()


def test_error_is_small_on_a_real_scale(ring_tracks: Callable[..., Tracks]):
    packed = pack((ring_tracks(100_000),))
    assert packed.time_s.error < 0.001
    assert packed.position_m.error < 0.01
    assert packed.speed_mps.error < 0.05


def test_a_line_breaks_where_the_ring_closes_and_where_the_vehicle_was_away():
    time_s = np.array([0, 1, 2, 3, 4, 50, 51], dtype=float)
    position_m = np.array([80, 90, 99, 5, 15, 25, 35], dtype=float)
    tracks = Tracks("", time_s, position_m, np.full(7, 10.0), np.zeros(7, dtype=int), np.zeros(1, dtype=bool))
    assert pack((tracks,)).panels[0].line_sizes.tolist() == [3, 2, 2]


@pytest.mark.parametrize("damage", ["cut", "no gzip", "empty"])
def test_damaged_bytes_are_refused(ring_tracks: Callable[..., Tracks], damage: str):
    packed = pack((ring_tracks(1000),))
    one = packed.panels[0]
    bodies = {"cut": one.body[:-9], "no gzip": b"no gzip" + one.body, "empty": b""}
    broken = PackedTracks(one.label, one.line_sizes, one.line_vehicles, one.is_automated, bodies[damage])
    with pytest.raises(CorruptTracks, match="tracks 'without automated vehicles'"):
        unpack(PackedPanels(packed.time_s, packed.position_m, packed.speed_mps, (broken,)))


def test_a_grid_keeps_only_present_vehicles_and_thins_evenly():
    steps = np.arange(1000, dtype=float)
    grid = np.add.outer(steps, np.arange(4.0))
    is_present = np.ones((1000, 4), dtype=bool)
    is_present[:, 2] = False
    tracks = tracks_from_grid("x", steps, grid, grid, np.zeros(4, dtype=bool), is_present, point_limit=300)
    assert set(tracks.vehicle) == {0, 1, 3}
    assert 200 <= len(tracks.time_s) <= 300
    assert set(np.diff(np.unique(tracks.time_s))) == {10.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"speed_mps": np.zeros(3)}, "speed_mps has shape"),
        ({"time_s": np.array([0.0, np.nan])}, "time_s has a value that is not finite"),
        ({"vehicle": np.array([0, 7])}, "is_automated has 1 flags"),
        ({"vehicle": np.array([-1, 0])}, "vehicle runs from -1"),
    ],
)
def test_wrong_tracks_are_refused_with_what_is_wrong(change: dict[str, np.ndarray], says: str):
    columns = {"time_s": np.zeros(2), "position_m": np.zeros(2), "speed_mps": np.zeros(2), "vehicle": np.zeros(2, int)}
    with pytest.raises(ValueError, match=says):
        Tracks(label="x", is_automated=np.zeros(1, dtype=bool), **{**columns, **change})
