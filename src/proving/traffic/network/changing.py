"""Lane changes: MOBIL where a lane is better, and by plan where one's own lane does not lead on.

Every second step looks to the left, every other to the right, so two never take the same gap from both sides.

Source: Kesting, Treiber, Helbing (2007), "General lane-changing model MOBIL for car-following models", Transp. Res.
Rec. 1999, 86-94, eqs 2-4 (symmetric rule).
"""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.ahead import Ahead
from proving.traffic.network.driving import wanted_mps2
from proving.traffic.network.places import Places
from proving.traffic.network.state import Vehicles, World, pick
from proving.traffic.network.tables import KEY_STEP_M
from proving.traffic.state import FREE_GAP_M, View

Array: TypeAlias = Any

# Gaps that a change leaves are never smaller than this.
TIGHT_M = 1.0
# How hard one brakes at most to let somebody in, or to fall behind whom one wants to follow.
COURTEOUS_MPS2 = 2.0
# A change by plan may cost the new follower up to so many times what a change by choice may.
URGENT_SHARE = 0.5
# Who comes out of a junction is so many seconds away when a change in front of it is all right.
COMING_S = 1.5


class Changes(NamedTuple):
    """What comes of it.

    Attributes:
        to_lane: each vehicle's lane afterwards.
        position_m: and its place there.
        accel_mps2: what everybody does, letting in and falling behind taken into account.
    """

    to_lane: Array
    position_m: Array
    accel_mps2: Array


class Beside(NamedTuple):
    """The lane beside and who is there; places are -1 where nobody is."""

    lane: Array
    exists: Array
    position_m: Array
    leader: Array
    follower: Array
    gap_m: Array
    leader_mps: Array
    behind_m: Array


class Wish(NamedTuple):
    """What the plan says about the change: worth it at any price, not to be done, and how urgent (0-1)."""

    is_wanted: Array
    is_barred: Array
    urgency: Array


def changes(
    world: World, vehicles: Vehicles, here: Places, ahead: Ahead, limit_mps: Array, accel_mps2: Array, step: Array
) -> Changes:
    """Return who changes lane in this step."""
    to_left = step % 2 == 0
    beside = _beside(world, vehicles, here, to_left)
    wish = _wish(world, vehicles, here, beside, to_left)
    kind, dt_s = vehicles.kind, world.dt_s
    new_mps2 = wanted_mps2(world, kind, View(vehicles.speed_mps, beside.gap_m, beside.leader_mps, limit_mps, dt_s))
    follower = jnp.maximum(beside.follower, 0)
    follower_mps, follower_limit = pick(vehicles.speed_mps, follower), pick(limit_mps, follower)
    view = View(follower_mps, beside.behind_m, vehicles.speed_mps, follower_limit, dt_s)
    pressed_mps2 = wanted_mps2(world, pick(kind, follower), view)
    pressed_mps2 = jnp.where(beside.follower >= 0, pressed_mps2, 0)
    lost_mps2 = jnp.where(beside.follower >= 0, jnp.minimum(pressed_mps2 - pick(accel_mps2, follower), 0), 0)
    rules = world.rules
    gain_mps2 = (
        new_mps2 - accel_mps2 + rules.politeness * (lost_mps2 + _relief(world, vehicles, here, ahead, limit_mps))
    )
    gain_mps2 = gain_mps2 + jnp.where(to_left, -rules.keep_right_mps2, rules.keep_right_mps2)
    safe_mps2 = rules.safe_mps2 * (1 + wish.urgency * URGENT_SHARE)
    is_safe = (pressed_mps2 >= -safe_mps2) & (new_mps2 >= -safe_mps2)
    is_safe = is_safe & (beside.gap_m > TIGHT_M) & (beside.behind_m > TIGHT_M)
    is_rested = vehicles.since_change_s >= jnp.where(wish.is_wanted, 1.0, rules.refractory_s)
    by_choice = (gain_mps2 > rules.threshold_mps2) & ~wish.is_barred
    may = beside.exists & is_rested & pick(world.fleet.changes_lanes, kind)
    goes = may & is_safe & (wish.is_wanted | by_choice)
    calm = may & wish.is_wanted & (wish.urgency > 0) & ~goes
    held_mps2 = jnp.maximum(new_mps2, -COURTEOUS_MPS2)
    own_mps2 = jnp.where(goes, jnp.minimum(accel_mps2, new_mps2), accel_mps2)
    own_mps2 = jnp.where(calm, jnp.minimum(own_mps2, jnp.where(beside.behind_m > 0, held_mps2, own_mps2)), own_mps2)
    # Who is cut in on brakes at once, as far as was judged safe; who is asked to let somebody in brakes softly.
    asks = (calm | goes) & (beside.follower >= 0)
    let_in_mps2 = jnp.where(goes, pressed_mps2, jnp.maximum(pressed_mps2, -COURTEOUS_MPS2))
    at = jnp.where(asks, follower, own_mps2.shape[0])
    own_mps2 = own_mps2.at[at].min(let_in_mps2, mode="drop")
    return Changes(
        to_lane=jnp.where(goes, beside.lane, vehicles.lane),
        position_m=jnp.where(goes, beside.position_m, vehicles.position_m),
        accel_mps2=own_mps2,
    )


