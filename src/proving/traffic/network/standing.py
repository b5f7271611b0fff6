"""Who is on the road from the start: vehicles whose place and speed are given."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.errors import BadNetwork, Overflow
from proving.traffic.network.advice import unpacked
from proving.traffic.network.moving import Start, fresh_vehicles, put_at
from proving.traffic.network.state import State, World
from proving.traffic.network.step import in_order
from proving.traffic.network.tables import lane_count
from proving.traffic.network.trips import Journeys


def with_placed(world: World, state: State, journeys: Journeys) -> State:
    """Return the state with everybody on the road who is there from the start.

    Raises:
        BadNetwork: two of them overlap; the message names them.
        Overflow: more of them than the state holds.
    """
    placed = np.flatnonzero(journeys.is_placed)
    if len(placed) == 0:
        return state
    capacity = len(state.vehicles.lane)
    if len(placed) > capacity:
        raise Overflow(f"{len(placed)} vehicles are on the road at the start: raise capacity ({capacity})")
    trips = world.trips
    lane = unpacked(world.network.plans).first_lane[trips.node[placed]] + trips.depart_lane[placed]
    position_m = trips.depart_m[placed]
    _check_overlap(world, journeys, placed, lane, position_m)
    speed_mps = np.minimum(trips.depart_mps[placed], world.network.lanes.limit_mps[lane])
    start = Start(
        placed.astype(np.int32), lane.astype(np.int32), position_m, speed_mps, np.ones(len(placed), dtype=bool)
    )
    begun = np.add.reduceat(np.asarray([*journeys.is_placed, False], dtype=np.int32), trips.source_first)
    state = state._replace(next_trip=(trips.source_first + begun).astype(np.int32))
    return jax.device_get(_placed(world, state, start))


@jax.jit
def _placed(world: World, state: State, start: Start) -> State:
    """Return the empty state with vehicles that begin so, in order; one program, not a hundred small ones."""
    fresh = fresh_vehicles(world, start, jnp.zeros((), dtype=start.position_m.dtype))
    vehicles = put_at(state.vehicles, jnp.arange(len(start.trip), dtype=jnp.int32), fresh)
    return in_order(world, state._replace(vehicles=vehicles))


def _check_overlap(world: World, journeys: Journeys, placed: np.ndarray, lane: np.ndarray, front_m: np.ndarray) -> None:
    assert lane.max() < lane_count(world.network), "a trip starts in a lane of its first edge"
    rear_m = front_m - world.fleet.length_m[world.trips.kind[placed]]
    order = np.lexsort((-front_m, lane))
    for ahead, behind in itertools.pairwise(order):
        if lane[ahead] == lane[behind] and rear_m[ahead] < front_m[behind]:
            names = journeys.names[placed[ahead]], journeys.names[placed[behind]]
            raise BadNetwork(
                f"trip {names[1]!r} starts inside {names[0]!r}: "
                f"the gap between them is {rear_m[ahead] - front_m[behind]:.1f} m"
            )
