"""Lane changes: MOBIL where a lane is better, and by plan where one's own lane does not lead on.

Every second step looks to the left, every other to the right, so two never take the same gap from both sides.

Source: Kesting, Treiber, Helbing (2007), "General lane-changing model MOBIL for car-following models", Transp. Res.
Rec. 1999, 86-94, eqs 2-4 (symmetric rule).
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.advice import FEW_LANES
from proving.traffic.network.ahead import Ahead, in_lane_m
from proving.traffic.network.chosen import FEW_PIECES, chosen, replaced
from proving.traffic.network.coming import zipper_m
from proving.traffic.network.driving import wanted_mps2
from proving.traffic.network.places import EMPTY_M, Places, those_at
from proving.traffic.network.state import Vehicles, World, chance, pick
from proving.traffic.network.tables import KEY_STEP_M
from proving.traffic.state import FREE_GAP_M, View

Array: TypeAlias = Any

# Gaps that a change leaves are never smaller than this.
TIGHT_M = 1.0
# Nor, by choice, than what it takes to stop behind whoever brakes so hard, if one sees it so much later; who is faster
# may have to brake at once. Some laws, Gipps' above all, want to brake next to nothing 1.5 m behind somebody as fast.
REACTS_S, BRAKING_MPS2 = 0.5, 4.5
# How hard one brakes at most to let somebody in, or to fall behind whom one wants to follow.
COURTEOUS_MPS2 = 2.0
# A change by plan may cost the new follower up to so many times what a change by choice may.
URGENT_SHARE = 0.5
# Slower than this nobody makes a gap beside one by braking.
CRAWLING_MPS = 1.0
# Nobody changes again so soon, not even by plan.
RESTED_S = 1.0
# The queues on so many edges beyond one's own are no room to change in.
EDGES_AHEAD = 3
# A lane that leads no farther than so many times what one plans ahead for leaving it is none to choose.
BARRED = 3
# More than distances are rounded by.
HAIR_M = 0.01
# By choice one changes at no less than this speed, and only behind somebody this near.
ROLLING_MPS, NEAR_M, NEAR_S = 1.0, 20.0, 4.0


class Changes(NamedTuple):
    """What comes of it.

    Attributes:
        to_lane: each vehicle's lane afterwards.
        position_m: and its place there.
        accel_mps2: what everybody does, letting in and falling behind taken into account.
        has_new_leader: who has changed, or has somebody before it now who has.
    """

    to_lane: Array
    position_m: Array
    accel_mps2: Array
    has_new_leader: Array


class Beside(NamedTuple):
    """The lane beside and who is there; places are -1 where nobody is."""

    lane: Array
    position_m: Array
    leader: Array
    follower: Array
    gap_m: Array
    leader_mps: Array
    behind_m: Array


class Need(NamedTuple):
    """What the plan says about one's own lane.

    Attributes:
        offset: how many lanes to the left (negative: right) would be better.
        is_near: it is time to see to it.
        urgency: how urgent it is, 0-1.
        ahead_m: how far one plans ahead for each lane.
    """

    offset: Array
    is_near: Array
    urgency: Array
    ahead_m: Array


class Wish(NamedTuple):
    """What the plan says about the change: worth it at any price, not to be done, and how urgent (0-1)."""

    is_wanted: Array
    is_barred: Array
    urgency: Array


class Drive(NamedTuple):
    """What everybody would do in its own lane."""

    ahead: Ahead
    limit_mps: Array
    accel_mps2: Array


class Verdict(NamedTuple):
    """Where one goes and how, having thought about a change, and what the new follower, if any, does about it."""

    lane: Array
    position_m: Array
    accel_mps2: Array
    follower: Array
    let_in_mps2: Array


def least_gap_m(speed_mps: Array, leader_mps: Array) -> Array:
    """Return the gap that a change leaves at least between one who is so fast and its leader."""
    closing_m = jnp.maximum(speed_mps**2 - leader_mps**2, 0) / (2 * BRAKING_MPS2)
    return jnp.maximum(TIGHT_M, REACTS_S * speed_mps + closing_m)


def changes(world: World, vehicles: Vehicles, here: Places, drive: Drive, step: Array) -> Changes:
    """Return who changes lane in this step."""
    to_left = jnp.broadcast_to(step % 2 == 0, vehicles.lane.shape)
    thinks = _thinks(world, vehicles, here, drive, step)
    some = chosen(thinks, FEW_PIECES)
    nobody = jnp.full_like(vehicles.lane, -1)
    stay = Verdict(vehicles.lane, vehicles.position_m, drive.accel_mps2, nobody, drive.accel_mps2)
    found = replaced(some, stay, lambda place: _judged(world, vehicles, here, drive, (place, pick(to_left, place))))
    at = jnp.where(found.follower >= 0, found.follower, nobody.shape[0])
    accel_mps2 = found.accel_mps2.at[at].min(found.let_in_mps2, mode="drop")
    goes = found.lane != vehicles.lane
    cut_in_on = jnp.where(goes, at, nobody.shape[0])
    return Changes(found.lane, found.position_m, accel_mps2, goes.at[cut_in_on].set(True, mode="drop"))


def _thinks(world: World, vehicles: Vehicles, here: Places, drive: Drive, step: Array) -> Array:
    """Return who has a reason to think about the lane to that side."""
    lanes, rules = world.network.lanes, world.rules
    nowhere = lanes.length_m.shape[0] - 1
    left, right = pick(lanes.left, vehicles.lane), pick(lanes.right, vehicles.lane)
    this_side = jnp.where(step % 2 == 0, left, right)
    beside = jnp.where(here.offset == 0, this_side, jnp.where(here.offset > 0, left, right))
    may = here.exists & ((beside < nowhere) | (here.offset != 0)) & (vehicles.since_change_s >= RESTED_S)
    may = may & pick(world.fleet.changes_lanes, vehicles.kind)
    # Not while one's rear is still on the edge before, where somebody may be beside it; of short edges half will do.
    may = may & (vehicles.position_m >= in_lane_m(here.length_m, pick(lanes.length_m, vehicles.lane)))
    # What queues take up ahead is looked up only for those who are in a wrong lane, and not near its end without them.
    is_wrong = may & ~here.is_inside & (here.offset != 0)
    needed_m = 2 * jnp.abs(here.offset) * _ahead_m(world, vehicles.speed_mps)
    is_near = is_wrong & (here.reach_m - vehicles.position_m < needed_m)
    by_plan = replaced(
        chosen(is_wrong & ~is_near), is_near, lambda place: _need(world, *those_at(vehicles, here, place)).is_near
    )
    # Nobody changes by choice while standing, without anybody near ahead, or twice in a while.
    is_slowed = ~drive.ahead.is_line & (drive.ahead.gap_m < NEAR_M + NEAR_S * vehicles.speed_mps)
    by_choice = (vehicles.speed_mps >= ROLLING_MPS) & (vehicles.since_change_s >= rules.refractory_s)
    by_choice = by_choice & (is_slowed | (rules.keep_right_mps2 != 0))
    # Nor so near a zipper that one already falls behind somebody there.
    to_zipper = pick(world.network.connections.has_equals, here.way)
    by_choice = by_choice & ~(to_zipper & (here.rest_m < zipper_m(vehicles.speed_mps)))
    # Short steps need no more thinking: by choice everybody looks to either side every two seconds.
    turns = jnp.maximum(jnp.round(1 / world.dt_s).astype(jnp.int32), 1)
    _, number = chance(world, vehicles.trip)
    by_choice = by_choice & ((number + step // 2) % turns == 0) & _may_choose(world, vehicles, this_side)
    return may & (by_plan | by_choice)


def _may_choose(world: World, vehicles: Vehicles, beside: Array) -> Array:
    """Return for whom there is a lane beside that the plan does not bar, queues or not; see `_wish`."""
    lanes, plans = world.network.lanes, world.network.plans
    is_there = beside < lanes.length_m.shape[0] - 1
    if plans.lane_count > FEW_LANES:
        # Reading that one by one costs more than thinking about lanes that are barred.
        return is_there
    said = plans.said(vehicles.node, beside)
    position_m = vehicles.position_m * (pick(lanes.length_m, beside) / pick(lanes.length_m, vehicles.lane))
    needed_m = BARRED * jnp.abs(said.offset) * _ahead_m(world, vehicles.speed_mps)
    # Rounded otherwise than there: who is about at the bound is looked at.
    return is_there & (said.reach_m > 0) & (said.reach_m - position_m >= needed_m - HAIR_M)


def _judged(world: World, vehicles: Vehicles, here: Places, drive: Drive, which: tuple[Array, Array]) -> Verdict:
    """Return what those at these places do about the lane to that side."""
    place, turn_left = which
    dt_s, rules = world.dt_s, world.rules
    # Of these alone: what everybody's need takes would otherwise be worked out again for every piece of the list.
    need = _need(world, *those_at(vehicles, here, place))
    # Who must change looks to that side all the time, to be let in, but goes only when it is that side's turn.
    to_left = jnp.where(need.is_near, need.offset > 0, turn_left)
    kind, speed_mps = pick(vehicles.kind, place), pick(vehicles.speed_mps, place)
    limit_mps, accel_mps2 = pick(drive.limit_mps, place), pick(drive.accel_mps2, place)
    beside = lane_beside(world, vehicles, here, (place, to_left))
    exists = beside.lane < world.network.lanes.length_m.shape[0] - 1
    wish = _wish(world, (vehicles, here), beside, (place, to_left), need)
    new_mps2 = wanted_mps2(world, kind, View(speed_mps, beside.gap_m, beside.leader_mps, limit_mps, dt_s))
    has_follower = beside.follower >= 0
    follower = jnp.maximum(beside.follower, 0)
    their_mps, their_limit = pick(vehicles.speed_mps, follower), pick(drive.limit_mps, follower)
    view = View(their_mps, beside.behind_m, speed_mps, their_limit, dt_s)
    pressed_mps2 = jnp.where(has_follower, wanted_mps2(world, pick(vehicles.kind, follower), view), 0)
    gain_mps2 = _gain(world, (vehicles, here), drive, place, new_mps2, (beside.follower, pressed_mps2))
    gain_mps2 = gain_mps2 + jnp.where(to_left, -rules.keep_right_mps2, rules.keep_right_mps2)
    safe_mps2 = rules.safe_mps2 * (1 + wish.urgency * URGENT_SHARE)
    is_safe = (pressed_mps2 >= -safe_mps2) & (new_mps2 >= -safe_mps2)
    # Who must change takes what there is; that its law and the follower's need not brake hard has to do. And where
    # nobody is behind in that lane, `behind_m` is reckoned with those who come to it already.
    least_m, least_behind_m = least_gap_m(speed_mps, beside.leader_mps), least_gap_m(their_mps, speed_mps)
    is_safe = is_safe & (beside.gap_m > jnp.where(wish.is_wanted, TIGHT_M, least_m))
    is_safe = is_safe & (beside.behind_m > jnp.where(has_follower & ~wish.is_wanted, least_behind_m, TIGHT_M))
    is_rested = wish.is_wanted | (pick(vehicles.since_change_s, place) >= rules.refractory_s)
    by_choice = (gain_mps2 > rules.threshold_mps2) & ~wish.is_barred & (speed_mps >= ROLLING_MPS)
    goes = is_rested & is_safe & (wish.is_wanted | by_choice) & (to_left == turn_left) & exists
    calm = wish.is_wanted & (wish.urgency > 0) & ~goes & exists
    held_mps2 = jnp.maximum(new_mps2, -COURTEOUS_MPS2)
    own_mps2 = jnp.where(goes, jnp.minimum(accel_mps2, new_mps2), accel_mps2)
    falls_behind = calm & (beside.behind_m > 0) & ~_passes(vehicles, here, beside, need)
    own_mps2 = jnp.where(falls_behind, jnp.minimum(own_mps2, held_mps2), own_mps2)
    # Who is cut in on brakes at once, as far as was judged safe; who is asked to let somebody in brakes softly.
    let_in_mps2 = jnp.where(goes, pressed_mps2, jnp.maximum(pressed_mps2, -COURTEOUS_MPS2))
    # Who stands beside a standing one cannot open a gap by waiting; the next one can.
    opens = (beside.gap_m > 0) & ((beside.behind_m > TIGHT_M) | (speed_mps > CRAWLING_MPS))
    asked = jnp.where(calm & opens | goes, beside.follower, -1)
    lane = jnp.where(goes, beside.lane, pick(vehicles.lane, place))
    position_m = jnp.where(goes, beside.position_m, pick(vehicles.position_m, place))
    return Verdict(lane, position_m, own_mps2, asked, let_in_mps2)


def _passes(vehicles: Vehicles, here: Places, beside: Beside, need: Need) -> Array:
    """Return who must go right and drives on past one who stands beside it, must go left and leaves room for that.

    They would otherwise wait for each other, each to fall in behind the other.
    """
    them = jnp.maximum(beside.leader, 0)
    stands = pick(vehicles.speed_mps, them) < CRAWLING_MPS
    leaves_room = stands & pick(here.is_front, them) & (pick(here.offset, them) > 0)
    return (need.offset < 0) & (beside.gap_m < 0) & (beside.leader >= 0) & leaves_room


def sort_key(world: World, lane: Array, position_m: Array) -> Array:
    """Return whole numbers that grow by lane and, within a lane, from front to back."""
    lanes = world.network.lanes
    rest_m = jnp.clip(pick(lanes.length_m, lane) - position_m, 0, pick(lanes.length_m, lane))
    rest = jnp.where(lane == lanes.length_m.shape[0] - 1, 0, rest_m * (1 / KEY_STEP_M))
    return pick(lanes.key, lane) + rest.astype(jnp.int32)


def lane_beside(world: World, vehicles: Vehicles, here: Places, which: tuple[Array, Array]) -> Beside:
    """Return whom one would have before and behind oneself on the other lane."""
    lanes, connections, _, plans = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    place, to_left = which
    own, node, length_m = pick(vehicles.lane, place), pick(vehicles.node, place), pick(here.length_m, place)
    lane = jnp.where(to_left, pick(lanes.left, own), pick(lanes.right, own))
    share = pick(lanes.length_m, lane) / pick(lanes.length_m, own)
    position_m = jnp.where(lane < nowhere, pick(vehicles.position_m, place) * share, 0)
    head, tail = pick(here.head, lane), pick(here.tail, lane)
    count = jnp.where(head >= 0, tail - head + 1, 0)
    before = _farther(vehicles.position_m, head, count, position_m)
    has_leader, has_follower = before > 0, before < count
    leader = jnp.where(has_leader, head + before - 1, 0)
    behind = jnp.where(has_follower, head + before, 0)
    gap_m = pick(vehicles.position_m, leader) - pick(here.length_m, leader) - position_m
    # Nobody ahead in that lane: whoever is last behind its end counts, by the plan.
    index = plans.lane_index(node, lane)
    way = plans.way(node, index)
    rest_m = pick(lanes.length_m, lane) - position_m
    across, beyond = nowhere - none + way, pick(connections.to_lane, way)
    is_across = pick(here.rear_m, across) < EMPTY_M
    far = jnp.where(is_across, across, beyond)
    far_m = rest_m + pick(here.rear_m, far) + jnp.where(is_across, 0, pick(lanes.length_m, across))
    is_free = (pick(here.rear_m, far) >= EMPTY_M) | (way == none)
    leader_mps = jnp.where(has_leader, pick(vehicles.speed_mps, leader), pick(here.rear_mps, far))
    own_mps = pick(vehicles.speed_mps, place)
    # Nor may anybody stand across the end of that lane, whatever its way.
    over_m = jnp.where(has_leader, FREE_GAP_M, pick(here.over_m, lane) - position_m)
    behind_m = jnp.where(has_follower, -pick(vehicles.position_m, behind), pick(here.headroom_m, lane))
    return Beside(
        lane=lane,
        position_m=position_m,
        leader=jnp.where(has_leader, leader, -1),
        follower=jnp.where(has_follower, behind, -1),
        gap_m=jnp.minimum(jnp.where(has_leader, gap_m, jnp.where(is_free, FREE_GAP_M, far_m)), over_m),
        leader_mps=jnp.where(has_leader | ~is_free, leader_mps, jnp.where(over_m < FREE_GAP_M, 0, own_mps)),
        behind_m=behind_m + position_m - length_m,
    )


def _farther(values: Array, first: Array, count: Array, than: Array) -> Array:
    """Return how many of the `count` values from `first` on are larger, by bisection; values fall there."""
    # These are only compared.
    values, than = jax.lax.stop_gradient((values, than))

    def halved(tried: tuple[Array, Array]) -> tuple[Array, Array]:
        found, stride = tried
        probe = found + stride
        is_there = probe <= count
        at = jnp.where(is_there, first + probe - 1, 0)
        return jnp.where(is_there & (pick(values, at) > than), probe, found), stride // 2

    # As many rounds as the longest of them takes: lanes hold few of all vehicles.
    rounds = 32 - jax.lax.clz(jnp.max(count))
    found, _ = jax.lax.while_loop(lambda tried: tried[1] > 0, halved, (jnp.zeros_like(count), (1 << rounds) // 2))
    return found


def _need(world: World, vehicles: Vehicles, here: Places) -> Need:
    """Return what the plan says about the lanes that these vehicles are in; what is per lane in `here` is of all.

    What others take up ahead, in this lane or the one beside and on the next edges, is no room to change in.

    Source: Erdmann (2015), "SUMO's Lane-Changing Model", on strategic changes. SUMO counts what is taken on the whole
    way, behind one, too, as it was when one came onto the edge; here it is what is taken now, up to `EDGES_AHEAD` on.
    """
    lanes = world.network.lanes
    beside = jnp.where(here.offset > 0, pick(lanes.left, vehicles.lane), pick(lanes.right, vehicles.lane))
    taken_m = _taken_m(here, (vehicles.lane, beside))
    ahead_m = _ahead_m(world, vehicles.speed_mps)
    needed_m = jnp.abs(here.offset) * ahead_m
    reach_m = here.reach_m - vehicles.position_m - taken_m
    # Farther on is looked only for those to whom it matters: who is in a wrong lane, and not too late already.
    is_asked = (here.offset != 0) & (reach_m > needed_m)
    reach_m = reach_m - _beyond_taken_m(world, here, vehicles.node, here.way, is_asked)
    return Need(
        offset=here.offset,
        is_near=(here.offset != 0) & (reach_m < 2 * needed_m),
        urgency=jnp.clip((2 * needed_m - reach_m) / jnp.maximum(needed_m, 1e-3), 0, 1),
        ahead_m=ahead_m,
    )


def _ahead_m(world: World, speed_mps: Array) -> Array:
    """Return how far one plans ahead for each lane."""
    return jnp.maximum(speed_mps * world.rules.plan_s, world.rules.plan_m)


def _beyond_taken_m(world: World, here: Places, node: Array, way: Array, is_asked: Array) -> Array:
    """Return how much others take up of the next edges' lanes, by the plan from a way on; these edges may be short.

    Of those who are not asked it says nothing, and fetches no plans, which lie far away in the memory.
    """
    plans, to_lane = world.network.plans, world.network.connections.to_lane
    node, way = jnp.where(is_asked, node, plans.nobody), jnp.where(is_asked, way, to_lane.shape[0] - 1)
    total_m = jnp.zeros(node.shape, dtype=here.taken_m.dtype)
    for _ in range(EDGES_AHEAD):
        lane = pick(to_lane, way)
        total_m = total_m + pick(here.taken_m, lane)
        node = plans.after(node)
        way = plans.way(node, plans.lane_index(node, lane))
    return total_m


def _taken_m(here: Places, both: tuple[Array, Array]) -> Array:
    """Return how much all those in the fuller of two lanes take up."""
    own_m, their_m = (pick(here.taken_m, lane) for lane in both)
    return jnp.maximum(own_m, their_m)


def _wish(
    world: World, everybody: tuple[Vehicles, Places], beside: Beside, which: tuple[Array, Array], need: Need
) -> Wish:
    """Return what the plan says about going one lane to that side."""
    plans = world.network.plans
    vehicles, here = everybody
    place, to_left = which
    node = pick(vehicles.node, place)
    theirs = plans.lane_index(node, beside.lane)
    their_offset = plans.offset(node, theirs)
    leads_m = plans.reach_m(node, theirs)
    their_reach_m = leads_m - beside.position_m
    is_right_way = jnp.where(to_left, need.offset > 0, need.offset < 0)
    taken_m = _taken_m(here, (pick(vehicles.lane, place), beside.lane))
    # A lane that the class may not use reaches nowhere at all.
    needed_m = BARRED * jnp.abs(their_offset) * need.ahead_m
    is_barred = (their_reach_m - taken_m < needed_m) | (their_reach_m <= 0) | (need.is_near & ~is_right_way)
    taken_m = taken_m + _beyond_taken_m(world, here, node, plans.way(node, theirs), ~is_barred)
    is_barred = is_barred | (their_reach_m - taken_m < needed_m)
    # From the end of a lane, too, one changes into one that leads no farther, on the way to the next.
    is_wanted = is_right_way & need.is_near & (leads_m > 0)
    return Wish(is_wanted, is_barred, jnp.where(is_right_way, need.urgency, 0))


def _gain(
    world: World,
    everybody: tuple[Vehicles, Places],
    drive: Drive,
    place: Array,
    new_mps2: Array,
    pressed: tuple[Array, Array],
) -> Array:
    """Return how much better the other lane is, by MOBIL: for oneself and, politely, for who is or will be behind.

    All of it is what laws say, without what happens by chance and without the line at which one may have to stop: that
    is in the other lane, too.

    Args:
        world: what stays the same.
        everybody: who is on the road, and where.
        drive: what they would do in their own lanes.
        place: who thinks about it.
        new_mps2: what it would do there.
        pressed: whom it would have behind itself there (-1: nobody), and what that one would have to do.
    """
    vehicles, here = everybody
    rules, dt_s = world.rules, world.dt_s
    kind, speed_mps, limit_mps = (pick(part, place) for part in (vehicles.kind, vehicles.speed_mps, drive.limit_mps))
    ahead = Ahead(*(pick(part, place) for part in drive.ahead))
    gap_m = jnp.where(ahead.is_line, FREE_GAP_M, ahead.gap_m)
    leader_mps = jnp.where(ahead.is_line, speed_mps, ahead.speed_mps)
    now_mps2 = wanted_mps2(world, kind, View(speed_mps, gap_m, leader_mps, limit_mps, dt_s))
    follower, pressed_mps2 = pressed
    them = jnp.maximum(follower, 0)
    their_kind, their_mps, their_limit = (
        pick(part, them) for part in (vehicles.kind, vehicles.speed_mps, drive.limit_mps)
    )
    theirs = Ahead(*(pick(part, them) for part in drive.ahead))
    view = View(their_mps, theirs.gap_m, theirs.speed_mps, their_limit, dt_s)
    lost_mps2 = jnp.where(follower >= 0, jnp.minimum(pressed_mps2 - wanted_mps2(world, their_kind, view), 0), 0)
    relief_mps2 = _relief(world, vehicles, here, drive, place)
    return new_mps2 - now_mps2 + rules.politeness * (lost_mps2 + relief_mps2)


def _relief(world: World, vehicles: Vehicles, here: Places, drive: Drive, place: Array) -> Array:
    """Return what the present follower in the lane gains when one is gone; it then has one's own leader."""
    behind = jnp.minimum(place + 1, vehicles.lane.shape[0] - 1)
    has_follower = (pick(vehicles.lane, behind) == pick(vehicles.lane, place)) & (behind > place)
    speed_mps, length_m = pick(vehicles.speed_mps, place), pick(here.length_m, place)
    gap_m = pick(drive.ahead.gap_m, place)
    now_m = pick(vehicles.position_m, place) - length_m - pick(vehicles.position_m, behind)
    then_m = jnp.where(gap_m >= FREE_GAP_M, FREE_GAP_M, now_m + length_m + gap_m)
    kind, limit_mps, their_mps = (pick(part, behind) for part in (vehicles.kind, drive.limit_mps, vehicles.speed_mps))
    now = wanted_mps2(world, kind, View(their_mps, now_m, speed_mps, limit_mps, world.dt_s))
    leader_mps = pick(drive.ahead.speed_mps, place)
    then = wanted_mps2(world, kind, View(their_mps, then_m, leader_mps, limit_mps, world.dt_s))
    return jnp.where(has_follower, then - now, 0)
