"""The records that a step over a network reads and writes.

Vehicles lie in one array in order of lane, and within a lane from the front to the back, so whom one follows is the
one before. `trip` says who somebody is; places without a vehicle are nowhere, at the end.
"""

import functools
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from proving.traffic.network.halting import Halt
from proving.traffic.network.looked_up import in_a_column, rows_at
from proving.traffic.network.tables import Network
from proving.traffic.network.trips import Trips
from proving.traffic.state import Driver, HumanDriver, Memory

Array: TypeAlias = Any
Records = TypeVar("Records")

# What the axis of devices is called where several drive one network, each its own district.
DISTRICTS = "device"


# Of so few numbers choosing one costs less than looking it up, which also keeps all that is done with it from going
# several at a time: a fleet of one type, or two, costs no gathers.
FEW = 3


def pick(values: Array, index: Array) -> Array:
    """Return the values at indices that are known to be there."""
    return pick_all(values, index)


def pick_all(records: Records, index: Array) -> Records:
    """Return the same of every array of these records."""
    index = jnp.asarray(index)

    # What is looked up at the same indices shares what is made of these.
    @functools.cache
    def column() -> Array:
        return in_a_column(index)

    @functools.cache
    def is_it(number: int) -> Array:
        return index == number

    def picked(values: Array) -> Array:
        if values.shape[0] == 1:
            return jnp.broadcast_to(values[0], (*index.shape, *values.shape[1:]))
        if values.ndim > 1 or not 1 < values.shape[0] <= FEW:
            return rows_at(values, column())
        one = values[0]
        for number in range(1, values.shape[0]):
            one = jnp.where(is_it(number), values[number], one)
        return one

    return jax.tree.map(picked, records)


class Vehicles(NamedTuple):
    """Everybody on the road; each array is [place].

    Attributes:
        lane: where; nowhere where the place is empty.
        position_m: front bumper, from the start of the lane.
        speed_mps: how fast.
        node: the plan from the current edge on; inside a junction: from the next edge on.
        trip: who.
        kind: index of the vehicle type.
        factor: what this driver makes of a speed limit.
        since_change_s: since the last lane change.
        waiting_s: standing since.
        departed_s: when the trip began.
        lost_s: time lost against driving at the speed limit.
        waited_s: time stood in all.
        driven_m: way driven.
        brakes: whether it braked in the last step.
        memory: what the controller remembers of automated vehicles.
        habits: what each law remembers; nothing where none does.
        halt: how far it is with its stops; nothing where no trip has any.
    """

    lane: Array
    position_m: Array
    speed_mps: Array
    node: Array
    trip: Array
    kind: Array
    factor: Array
    since_change_s: Array
    waiting_s: Array
    departed_s: Array
    lost_s: Array
    waited_s: Array
    driven_m: Array
    brakes: Array
    memory: Memory
    halt: Halt | tuple[()] = ()
    habits: tuple[Memory, ...] = ()


class Finished(NamedTuple):
    """Per trip (and nobody) what became of it; NaN until it has arrived.

    Attributes:
        departed_s: when it got onto the road.
        arrived_s: when it left.
        lost_s: time lost against driving at the speed limit.
        waited_s: time stood.
        driven_m: way driven.
    """

    departed_s: Array
    arrived_s: Array
    lost_s: Array
    waited_s: Array
    driven_m: Array


class Lights(NamedTuple):
    """Per signal: the phase, since when, and since when nobody came over its detectors."""

    phase: Array
    elapsed_s: Array
    quiet_s: Array


class State(NamedTuple):
    """Everything that changes from step to step.

    Attributes:
        vehicles: who is on the road.
        lights: what the signals do.
        next_trip: per source the first trip that has not begun.
        finished: what became of the trips.
        collisions: overlaps seen, each counted at every step that it lasts; side by side: per world.
        emergencies: brakings harder than `EMERGENCY_MPS2`; side by side: per world.
        overflow: how many vehicles could not be held; above 0 nothing else counts.
        step: steps so far; of worlds that began at different moments: per world.
    """

    vehicles: Vehicles
    lights: Lights
    next_trip: Array
    finished: Finished
    collisions: Array
    emergencies: Array
    overflow: Array
    step: Array


