"""A task on a network in SUMO: the same roads, people and policy, but SUMO moves everybody and says where all are.

People drive by their law as SUMO has it, without our noise. Automated vehicles drive by the task's law, or by Krauss
where SUMO has no such law, until they are told something, and then as FLOW tells SUMO's: a speed for the next step
under all of SUMO's checks, or a speed that they do not exceed. What is seen and earned is worked out from SUMO's places
by the task's own functions; signals go by our own rules, and SUMO shows them.
"""

import dataclasses
import functools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from proving.traffic.drivers import Gipps, Krauss
from proving.traffic.errors import BadNetwork, BadSettings, Overflow
from proving.traffic.formats import write_sumo
from proving.traffic.learn.evaluate import check_fits
from proving.traffic.learn.judging import Feedback, Kind, Memory, NetworkVerdict, Sums, late_decisions, verdict_of
from proving.traffic.learn.networks import Layers, Statistics
from proving.traffic.learn.policy import Policy, decide
from proving.traffic.network.advice import unpacked
from proving.traffic.network.demand import Demand, Trip
from proving.traffic.network.gates import colours
from proving.traffic.network.lights import lights_after
from proving.traffic.network.places import places
from proving.traffic.network.state import Lights, State
from proving.traffic.network.step import in_order
from proving.traffic.network.trips import written_out
from proving.traffic.roads import Bottleneck
from proving.traffic.state import HumanDriver
from proving.traffic.sumo.beside import check_installed
from proving.traffic.sumo.session import Orders, Scene, Session, Snapshot, started
from proving.traffic.tasks.commanded import BRAKING_MPS2, FARTHEST_M
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles, Slots, slots_after
from proving.traffic.tasks.on_networks.environment import RECENT_COUNT
from proving.traffic.tasks.on_networks.moment import moment_of
from proving.traffic.tasks.on_networks.rewards import delay_share
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.told import Said
from proving.traffic.tasks.on_networks.traffic import traced


def judge_in_sumo(task: NetworkTask, policy: Policy | Feedback | None, seeds: Sequence[int]) -> NetworkVerdict:
    """Return what becomes of the task's episodes in SUMO; otherwise as `judge_on_network`.

    Seeds are SUMO's: of the lanes and speeds that people choose. Departures are those of our own episodes.

    Raises:
        BadSettings: SUMO is not installed; the task has sensors with flaws, messages, a router or several
            laws; or there is no seed.
        BadNetwork: SUMO refuses the network or the demand.
        BadPolicy: the policy observes or does something else than the task asks for.
        Overflow: there were more vehicles than the task holds.
    """
    check_installed()
    if not seeds:
        raise BadSettings("a judgement needs at least one seed")
    if isinstance(policy, Policy):
        check_fits(task, policy)
    for is_missing, what in (
        (not task.sensing.is_perfect, "sensors with flaws"),
        (task.company.messages is not None, "messages"),
        (task.traffic.router is not None, "a router"),
        (len(task.traffic.laws) > 1, "people of several laws"),
    ):
        if is_missing:
            raise BadSettings(f"task {task.name!r} has {what}, which is not to be had in SUMO: leave it out there")
    with tempfile.TemporaryDirectory() as folder:
        scene = _scene(task, Path(folder))
        rows = [_episode(task, policy, scene, seed) for seed in seeds]
    return verdict_of(task, Sums(*(np.array(column) for column in zip(*rows, strict=True))))


def judge_kinds_in_sumo(
    task: NetworkTask, policy: Policy | Feedback | None, seeds: Sequence[int], kinds: Sequence[Kind]
) -> list[NetworkVerdict]:
    """Return the same for people of each of the traffic's laws; kinds differ by nothing else here."""
    return [judge_in_sumo(_behind(task, kind.law), policy, seeds) for kind in kinds]


def has_others(task: NetworkTask) -> bool:
    """Return whether all who decide on a task's network can be had in SUMO: it has no meter per lane."""
    return not isinstance(task.traffic.network, Bottleneck)


def _behind(task: NetworkTask, law: int) -> NetworkTask:
    laws = task.traffic.laws[law : law + 1]
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic, laws=laws))