def sort_key(world: World, lane: Array, position_m: Array) -> Array:
    """Return whole numbers that grow by lane and, within a lane, from front to back."""
    lanes = world.network.lanes
    rest_m = jnp.clip(pick(lanes.length_m, lane) - position_m, 0, pick(lanes.length_m, lane))
    rest = jnp.where(lane == lanes.length_m.shape[0] - 1, 0, rest_m * (1 / KEY_STEP_M))
    return pick(lanes.key, lane) + rest.astype(jnp.int32)


def _beside(world: World, vehicles: Vehicles, here: Places, to_left: Array) -> Beside:
    """Return whom one would have before and behind oneself on the other lane."""
    lanes, connections, _, plans = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    lane = jnp.where(to_left, pick(lanes.left, vehicles.lane), pick(lanes.right, vehicles.lane))
    exists = here.exists & ~here.is_inside & (lane < nowhere)
    share = pick(lanes.length_m, lane) / pick(lanes.length_m, vehicles.lane)
    position_m = jnp.where(exists, vehicles.position_m * share, 0)
    keys = sort_key(world, vehicles.lane, vehicles.position_m)
    follower = _first_at_or_after(keys, sort_key(world, lane, position_m))
    leader = follower - 1
    count = vehicles.lane.shape[0]
    has_leader = exists & (leader >= 0) & (pick(vehicles.lane, jnp.maximum(leader, 0)) == lane)
    has_follower = exists & (follower < count) & (pick(vehicles.lane, jnp.minimum(follower, count - 1)) == lane)
    before, behind = jnp.maximum(leader, 0), jnp.minimum(follower, count - 1)
    gap_m = pick(vehicles.position_m, before) - pick(here.length_m, before) - position_m
    # Nobody ahead in that lane: whoever is last behind its end counts, by the plan.
    index = jnp.clip(lane - pick(plans.first_lane, vehicles.node), 0, plans.connection.shape[1] - 1)
    way = plans.connection.at[vehicles.node, index].get(mode="promise_in_bounds")
    rest_m = pick(lanes.length_m, lane) - position_m
    inside = pick(here.tail, jnp.where(way < none, nowhere - none + way, nowhere))
    beyond = pick(here.tail, pick(connections.to_lane, way))
    far = jnp.maximum(jnp.where(inside >= 0, inside, beyond), 0)
    far_m = rest_m + pick(vehicles.position_m, far) - pick(here.length_m, far)
    far_m = far_m + jnp.where(inside >= 0, 0, pick(lanes.length_m, nowhere - none + way))
    is_free = (inside < 0) & (beyond < 0) | (way == none)
    leader_mps = jnp.where(has_leader, pick(vehicles.speed_mps, before), pick(vehicles.speed_mps, far))
    gap_m = jnp.where(has_leader, gap_m, jnp.where(is_free, FREE_GAP_M, far_m))
    behind_m = position_m - here.length_m - pick(vehicles.position_m, behind)
    behind_m = jnp.where(
        has_follower, behind_m, position_m - here.length_m + pick(headroom(world, vehicles, here), lane)
    )
    return Beside(
        lane=lane,
        exists=exists,
        position_m=position_m,
        leader=jnp.where(has_leader, leader, -1),
        follower=jnp.where(has_follower, follower, -1),
        gap_m=gap_m,
        leader_mps=jnp.where(has_leader | ~is_free, leader_mps, vehicles.speed_mps),
        behind_m=behind_m,
    )