class Fleet(NamedTuple):
    """Per vehicle type: who drives and what.

    Attributes:
        laws: one per law in use; each number is an array over types.
        law: which of them a type uses.
        controller: what steers automated types; None: their law.
        length_m: from bumper to bumper.
        top_mps: fastest that it can go.
        stand_m: gap that its law keeps when standing.
        factor: mean of what drivers make of a speed limit.
        spread: standard deviation of that.
        is_automated: whether the controller steers it.
        changes_lanes: whether it changes lane.
        start_mps2: acceleration that its law starts with.
        brake_mps2: braking that its law counts on.
    """

    laws: tuple[HumanDriver, ...]
    law: Array
    controller: Driver | None
    length_m: Array
    top_mps: Array
    stand_m: Array
    factor: Array
    spread: Array
    is_automated: Array
    changes_lanes: Array
    start_mps2: Array
    brake_mps2: Array


class Rules(NamedTuple):
    """Numbers of lane changing, by MOBIL's names where it has them.

    Attributes:
        politeness: weight of what others lose or gain (p).
        threshold_mps2: how much better a change must be.
        safe_mps2: how hard the new follower may have to brake.
        refractory_s: nobody changes twice within this.
        plan_s: one starts to look for the right lane so many seconds, per lane to cross, before it is too late.
        plan_m: and at least so many metres.
        keep_right_mps2: what the lane to the right is worth by itself.
    """

    politeness: float = 0.1
    threshold_mps2: float = 0.2
    safe_mps2: float = 3.0
    refractory_s: float = 4.0
    plan_s: float = 8.0
    plan_m: float = 60.0
    keep_right_mps2: float = 0.0


class World(NamedTuple):
    """Everything that stays the same during a run.

    Attributes:
        network: the roads.
        trips: who wants to go where.
        fleet: the vehicle types.
        rules: how lanes are changed.
        seed: of everything that happens by chance; side by side: one per world.
        dt_s: step.
        at_new_speed: one moves a step at the speed that one has after it, as SUMO does, not at the mean of both; where
            that differs, per vehicle type.
        own: per lane, whether what happens there is counted here; None: everywhere. See `districts`.
    """

    network: Network
    trips: Trips
    fleet: Fleet
    rules: Rules
    seed: Array
    dt_s: float
    at_new_speed: bool | Array
    own: Array | None = None


def at_new_speed(world: World, vehicles: Vehicles) -> bool | Array:
    """Return who moves a step at the speed that it has after it; one for all where nobody differs."""
    said = world.at_new_speed
    return pick(jnp.asarray(said), vehicles.kind) if jnp.ndim(said) else said


def chance(world: World, trip: Array) -> tuple[Array, Array]:
    """Return by which seed and which number things happen to these trips by chance."""
    if world.trips.world is None or world.trips.number is None:
        return world.seed, trip
    return pick(world.seed, pick(world.trips.world, trip)), pick(world.trips.number, trip)


def clock(world: World, step: Array, trip: Array) -> Array:
    """Return how many steps there were so far in the world of each of these trips; one number where all agree."""
    if world.trips.world is None or step.ndim == 0:
        return step
    return pick(step, pick(world.trips.world, trip))


def counted(world: World, happens: Array, trip: Array) -> Array:
    """Return how often something happens to vehicles of these trips; side by side: per world."""
    if world.trips.world is None:
        return jnp.sum(happens, dtype=jnp.int32)
    nobody = world.seed.shape[0]
    if nobody == 1:
        return jnp.sum(happens, dtype=jnp.int32)[None]
    at = jnp.where(happens, pick(world.trips.world, trip), nobody)
    return jnp.zeros(nobody, dtype=jnp.int32).at[at].add(1, mode="drop")


class Command(NamedTuple):
    """What comes from outside in a step.

    Attributes:
        accel_mps2: per place, what to do; NaN: as the driver likes.
        next_phase: per signal, whether a commanded one goes on to its next phase.
        lane_wish: per place, where automated vehicles shall go: 1 left, -1 right, 0 nowhere; NaN: as the driver likes.
    """

    accel_mps2: Array
    next_phase: Array
    lane_wish: Array | None = None


class Record(NamedTuple):
    """What a step leaves behind: everybody at its start and the acceleration that came of it; the signals' phases."""

    trip: Array
    lane: Array
    position_m: Array
    speed_mps: Array
    accel_mps2: Array
    phase: Array | tuple[()] = ()
