"""Where everybody is: what follows from the order of the vehicles alone."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.state import Vehicles, World, pick, pick_all
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# Who comes to a lane is so many seconds away from it when a change or a start in front of it is all right.
COMING_S = 1.5
# Who is slower than this stands, as far as the room behind a junction goes.
SLOW_MPS = 0.5
# Where the last vehicle of an empty lane is: farther than any lane is long.
EMPTY_M = 1e9


class Places(NamedTuple):
    """Where everybody is, read off the order of the vehicles: per place, and from `tail` on per lane.

    Attributes:
        exists: whether the place holds a vehicle.
        is_inside: inside a junction.
        inside: the connection that one is on; none elsewhere.
        road: the lane of an edge that one is on or, inside a junction, about to reach.
        way: the connection at that lane's end, by the plan; none where the lane does not lead on.
        offset: how many lanes to the left (negative: right) one should be, by the plan.
        reach_m: how far the plan leads on in this lane, from its start, without a lane change.
        is_last: the plan ends on this edge.
        rest_m: way to the end of the current lane.
        length_m: of the vehicle.
        is_front: nobody is before one in the lane.
        tail: per lane the last vehicle in it; -1: empty.
        head: per lane the first.
        rear_m: per lane the rear bumper of the last; `EMPTY_M`: nobody is there.
        rear_mps: per lane the speed of the last.
        over_m: per lane the rear bumper of whoever has left it into a junction without its rear; else `EMPTY_M`.
        halt_m: per lane where the rear of the last will stand, if somebody there stands or it brakes; else `EMPTY_M`.
        queue_m: per lane the room that those need who will yet stand: all inside a junction, else who is behind the
            last who stands.
        taken_m: per lane the room that all in it take up when they stand.
        headroom_m: per lane the way that whoever comes next still has to its start, less what it needs.
    """

    exists: Array
    is_inside: Array
    inside: Array
    road: Array
    way: Array
    offset: Array
    reach_m: Array
    is_last: Array
    rest_m: Array
    length_m: Array
    is_front: Array
    tail: Array
    head: Array
    rear_m: Array
    rear_mps: Array
    over_m: Array
    halt_m: Array
    queue_m: Array
    taken_m: Array
    headroom_m: Array


def places(world: World, vehicles: Vehicles) -> Places:
    """Return where everybody is."""
    lanes, connections, _, plans = world.network
    nowhere = lanes.length_m.shape[0] - 1
    none = connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    lane = vehicles.lane
    exists = lane < nowhere
    is_inside = exists & (lane >= edge_lanes)
    inside = jnp.where(is_inside, lane - edge_lanes, none)
    road = jnp.where(is_inside, pick(connections.to_lane, inside), lane)
    said = plans.said(vehicles.node, road)
    same = lane[1:] == lane[:-1]
    place = jnp.arange(lane.shape[0], dtype=jnp.int32)
    is_front = exists & ~jnp.concatenate([jnp.zeros(1, dtype=bool), same])
    is_tail = exists & ~jnp.concatenate([same, jnp.zeros(1, dtype=bool)])
    rest_m = pick(lanes.length_m, lane) - vehicles.position_m
    way = said.way
    # Who comes to the start of a lane: the first on each way across a junction, and the first before that.
    across_m = jnp.where(is_inside, 0, pick(lanes.length_m, edge_lanes + way))
    spare_m = rest_m + across_m - COMING_S * vehicles.speed_mps
    comes = is_front & (is_inside | (way < none))
    to_lane = jnp.where(comes, jnp.where(is_inside, road, pick(connections.to_lane, way)), nowhere + 1)
    empty = jnp.full(nowhere + 1, -1, dtype=jnp.int32)
    length_m = pick(world.fleet.length_m, vehicles.kind)
    last = jnp.where(is_tail, lane, nowhere + 1)
    # The last who stands, and those who will stand behind it.
    stands = exists & (vehicles.speed_mps < SLOW_MPS)
    own_rear_m = vehicles.position_m - length_m
    standing_m = jnp.full(nowhere + 1, EMPTY_M, dtype=rest_m.dtype)
    standing_m = standing_m.at[jnp.where(stands, lane, nowhere + 1)].min(own_rear_m, mode="drop")
    # Whoever has left a lane into a junction without its rear is over its end.
    left = jnp.where(is_inside & (own_rear_m < 0), pick(connections.from_lane, inside), nowhere + 1)
    left_m = pick(lanes.length_m, jnp.minimum(left, nowhere)) + own_rear_m
    standing_m = standing_m.at[jnp.where(stands, left, nowhere + 1)].min(left_m, mode="drop")
    queues = is_inside | (own_rear_m < pick(standing_m, lane)) & exists
    brake_mps2, stand_m = pick(world.fleet.brake_mps2, vehicles.kind), pick(world.fleet.stand_m, vehicles.kind)
    queue_m = jnp.zeros(nowhere + 1, dtype=rest_m.dtype)
    queue_m = queue_m.at[jnp.where(queues, lane, nowhere + 1)].add(length_m + stand_m, mode="drop")
    taken_m = jnp.zeros_like(queue_m).at[jnp.where(exists, lane, nowhere + 1)].add(length_m + stand_m, mode="drop")
    halt_m = own_rear_m + vehicles.speed_mps**2 / (2 * brake_mps2)
    tail = empty.at[last].set(place, mode="drop")
    halt_m = jnp.where(vehicles.brakes, halt_m, EMPTY_M)
    return Places(
        exists=exists,
        is_inside=is_inside,
        inside=inside,
        road=road,
        way=way,
        offset=said.offset,
        reach_m=said.reach_m,
        is_last=said.after == plans.nobody,
        rest_m=rest_m,
        length_m=length_m,
        is_front=is_front,
        tail=tail,
        head=empty.at[jnp.where(is_front, lane, nowhere + 1)].set(place, mode="drop"),
        rear_m=_of_last(own_rear_m, tail, last, EMPTY_M),
        rear_mps=_of_last(vehicles.speed_mps, tail, last, 0.0),
        over_m=jnp.full(nowhere + 1, EMPTY_M, dtype=rest_m.dtype).at[left].min(left_m, mode="drop"),
        halt_m=jnp.minimum(standing_m - queue_m, _of_last(halt_m, tail, last, EMPTY_M)),
        queue_m=queue_m,
        taken_m=taken_m,
        headroom_m=jnp.full(nowhere + 1, FREE_GAP_M, dtype=rest_m.dtype).at[to_lane].min(spare_m, mode="drop"),
    )


def _of_last(values: Array, tail: Array, last: Array, otherwise: float) -> Array:
    """Return per lane what the last vehicle there has: that at `tail`, or of those whose lane is said in `last`."""
    # Looking something up costs a third of putting it somewhere; but lanes may be far more than vehicles.
    if tail.shape[0] <= 2 * values.shape[0]:
        return jnp.where(tail < 0, otherwise, pick(values, jnp.maximum(tail, 0)))
    return jnp.full(tail.shape[0], otherwise, dtype=values.dtype).at[last].set(values, mode="drop")


def those_at(vehicles: Vehicles, here: Places, place: Array) -> tuple[Vehicles, Places]:
    """Return what there is to know about those at these places alone; what is per lane stays."""
    own = Places._fields[: Places._fields.index("tail")]
    vehicles, known = pick_all((vehicles, {name: getattr(here, name) for name in own}), place)
    return vehicles, here._replace(**known)