def _scene(task: NetworkTask, folder: Path) -> Scene:
    """Write the task's roads and people for SUMO."""
    traffic, road_map = task.traffic, task.built.road_map
    types = tuple(
        dataclasses.replace(kind, driver=_law_in_sumo(task.law)) if kind.is_automated else kind
        for kind in traffic.demand_by_law.types
    )
    top_mps = {kind.name: min(kind.top_mps, kind.driver.desired_speed_mps) for kind in types}
    trips = tuple(_as_fast_as_may_be(trip, top_mps) for trip in written_out(traffic.demand, 0, traffic.duration_s))
    *files, net = write_sumo(road_map, Demand(types=types, trips=trips, loops=traffic.demand.loops), folder)
    (routes,) = (file for file in files if file.name.endswith(".rou.xml"))
    return Scene(
        options=(
            *("-n", str(net), "-r", str(routes), "--step-length", str(traffic.dt_s)),
            *("--step-method.ballistic", "true", "--no-step-log", "true", "--no-warnings", "true"),
            *("--time-to-teleport", "-1", "--collision.action", "warn", "--collision.mingap-factor", "0"),
            *("--collision.check-junctions", "true"),
            # As in our engine, nobody waits to depart because of a light that shows red at the edge's end.
            *("--insertion-checks", "collision leaderGap followerGap"),
        ),
        lanes=[f"{edge.name}_{lane}" for edge in road_map.edges for lane in range(len(edge.lanes))],
        ways=[
            (f"{way.from_edge}_{way.from_lane}", f"{way.to_edge}_{way.to_lane}") for way in road_map.connections
        ],
        stays=[kind.name for kind in types if not kind.changes_lanes],
        told=[kind.name for kind in types if kind.is_automated],
        manner=task.actors.manner or "accel",
        fastest_mps2=max(task.action_high, 0.1),
        braking_mps2=BRAKING_MPS2,
    )  # fmt: skip


def _law_in_sumo(law: HumanDriver) -> HumanDriver:
    """Return how an automated vehicle follows in SUMO, which has no Gipps: by Krauss with the same braking and gaps."""
    if not isinstance(law, Gipps):
        return law
    return Krauss(
        desired_speed_mps=law.desired_speed_mps,
        # The time gap of Gipps is half as long again as its reaction time, that of Krauss as long.
        headway_s=1.5 * law.headway_s,
        accel_mps2=law.accel_mps2,
        braking_mps2=law.braking_mps2,
        min_gap_m=law.min_gap_m,
        sigma=0.0,
    )


def _as_fast_as_may_be(trip: Trip, top_mps: Mapping[str, float]) -> Trip:
    """Return a trip that begins at full speed as one that begins as fast as there is room for, as our engine reads it.

    SUMO would keep it waiting until there is room for the speed that is asked for.
    """
    is_fastest = not isinstance(trip.depart_speed, str) and trip.depart_speed >= top_mps[trip.type]
    return dataclasses.replace(trip, depart_speed="fastest") if is_fastest else trip


class _Before(NamedTuple):
    """What a task remembers from decision to decision."""

    slots: Slots
    action: Float[Array, " action"]
    recent: Array
    decision: Array
    memory: Memory


class _Looked(NamedTuple):
    """What is decided at one moment.

    Attributes:
        traffic: everybody, in the engine's order.
        before: what the task remembers from now on.
        wish: per place, what it is told.
        next_phase: which signals go on; nothing where none is told.
        side: to which lane each slot's vehicle goes; nothing where none is told.
        earned: mean speed, share of delay and reward of the moment.
    """

    traffic: State
    before: _Before
    wish: Array | None
    next_phase: Array | None
    side: Array | None
    earned: tuple[Array, Array, Array]


