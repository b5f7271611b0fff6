"""Run a demand on a network: build the arrays, step through them, tell what became of everybody."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.network.demand import Demand
from proving.traffic.network.driving import first_habits, fleet, moves_at_new_speed
from proving.traffic.network.halting import Halt
from proving.traffic.network.plans import Planner, guidance
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.side_by_side import alone, side_by_side
from proving.traffic.network.standing import with_placed
from proving.traffic.network.state import Finished, Lights, Record, Rules, State, Vehicles, World
from proving.traffic.network.step import step
from proving.traffic.network.tables import Network, compiled, first_phase, lane_count
from proving.traffic.network.trips import journeys
from proving.traffic.state import Driver

Precision = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to run.

    Attributes:
        duration_s: how long.
        dt_s: step.
        capacity: vehicles on the road at the same time, at most; more is an `Overflow`.
        start_s: time of day at which trips and signals start.
        controller: what steers automated types; None: their law.
        rules: how lanes are changed.
        precision: of positions and speeds.
        at_new_speed: one moves a step at the speed that one has after it, as SUMO does and Krauss' laws count on,
            not at the mean of the speeds before and after it; None: those do whose law counts on it, and nobody else.
    """

    duration_s: float
    dt_s: float = 0.5
    capacity: int = 1024
    start_s: float = 0.0
    controller: Driver | None = None
    rules: Rules = field(default_factory=Rules)
    precision: Precision = "float32"
    at_new_speed: bool | None = False

    def __post_init__(self) -> None:
        if not 0 < self.dt_s <= 2:
            raise BadSettings(f"dt_s must be above 0 and at most 2, not {self.dt_s}")
        if not self.dt_s <= self.duration_s < np.inf:
            raise BadSettings(f"duration_s must be at least one step and finite, not {self.duration_s}")
        if self.capacity < 1:
            raise BadSettings(f"capacity must be at least 1, not {self.capacity}")

    @property
    def step_count(self) -> int:
        """Return how many steps that is."""
        return round(self.duration_s / self.dt_s)


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        names: the trips, in the order of `finished`.
        wanted_s: when each wanted to depart.
        finished: what became of each; NaN where it has not arrived.
        active: how many were still on the road at the end.
        waiting: how many still waited to get onto it.
        collisions: overlaps, each counted at every step that it lasted.
        emergencies: brakings harder than 6 m/s2.
        left_waiting: which trips still waited to get onto the road.
    """

    names: tuple[str, ...]
    wanted_s: np.ndarray
    finished: Finished
    active: int
    waiting: int
    collisions: int
    emergencies: int
    left_waiting: np.ndarray

    @property
    def is_finished(self) -> np.ndarray:
        """Return which trips have arrived."""
        return ~np.isnan(self.finished.arrived_s)

    def means(self) -> dict[str, float]:
        """Return means over the trips that arrived: way, speed, duration, waiting, time loss, departure delay."""
        done = self.is_finished
        if not done.any():
            return {}
        duration_s = (self.finished.arrived_s - self.finished.departed_s)[done]
        return {
            "driven_m": float(self.finished.driven_m[done].mean()),
            "speed_mps": float((self.finished.driven_m[done] / duration_s).mean()),
            "duration_s": float(duration_s.mean()),
            "waited_s": float(self.finished.waited_s[done].mean()),
            "lost_s": float(self.finished.lost_s[done].mean()),
            "delayed_s": float((self.finished.departed_s - self.wanted_s)[done].mean()),
        }


def prepared(
    road_map: RoadMap, demand: Demand, run: Run, seed: int, planner: Planner | None = None
) -> tuple[World, State, tuple[str, ...]]:
    """Return the world, its first state and the names of the trips; the planner may know more routes already.

    Raises:
        BadNetwork: the demand does not fit the network; the message names what does not.
        Overflow: more vehicles stand on the road at the start than `run.capacity`.
        BadSettings: 64 bits are asked for outside them.
    """
    return worlds_of(road_map, demand, run, (seed,), planner)[0]


def worlds_of(
    road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int], planner: Planner | None = None
) -> list[tuple[World, State, tuple[str, ...]]]:
    """Return what `prepared` does for each seed, all on one network."""
    if run.precision == "float64" and jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        raise BadSettings("a float64 run is prepared and stepped inside `with jax.enable_x64(True)`, not outside")
    planner = planner or Planner(road_map)
    span_s = (run.start_s, run.start_s + run.duration_s)
    every = [journeys(demand, planner, seed, span_s, run.precision) for seed in seeds]
    network = compiled(road_map, guidance(planner), run.precision)
    worlds = []
    for seed, written in zip(seeds, every, strict=True):
        # Nobody's plan comes after all others, which are known only now.
        node = np.append(written.trips.node[:-1], len(planner.edge)).astype(np.int32)
        world = World(
            network=network,
            trips=written.trips._replace(node=node),
            fleet=fleet(demand.types, run.controller, run.precision),
            rules=run.rules,
            seed=np.uint32(seed % 2**32),
            dt_s=run.dt_s,
            at_new_speed=moves_at_new_speed(demand.types) if run.at_new_speed is None else run.at_new_speed,
        )
        worlds.append((world, with_placed(world, _first_state(world, road_map, run), written), written.names))
    return worlds


def simulate(road_map: RoadMap, demand: Demand, run: Run, seed: int = 0) -> Outcome:
    """Return what became of everybody.

    Raises:
        BadNetwork: the demand does not fit the network.
        Overflow: more vehicles at once than `run.capacity`.
    """
    outcome, _ = _simulated(road_map, demand, run, seed, is_recorded=False)
    return outcome


def recorded(road_map: RoadMap, demand: Demand, run: Run, seed: int = 0) -> tuple[Outcome, Record]:
    """Return what became of everybody, and every step's record on a new first axis."""
    outcome, record = _simulated(road_map, demand, run, seed, is_recorded=True)
    assert record is not None, "a recorded run has a record"
    return outcome, record


