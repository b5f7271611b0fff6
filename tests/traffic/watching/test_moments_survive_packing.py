"""Reels of moments: what was packed comes back, whatever the times are cut into."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from proving.traffic.errors import BadTable
from proving.traffic.watching import Moments, Show, pack, unpack
from proving.traffic.watching.moments import NOBODY, joined, regrouped
from proving.traffic.watching.reels import POSITION_STEP_M, SPEED_STEP_MPS


def seen(moments: Moments) -> dict[tuple[int, int], tuple[int, float, float]]:
    """Who was where at which moment."""
    moment, place = np.nonzero(moments.trip != NOBODY)
    columns = (moments.lane, moments.position_m, moments.speed_mps)
    values = zip(*(column[moment, place].tolist() for column in columns), strict=True)
    return dict(zip(zip(moment.tolist(), moments.trip[moment, place].tolist(), strict=True), values, strict=True))


def assert_same(one: Moments, other: Moments) -> None:
    mine, yours = seen(one), seen(other)
    assert mine.keys() == yours.keys()
    for key, (lane, position_m, speed_mps) in mine.items():
        assert lane == yours[key][0]
        assert abs(position_m - yours[key][1]) <= POSITION_STEP_M / 2 + 1e-9
        assert abs(speed_mps - yours[key][2]) <= SPEED_STEP_MPS / 2 + 1e-9
    np.testing.assert_array_equal(one.phase, other.phase)


@st.composite
def any_moments(draw: st.DrawFn) -> Moments:
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    # Trips come and go and come back, at any place, as long as nobody is twice at one moment.
    trip = np.array(
        [draw(st.permutations([NOBODY, NOBODY, 3, 70_000, *range(10, 15)]))[: shape[1]] for _ in range(shape[0])]
    )
    return Moments(
        trip=trip,
        lane=draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 2**24 - 1))),
        position_m=draw(arrays.arrays(np.float64, shape, elements=st.floats(0, 300_000))),
        speed_mps=draw(arrays.arrays(np.float64, shape, elements=st.floats(0, 600))),
        phase=draw(arrays.arrays(np.int64, (shape[0], 2), elements=st.integers(0, 255))),
    )


@settings(max_examples=60)
@given(moments=any_moments(), first=st.integers(0, 10**6))
def test_any_moments_come_back_within_half_a_step(moments: Moments, first: int):
    number, back = unpack(pack(moments, first))
    assert number == first
    assert_same(moments, back)


@pytest.mark.parametrize("interval", [1, 7, 30, 89, 500])
def test_groups_hold_every_moment_and_begin_with_the_last_of_the_one_before(town: Callable[..., Show], interval: int):
    show = town()
    groups = list(regrouped(show.moments(), interval))
    assert all(len(group) == interval + 1 for group in groups[:-1])
    for before, after in itertools.pairwise(groups):
        assert_same(before.part(len(before) - 1, len(before)), after.part(0, 1))
    whole = joined([groups[0], *(group.part(1, len(group)) for group in groups[1:])])
    assert len(whole) == show.moment_count
    assert_same(joined(list(show.moments())), whole)


def test_a_single_moment_is_a_group():
    zero = np.zeros((1, 1))
    lone = Moments(np.zeros((1, 1), int), np.zeros((1, 1), int), zero, zero, np.zeros((1, 0), int))
    assert [len(group) for group in regrouped(iter([lone]), 5)] == [1]


def test_damaged_reels_are_refused():
    zero = np.zeros((2, 3))
    body = pack(Moments(np.tile(np.arange(3), (2, 1)), zero.astype(int), zero, zero, np.zeros((2, 1), int)), 0)
    with pytest.raises(BadTable, match="cannot be decompressed"):
        unpack(body[:-9])


def test_even_driving_costs_less_than_two_bytes_a_point(town: Callable[..., Show]):
    moments = joined(list(town(vehicle_count=400, moment_count=60).moments()))
    assert len(pack(moments, 0)) < 2 * np.sum(moments.trip != NOBODY)