def _first_at_or_after(keys: Array, wanted: Array) -> Array:
    """Return how many keys are smaller, by bisection; keys grow."""
    found = jnp.zeros_like(wanted)
    count = keys.shape[0]
    for bit in reversed(range(count.bit_length())):
        probe = found + (1 << bit)
        is_smaller = (probe <= count) & (pick(keys, jnp.minimum(probe, count) - 1) < wanted)
        found = jnp.where(is_smaller, probe, found)
    return found


def headroom(world: World, vehicles: Vehicles, here: Places) -> Array:
    """Return per lane the way that whoever comes out of a junction still has to its start, less what it needs."""
    nowhere = world.network.lanes.length_m.shape[0] - 1
    spare_m = here.rest_m - COMING_S * vehicles.speed_mps
    at = jnp.where(here.is_inside & here.is_front, here.road, nowhere + 1)
    return jnp.full(nowhere + 1, FREE_GAP_M, dtype=spare_m.dtype).at[at].min(spare_m, mode="drop")


def _wish(world: World, vehicles: Vehicles, here: Places, beside: Beside, to_left: Array) -> Wish:
    """Return what the plan says about going one lane to that side."""
    plans, rules = world.network.plans, world.rules
    width = plans.connection.shape[1]
    first = pick(plans.first_lane, vehicles.node)
    mine = jnp.clip(vehicles.lane - first, 0, width - 1)
    theirs = jnp.clip(beside.lane - first, 0, width - 1)
    node = vehicles.node
    offset = plans.offset.at[node, mine].get(mode="promise_in_bounds")
    reach_m = plans.reach_m.at[node, mine].get(mode="promise_in_bounds") - vehicles.position_m
    their_offset = plans.offset.at[node, theirs].get(mode="promise_in_bounds")
    their_reach_m = plans.reach_m.at[node, theirs].get(mode="promise_in_bounds") - beside.position_m
    ahead_m = jnp.maximum(vehicles.speed_mps * rules.plan_s, rules.plan_m)
    needed_m = jnp.abs(offset) * ahead_m
    is_right_way = jnp.where(to_left, offset > 0, offset < 0)
    is_near = reach_m < 2 * needed_m
    urgency = jnp.clip((2 * needed_m - reach_m) / jnp.maximum(needed_m, 1e-3), 0, 1)
    # A lane that the class may not use reaches nowhere at all.
    is_barred = (their_reach_m < 3 * jnp.abs(their_offset) * ahead_m) | (their_reach_m <= 0)
    is_barred = is_barred | (is_near & (offset != 0) & ~is_right_way)
    return Wish(is_right_way & is_near & (their_reach_m > 0), is_barred, jnp.where(is_right_way, urgency, 0))


def _relief(world: World, vehicles: Vehicles, here: Places, ahead: Ahead, limit_mps: Array) -> Array:
    """Return what the present follower in the lane gains when one is gone; it then has one's own leader."""
    follower_mps = jnp.roll(vehicles.speed_mps, -1)
    has_follower = ~jnp.roll(here.is_front, -1) & jnp.roll(here.exists, -1) & here.exists
    now_m = vehicles.position_m - here.length_m - jnp.roll(vehicles.position_m, -1)
    then_m = jnp.where(ahead.gap_m >= FREE_GAP_M, FREE_GAP_M, now_m + here.length_m + ahead.gap_m)
    kind, limit = jnp.roll(vehicles.kind, -1), jnp.roll(limit_mps, -1)
    now = wanted_mps2(world, kind, View(follower_mps, now_m, vehicles.speed_mps, limit, world.dt_s))
    then = wanted_mps2(world, kind, View(follower_mps, then_m, ahead.speed_mps, limit, world.dt_s))
    return jnp.where(has_follower, then - now, 0)