def _episode(task: NetworkTask, policy: Policy | Feedback | None, scene: Scene, seed: int) -> Sums:
    """Drive one episode, and return its sums."""
    scene = dataclasses.replace(scene, options=(*scene.options, "--seed", str(seed % 2**31)))
    weights = (policy.layers, policy.statistics) if isinstance(policy, Policy) else None
    feedback = None if isinstance(policy, Policy) else policy
    before = _Before(
        slots=jnp.full(task.actors.slot_count, -1, dtype=jnp.int32),
        action=jnp.zeros(task.action_count),
        recent=jnp.zeros(RECENT_COUNT, dtype=jnp.int32),
        decision=jnp.zeros((), dtype=jnp.int32),
        memory=() if feedback is None else feedback.first_memory(),
    )
    sums, late_from = Sums(0.0, 0.0, 0.0, 0, 0, False), task.horizon - late_decisions(task)
    with started(scene) as (sumo, snapshot):
        road = _Road(task, sumo, snapshot)
        if task.warm_up_step_count:
            road.drive(None, task.warm_up_step_count)
        looked = jax.device_get(_looked(task, feedback, road.traffic, before, weights))
        for decision in range(task.horizon):
            arrived, collided = road.drive(looked, task.steps_per_decision)
            before = looked.before._replace(recent=jnp.append(looked.before.recent[1:], jnp.int32(arrived)))
            looked = jax.device_get(_looked(task, feedback, road.traffic, before, weights))
            speed_mps, delay, reward = (float(one) for one in looked.earned)
            sums = Sums(
                sums.speed_mps + speed_mps,
                sums.delay_share + delay,
                sums.reward + (task.collision_reward if collided else reward),
                sums.late + arrived * (decision >= late_from),
                sums.arrived + arrived,
                sums.collided or collided > 0,
            )
    return sums


class _Road:
    """The road in SUMO: what everybody on it was told, and the engine's state as it can be read off."""

    def __init__(self, task: NetworkTask, sumo: Session, snapshot: Snapshot) -> None:
        built = task.built
        self._task, self._sumo = task, sumo
        self._trip = {name: number for number, name in enumerate(built.names)}
        self._wish = np.full(len(built.names) + 1, np.nan, dtype=np.float32)
        self._nodes: dict[str, tuple[int, int]] = {}
        self._after = unpacked(task.built.world.network.plans).after
        self._shown: dict[str, str] = {}
        self._lights = Lights(*(np.asarray(part) for part in built.state.lights))
        self.traffic = self._read(snapshot)

    def drive(self, looked: _Looked | None, step_count: int) -> tuple[int, int]:
        """Tell what was decided, take the steps, and return how many arrived and how many collided."""
        orders = self._orders(looked)
        if looked is not None:
            self.traffic = looked.traffic
        if not self._task.built.road_map.signals:
            return self._stepped(dataclasses.replace(orders, step_count=step_count))
        arrived = collided = 0
        go_on = None if looked is None else looked.next_phase
        for number in range(step_count):
            colours_now = self._colours()
            news = orders if number == 0 else Orders()
            self._lights = jax.device_get(_lights_after(self._task, self.traffic, go_on))
            go_on = None if go_on is None else np.zeros_like(go_on)
            counts = self._stepped(dataclasses.replace(news, colours=colours_now))
            arrived, collided = arrived + counts[0], collided + counts[1]
        return arrived, collided

    def _stepped(self, orders: Orders) -> tuple[int, int]:
        snapshot = self._sumo.stepped(orders)
        self.traffic = self._read(snapshot)
        return snapshot.arrived, snapshot.collided

    def _orders(self, looked: _Looked | None) -> Orders:
        """Return what is new in what was decided, by the vehicles' names."""
        if looked is None or looked.wish is None:
            return Orders()
        names, trips = self._task.built.names, looked.traffic.vehicles.trip
        wish: dict[str, float | None] = {}
        for trip, said in zip(trips.tolist(), looked.wish.tolist(), strict=True):
            if trip < len(names) and self._task.built.is_automated[trip] and not _same(self._wish[trip], said):
                self._wish[trip] = said
                wish[names[trip]] = None if np.isnan(said) else said
        side: dict[str, int] = {}
        if looked.side is not None:
            slots = zip(looked.before.slots.tolist(), looked.side.tolist(), strict=True)
            side = {names[trip]: int(said) for trip, said in slots if trip >= 0 and not np.isnan(said)}
        return Orders(wish=wish, side=side)

    def _colours(self) -> dict[str, str]:
        """Return what signals show that have not shown it before this step."""
        signals, phases = self._task.built.road_map.signals, self._lights.phase.tolist()
        now = {one.name: one.phases[phase].colours for one, phase in zip(signals, phases, strict=False)}
        news = {name: shown for name, shown in now.items() if self._shown.get(name) != shown}
        self._shown |= news
        return news

    def _read(self, snapshot: Snapshot) -> State:
        """Return the engine's state, in no order."""
        built, capacity, count = self._task.built, self._task.traffic.capacity, len(snapshot.names)
        if count > capacity:
            raise Overflow(f"task {self._task.name!r} holds {capacity} vehicles: raise traffic.capacity")
        if (snapshot.lane < 0).any():
            raise BadNetwork("SUMO has a vehicle in a lane that was never written for it")
        trip = np.array([self._trip[name] for name in snapshot.names], dtype=np.int32)
        inside = snapshot.lane >= len(built.lane_index) - 1 - len(built.road_map.connections)
        done = zip(snapshot.names, trip.tolist(), (snapshot.edges_done + inside).tolist(), strict=True)
        rows = {
            "lane": snapshot.lane,
            "position_m": snapshot.position_m,
            "speed_mps": snapshot.speed_mps,
            "node": [self._node(*one) for one in done],
            "trip": trip,
            "kind": built.world.trips.kind[trip],
            "waiting_s": snapshot.waited_s,
            "driven_m": snapshot.driven_m,
        }
        vehicles = built.state.vehicles
        nobody = {
            "lane": len(built.lane_index) - 1,
            "node": built.world.trips.node[-1],
            "trip": len(built.names),
            "factor": 1.0,
        }
        columns: dict[str, Any] = {
            name: np.full(capacity, nobody.get(name, 0), dtype=np.asarray(getattr(vehicles, name)).dtype)
            for name in vehicles._fields
            if name not in ("memory", "halt", "habits")
        }
        for name, values in rows.items():
            columns[name][:count] = values
        memory = ()
        if self._task.controller is not None:
            gap_m, leader_mps = np.full(capacity, FARTHEST_M, np.float32), np.zeros(capacity, np.float32)
            gap_m[:count] = np.clip(snapshot.gap_m, 0, FARTHEST_M)
            leader_mps[:count] = snapshot.leader_mps
            memory = Said(self._wish[columns["trip"]], gap_m, leader_mps)
        return built.state._replace(vehicles=vehicles._replace(**columns, memory=memory), lights=self._lights)

    def _node(self, name: str, trip: int, edges_done: int) -> int:
        """Return the plan of a vehicle that has so many edges of its route behind it."""
        done, node = self._nodes.get(name, (0, int(self._task.built.world.trips.node[trip])))
        for _ in range(done, edges_done):
            node = int(self._after[node])
        self._nodes[name] = edges_done, node
        return node


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


