"""Halts on the way: who has one brakes for it, stands its time in whatever lane it is in, and goes on."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.ahead import Ahead, nearer
from proving.traffic.network.halting import Halt
from proving.traffic.network.places import Places
from proving.traffic.network.state import Vehicles, World, pick
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# Who stands so near to the place has reached it; who is so far past it has missed it.
NEAR_M = 1.0
STANDING_MPS = 0.1


class Due(NamedTuple):
    """Per vehicle: whether a halt is due on its edge, the way to it, and which it is."""

    is_due: Array
    ahead_m: Array
    stop: Array


def with_stops(world: World, vehicles: Vehicles, here: Places, ahead: Ahead) -> Ahead:
    """Return what lies ahead, a place to halt at among it."""
    due = _due(world, vehicles, here)
    if due is None:
        return ahead
    gap_m = due.ahead_m + pick(world.fleet.stand_m, vehicles.kind)
    gap_m = jnp.where(due.is_due, gap_m, FREE_GAP_M)
    place = Ahead(gap_m, jnp.zeros_like(gap_m), due.is_due)
    return nearer(ahead, place, pick(world.fleet.brake_mps2, vehicles.kind))


def after_stops(world: World, before: Vehicles, after: Vehicles, here: Places, now_s: Array) -> Vehicles:
    """Return the vehicles with what they have stood at their stops; that counts neither as waiting nor as lost."""
    due, halt, stops = _due(world, before, here), before.halt, world.trips.halts
    if due is None or stops is None or not isinstance(halt, Halt):
        return after
    stands = due.is_due & (jnp.abs(due.ahead_m) < NEAR_M) & (after.speed_mps < STANDING_MPS)
    stood_s = jnp.where(stands, halt.stood_s + world.dt_s, halt.stood_s)
    is_over = stands & (stood_s >= pick(stops.duration_s, due.stop)) & (now_s >= pick(stops.until_s, due.stop))
    is_missed = due.is_due & (due.ahead_m < -NEAR_M)
    goes_on = is_over | is_missed
    return after._replace(
        halt=Halt(halt.done + goes_on, jnp.where(goes_on, 0, stood_s)),
        waiting_s=jnp.where(stands, 0, after.waiting_s),
        waited_s=jnp.where(stands, before.waited_s, after.waited_s),
        lost_s=jnp.where(stands, before.lost_s, after.lost_s),
    )


def _due(world: World, vehicles: Vehicles, here: Places) -> Due | None:
    """Return whose next stop is on the edge that it is on."""
    stops, halt = world.trips.halts, vehicles.halt
    if stops is None or not isinstance(halt, Halt):
        return None
    is_left = halt.done < pick(stops.count, vehicles.trip)
    stop = jnp.where(is_left, pick(stops.first, vehicles.trip) + halt.done, stops.at_m.shape[0] - 1)
    on_edge = pick(world.network.lanes.first_of_edge, vehicles.lane) == pick(stops.edge_lane, stop)
    is_due = here.exists & ~here.is_inside & is_left & on_edge
    return Due(is_due, pick(stops.at_m, stop) - vehicles.position_m, stop)