@dataclass(frozen=True)
class Together:
    """Worlds of several seeds, side by side.

    Attributes:
        world: all of them as one.
        state: its first state.
        worlds: each alone.
        names: the trips of each.
    """

    world: World
    state: State
    worlds: tuple[World, ...]
    names: tuple[tuple[str, ...], ...]


def prepared_together(road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int]) -> Together:
    """Return the worlds of these seeds and their first state, for whoever steps through them; see `prepared`."""
    return side_by_side_of(worlds_of(road_map, demand, run, seeds))


def side_by_side_of(every: Sequence[tuple[World, State, tuple[str, ...]]]) -> Together:
    """Return worlds of one network, as `worlds_of` gives them, side by side."""
    worlds = tuple(world for world, _, _ in every)
    world, state = side_by_side(worlds, [state for _, state, _ in every])
    return Together(world, state, worlds, tuple(names for _, _, names in every))


def outcomes_of(together: Together, final: State) -> tuple[Outcome, ...]:
    """Return what a final state says of each world."""
    parts = zip(together.worlds, alone(together.worlds, final), together.names, strict=True)
    return tuple(outcome_of(world, own, names) for world, own, names in parts)


def simulate_many(road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int]) -> tuple[Outcome, ...]:
    """Return what became of everybody for each of the seeds: the same as one by one, in a fraction of the time.

    Raises:
        BadNetwork: the demand does not fit the network.
        Overflow: more vehicles at once in all worlds together than `run.capacity` times their number.
    """
    with jax.enable_x64(run.precision == "float64"):
        together = prepared_together(road_map, demand, run, seeds)
        final, _ = scan(together.world, together.state, run.step_count, is_recorded=False)
        final = jax.device_get(final)
    check_room(final, run)
    return outcomes_of(together, final)


