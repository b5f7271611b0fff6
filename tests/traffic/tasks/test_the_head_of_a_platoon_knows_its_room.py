"""At figure eights the head of a platoon sees its room in metres, and whether its tail is over where it goes first."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.tasks.conditions import at_density
from proving.traffic.tasks.on_networks.environment import reset
from proving.traffic.tasks.on_networks.moment import moment_of
from proving.traffic.tasks.on_networks.told import Said

EIGHT = NETWORK_TASKS["figureeight2_by_vehicle"]
SPACING_M, LINE_M = 12.0, 30.0


def seen(head_m: float, density: float = 1.0) -> dict[str, np.ndarray]:
    """What each of 14 vehicles sees that drive as one platoon whose head is here; the head comes first."""
    built = at_density(EIGHT, density).built
    state = jax.tree.map(jnp.asarray, built.state)
    nothing = jnp.full_like(state.vehicles.speed_mps, jnp.nan)
    last = (jnp.zeros(14), jnp.zeros(10, dtype=jnp.int32), jnp.int32(0), 1.0)
    now = moment_of(built, state, Said(nothing, nothing, nothing), jnp.arange(14, dtype=jnp.int32), last)
    along_m = jnp.mod(head_m - SPACING_M * jnp.arange(14), built.length_m)
    now = now._replace(along_m=jnp.full_like(now.along_m, jnp.nan).at[now.agent_place].set(along_m))
    rows = np.asarray(EIGHT.sight.seen(now._replace(own_along_m=along_m)))
    return dict(zip(EIGHT.sight.names, rows, strict=True))


def test_only_the_head_has_half_the_lap_free() -> None:
    half_m = EIGHT.built.length_m / 2
    told = seen(LINE_M - 100.0)
    assert told["head"][0] == told["head_goes_first"][0] == 1
    np.testing.assert_allclose(told["head"][1:], SPACING_M / half_m, rtol=1e-4)
    assert told["beyond_half"][0] == pytest.approx((half_m - 13 * SPACING_M) / 100, abs=1e-4)
    assert not told["beyond_half"][1:].any()


def test_the_tail_is_over_once_it_is_past_the_line_that_it_comes_to_from_the_other_side() -> None:
    half_m = EIGHT.built.length_m / 2
    for past_m, is_over in ((-10.0, 0.0), (0.0, 0.5), (10.0, 1.0)):
        told = seen(LINE_M + half_m + past_m + 13 * SPACING_M)
        assert told["tail_is_over"][0] == pytest.approx(is_over, abs=0.01)
        assert not told["tail_is_over"][1:].any()


def test_on_the_way_to_where_it_lets_others_go_first_nothing_holds_it_back() -> None:
    told = seen(LINE_M + 100.0)
    assert told["head"][0] == 1
    assert told["head_goes_first"][0] == told["tail_is_over"][0] == 0


def test_a_longer_lap_gives_more_metres_not_more_shares() -> None:
    longer_m = at_density(EIGHT, 0.8).built.length_m
    longer, usual = seen(0.0, 0.8), seen(0.0)
    assert longer["lap"][0] == pytest.approx(longer_m / 500)
    assert longer["head"][0] == usual["head"][0] == 1
    more_m = (longer_m - EIGHT.built.length_m) / 2
    assert longer["beyond_half"][0] - usual["beyond_half"][0] == pytest.approx(more_m / 100, abs=1e-4)


def test_whoever_leads_waits_for_those_who_are_not_over_yet() -> None:
    half_m = EIGHT.built.length_m / 2
    told = seen(LINE_M - 100.0)
    # 12 m apart, five are less than 100 m and half a lap ahead: they have not been where they let others go first.
    assert told["waits"][0] == 1
    assert told["way_per_one_before"][0] == pytest.approx(1.0 / 6)
    assert told["one_per_one_before"][0] == pytest.approx(1 / 6)
    for name in ("waits", "way_per_one_before", "one_per_one_before"):
        assert not told[name][1:].any()
        assert not seen(LINE_M + half_m + 13 * SPACING_M + 3.0)[name].any(), "the tail is over"
        assert not seen(LINE_M + 100.0)[name].any(), "it lets others go first itself"
    just_at_the_line = seen(LINE_M + half_m + 13 * SPACING_M + 1.0)
    assert just_at_the_line["one_per_one_before"][0] == pytest.approx(1 / 2)


def test_one_among_people_leads_from_the_start_on() -> None:
    alone = NETWORK_TASKS["figureeight0_by_vehicle"]
    _, told = reset(alone, jnp.zeros(1, dtype=jnp.uint32))
    seen_alone = dict(zip(alone.sight.names, np.asarray(told)[:, 0, 0], strict=True))
    assert seen_alone["head"] < 0.2, "others start all around it"
    assert seen_alone["waits"] == 1
