"""The road network of a task, who drives on it, and what of that is worked out once."""

import dataclasses
import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, VehicleType
from proving.traffic.network.passes import Passes, passes_over
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.simulate import Run, prepared
from proving.traffic.network.state import State, World
from proving.traffic.roads import NetworkSettings
from proving.traffic.routing import Choices, Router, routed
from proving.traffic.routing.choices import Memory, choices_beside
from proving.traffic.state import Driver, HumanDriver


@dataclass(frozen=True, kw_only=True)
class NetworkTraffic:
    """A network and who drives on it; a value.

    Attributes:
        network: settings of the network.
        demand: who drives on it; automated are those whose vehicle type is.
        main_road: names of the edges along which places are measured, in order; on a lap all of them.
        dt_s: step of the engine.
        capacity: vehicles on the road at the same time, at most.
        duration_s: flows are written out for so long.
        router: gives vehicles other routes while they drive; None: nobody's route changes.
        at_new_speed: as in `Run`: who moves a step at the speed after it; None: as each law counts on.
        laws: by one of these people drive in each world; none: by what their vehicle types say.
    """

    network: NetworkSettings
    demand: Demand
    main_road: tuple[str, ...]
    dt_s: float
    capacity: int
    duration_s: float
    router: Router | None = None
    at_new_speed: bool | None = False
    laws: tuple[HumanDriver, ...] = ()

    def __post_init__(self) -> None:
        if not self.main_road:
            raise BadSettings("main_road must name at least one edge")
        if not 0 < self.dt_s <= 2:
            raise BadSettings(f"dt_s must be above 0 and at most 2, not {self.dt_s}")
        if self.capacity < 1 or not self.dt_s <= self.duration_s < math.inf:
            raise BadSettings(
                f"capacity must be at least 1 and duration_s finite and at least dt_s, "
                f"not {self.capacity} and {self.duration_s}"
            )

    @property
    def of_people(self) -> "NetworkTraffic":
        """Return the same traffic with people at every wheel: who was automated drives as the first people do."""
        people = next((kind for kind in self.demand.types if not kind.is_automated), None)
        types = tuple(
            dataclasses.replace(
                kind,
                is_automated=False,
                driver=(people or kind).driver,
                changes_lanes=(people or kind).changes_lanes,
            )
            if kind.is_automated
            else kind
            for kind in self.demand.types
        )
        return dataclasses.replace(self, demand=dataclasses.replace(self.demand, types=types))

    def automated_by(self, law: HumanDriver) -> "NetworkTraffic":
        """Return the same traffic with automated vehicles of this law: all reckon with how it starts and brakes."""
        types = tuple(
            dataclasses.replace(kind, driver=law) if kind.is_automated else kind for kind in self.demand.types
        )
        return dataclasses.replace(self, demand=dataclasses.replace(self.demand, types=types))

    @property
    def demand_by_law(self) -> Demand:
        """Return the demand with the vehicle types twice for each law: as they are, and with people at every wheel."""
        if not self.laws:
            return self.demand
        copies = itertools.product(enumerate(self.laws), (False, True), self.demand.types)
        all_people = dict(zip(self.demand.types, self.of_people.demand.types, strict=True))
        types = tuple(
            _of_law(all_people[kind] if is_people else kind, law, number, is_people)
            for (number, law), is_people, kind in copies
        )
        return dataclasses.replace(self.demand, types=types)


def _of_law(kind: VehicleType, law: HumanDriver, number: int, is_people: bool) -> VehicleType:
    """Return the type for worlds of a law, with people at every wheel or not; the first keeps its name for trips."""
    name = f"{kind.name}_of_law_{number}{'_people' if is_people else ''}" if number or is_people else kind.name
    return dataclasses.replace(kind, name=name, driver=kind.driver if kind.is_automated else law)


class Built(NamedTuple):
    """A network as arrays, ready to be stepped over.

    Attributes:
        world: what stays the same.
        state: the first moment.
        names: the trips.
        road_map: the network.
        along_m: per lane where it starts along the main road; NaN elsewhere. A way that joins the main road from
            elsewhere counts as on it from its entrance on.
        length_m: length of the main road.
        is_lap: its end is its start.
        lane_index: per lane its number on its edge, from the right; of a way across a junction that which it reaches.
        edge: per lane the index of its edge; inside junctions the number of edges.
        is_automated: per trip, and nobody.
        top_limit_mps: highest speed limit of the network.
        choices: what the router chooses from; None where there is none.
        route_memory: what the router remembers at first.
    """

    world: World
    state: State
    names: tuple[str, ...]
    road_map: RoadMap
    along_m: Float[np.ndarray, " lane"]
    length_m: float
    is_lap: bool
    lane_index: Int[np.ndarray, " lane"]
    edge: Int[np.ndarray, " lane"]
    is_automated: Bool[np.ndarray, " trip"]
    top_limit_mps: float
    choices: Choices | None = None
    route_memory: Memory = ()