def _simulated(
    road_map: RoadMap, demand: Demand, run: Run, seed: int, *, is_recorded: bool
) -> tuple[Outcome, Record | None]:
    with jax.enable_x64(run.precision == "float64"):
        world, state, names = prepared(road_map, demand, run, seed)
        final, record = scan(world, state, run.step_count, is_recorded=is_recorded)
        final, record = jax.device_get((final, record))
    check_room(final, run)
    return outcome_of(world, final, names), record


def check_room(final: State, run: Run) -> None:
    """Raise Overflow where vehicles could not be held."""
    if int(np.max(final.overflow)) > 0:
        raise Overflow(f"more than {run.capacity} vehicles were on the road at once: raise capacity")


def outcome_of(world: World, final: State, names: Sequence[str]) -> Outcome:
    """Return what a final state says."""
    due = np.asarray(world.trips.depart_s[:-1]) <= int(final.step) * world.dt_s
    begun = np.zeros(len(due) + 1, dtype=np.int32)
    np.add.at(begun, np.asarray(world.trips.source_first), 1)
    np.add.at(begun, np.asarray(final.next_trip), -1)
    left_waiting = due & (np.cumsum(begun)[:-1] == 0)
    return Outcome(
        names=tuple(names),
        wanted_s=np.asarray(world.trips.depart_s[:-1]),
        finished=Finished(*(np.asarray(part)[:-1] for part in final.finished)),
        active=int(np.sum(final.vehicles.lane < lane_count(world.network))),
        waiting=int(left_waiting.sum()),
        collisions=int(final.collisions),
        emergencies=int(final.emergencies),
        left_waiting=left_waiting,
    )


@functools.partial(jax.jit, static_argnames=("step_count", "is_recorded"))
def scan(world: World, state: State, step_count: int, *, is_recorded: bool) -> tuple[State, Record | None]:
    """Return the state after so many steps and, where recorded, every step's record."""

    def one(state: State, _: None) -> tuple[State, Record | None]:
        state, record = step(world, state)
        return state, record if is_recorded else None

    return jax.lax.scan(one, state, None, length=step_count)


def _first_state(world: World, road_map: RoadMap, run: Run) -> State:
    """Return empty roads, with the signals as they are at the start."""
    network: Network = world.network
    dtype = run.precision
    zero, nothing = np.zeros(run.capacity, dtype=dtype), np.zeros(run.capacity, dtype=np.int32)
    controller = run.controller
    vehicles = Vehicles(
        lane=nothing + lane_count(network),
        position_m=zero,
        speed_mps=zero,
        node=nothing + network.plans.nobody,
        trip=nothing + (world.trips.depart_s.shape[0] - 1),
        kind=nothing,
        factor=zero + 1,
        since_change_s=zero,
        waiting_s=zero,
        departed_s=zero,
        lost_s=zero,
        waited_s=zero,
        driven_m=zero,
        brakes=np.zeros(run.capacity, dtype=bool),
        memory=() if controller is None else controller.first_memory(jnp.asarray(zero)),
        halt=() if world.trips.halts is None else Halt(nothing, zero),
        habits=first_habits(world.fleet, jnp.asarray(zero)),
    )
    phases = [first_phase(signal, run.start_s) for signal in road_map.signals]
    unknown = np.full(world.trips.depart_s.shape[0], np.nan, dtype=dtype)
    return State(
        vehicles=vehicles,
        lights=Lights(
            phase=np.array([*(phase for phase, _ in phases), 0], dtype=np.int32),
            elapsed_s=np.array([*(elapsed_s for _, elapsed_s in phases), 0.0], dtype=dtype),
            quiet_s=np.zeros(len(phases) + 1, dtype=dtype),
        ),
        next_trip=np.asarray(world.trips.source_first),
        finished=Finished(*(unknown for _ in Finished._fields)),
        collisions=np.int32(0),
        emergencies=np.int32(0),
        overflow=np.int32(0),
        step=np.int32(0),
    )