@functools.partial(jax.jit, static_argnames=("task", "feedback"))
def _looked(
    task: NetworkTask,
    feedback: Feedback | None,
    traffic: State,
    before: _Before,
    weights: tuple[Layers, Statistics] | None,
) -> _Looked:
    """Return what is decided at this moment: by a policy, by a controller with feedback, or by nobody."""
    built, actors = task.built, task.actors
    traffic = in_order(traced(built.world), traffic)
    slots, memory = before.slots, before.memory
    if actors.slot_count:
        keeps = isinstance(actors, AutomatedVehicles) and actors.keeps_slots
        slots = slots_after(built, slots, traffic.vehicles, keeps=keeps)
    nothing = jnp.full_like(traffic.vehicles.speed_mps, jnp.nan)
    said = Said(nothing, nothing, nothing) if actors.manner is None else Said(*traffic.vehicles.memory)
    last = (before.action, before.recent, before.decision, task.steps_per_decision * task.traffic.dt_s)
    now = moment_of(built, traffic, said, slots, last)
    if weights is not None:
        action = decide(*weights, (task.action_low, task.action_high), task.sight.seen(now)[..., None])[:, 0]
    elif feedback is not None:
        action, memory = feedback.decided(now, memory)
    else:
        action = jnp.full(task.action_count, jnp.nan)
    action = jnp.clip(action, task.action_low, task.action_high)
    orders = actors.orders(built, traffic, said, slots, action)
    return _Looked(
        traffic=traffic,
        before=_Before(slots, action, before.recent, before.decision + 1, memory),
        wish=orders.wish,
        next_phase=orders.next_phase,
        side=orders.side,
        earned=(now.mean_speed_mps, delay_share(now), jnp.mean(task.reward(now))),
    )


@functools.partial(jax.jit, static_argnames="task")
def _lights_after(task: NetworkTask, traffic: State, go_on: Bool[Array, " signal"] | None) -> Lights:
    """Return the signals one step later."""
    world = traced(task.built.world)
    traffic = in_order(world, traffic)
    here = places(world, traffic.vehicles)
    return lights_after(world, traffic.lights, traffic.vehicles, here, colours(world, traffic.lights), go_on)