@functools.lru_cache(maxsize=64)
def built(traffic: NetworkTraffic, controller: Driver | None) -> Built:
    """Return the network as arrays, automated vehicles driven by this controller.

    Raises:
        BadNetwork: the demand does not fit the network.
        Overflow: more vehicles stand on the road at the start than `capacity`.
    """
    road_map = traffic.network.road_map()
    run = Run(
        duration_s=traffic.duration_s,
        dt_s=traffic.dt_s,
        capacity=traffic.capacity,
        controller=controller,
        at_new_speed=traffic.at_new_speed,
    )
    # Tasks are built where something else may be traced, and what is kept must not belong to that.
    with jax.ensure_compile_time_eval():
        choices: Choices | None = None
        route_memory: Memory = ()
        if traffic.router is None:
            world, state, names = prepared(road_map, traffic.demand_by_law, run, 0)
        else:
            world, state, names, choices, route_memory = routed(road_map, traffic.demand_by_law, run, 0, traffic.router)
        world, state, route_memory = jax.device_get((world, state, route_memory))
    along_m, length_m = _along(road_map, traffic)
    lanes = [len(edge.lanes) for edge in road_map.edges]
    edge = np.repeat(np.arange(len(lanes)), lanes)
    inside = np.full(len(road_map.connections) + 1, len(lanes))
    number = [*(np.arange(count) for count in lanes), [way.to_lane for way in road_map.connections], [-1]]
    return Built(
        world=world,
        state=state,
        names=names,
        road_map=road_map,
        along_m=along_m,
        length_m=length_m,
        is_lap=traffic.demand.loops,
        lane_index=np.concatenate(number).astype(np.int32),
        edge=np.concatenate([edge, inside]).astype(np.int32),
        is_automated=np.append(world.fleet.is_automated[world.trips.kind[:-1]], False),
        top_limit_mps=max(lane.limit_mps for one in road_map.edges for lane in one.lanes),
        choices=choices,
        route_memory=route_memory,
    )


class Together(NamedTuple):
    """Many worlds of a network: how they are stepped over, and what a router chooses from in all worlds of a pass."""

    passes: Passes
    choices: Choices | None


@functools.lru_cache(maxsize=64)
def together(traffic: NetworkTraffic, controller: Driver | None, world_count: int) -> Together:
    """Return how to step over so many worlds of this network."""
    alone = built(traffic, controller)
    passes = passes_over(alone.world, traffic.capacity, world_count)
    return Together(passes, None if alone.choices is None else choices_beside(alone.choices, passes.numbers))


def traced(world: World) -> World:
    """Return the world with arrays that may be indexed by traced numbers."""
    return jax.tree.map(jnp.asarray, world)._replace(dt_s=world.dt_s, at_new_speed=world.at_new_speed)


def along_main_road_m(now: Built, lane: Int[Array, " place"], position_m: Float[Array, " place"]) -> Array:
    """Return where these places lie along the main road; NaN elsewhere."""
    return jnp.asarray(now.along_m, dtype=position_m.dtype)[lane] + position_m


def _along(road_map: RoadMap, traffic: NetworkTraffic) -> tuple[np.ndarray, float]:
    """Return per lane where it starts along the main road, and how long that is."""
    first_lane = np.cumsum([0, *(len(edge.lanes) for edge in road_map.edges)])
    along = np.full(first_lane[-1] + len(road_map.connections) + 1, np.nan)
    start_m: dict[str, float] = {}
    here_m = 0.0
    turns = traffic.main_road[1:] + traffic.main_road[:1] * traffic.demand.loops
    for name, after in itertools.zip_longest(traffic.main_road, turns):
        edge, number = road_map.edge(name), road_map.edge_index[name]
        along[first_lane[number] : first_lane[number + 1]] = start_m[name] = here_m
        here_m += edge.length_m + _joint_m(road_map, name, after)
    for number, way in enumerate(road_map.connections):
        at = int(first_lane[-1]) + number
        if way.from_edge in start_m:
            along[at] = start_m[way.from_edge] + road_map.edge(way.from_edge).length_m
        elif way.to_edge in start_m:
            along[at] = start_m[way.to_edge] - way.length_m
    return along, here_m


def _joint_m(road_map: RoadMap, name: str, after: str | None) -> float:
    """Return the way across the junction between two edges; 0 behind the last."""
    if after is None:
        return 0.0
    lengths = [way.length_m for way in road_map.connections if (way.from_edge, way.to_edge) == (name, after)]
    if not lengths:
        raise BadSettings(f"main_road: no connection joins edge {name!r} to {after!r}")
    return lengths[0]
