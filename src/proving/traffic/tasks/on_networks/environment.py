"""A task on a network as two pure functions for many worlds at once; the world is the last axis.

The engine steps over the worlds side by side (`network.passes`); who decides, sights and rewards see one by one.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from proving.traffic.estimating import behind_sensors
from proving.traffic.network.passes import Pass, by_world, in_a_row, in_passes
from proving.traffic.network.side_by_side import Numbers
from proving.traffic.network.state import Command, Finished, State
from proving.traffic.network.step import step as engine_step
from proving.traffic.noise import uniform
from proving.traffic.routing.choices import Memory
from proving.traffic.routing.world import on_routes
from proving.traffic.sensing import Imperfect, Sensing, delay_steps
from proving.traffic.tasks.messages import Mail, first_mail
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles, Orders, Slots, slots_after
from proving.traffic.tasks.on_networks.as_sensed import as_sensed
from proving.traffic.tasks.on_networks.hearing import posted
from proving.traffic.tasks.on_networks.moment import NetworkMoment, moment_of
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.told import Said, said_in, with_wish
from proving.traffic.tasks.on_networks.traffic import Built, together, traced
from proving.traffic.tasks.people import STREAM_LAW
from proving.traffic.tasks.worlds import drawn_sensing

# FLOW's outflow counts the last ten decisions.
RECENT_COUNT = 10
# Who has changed lane is not told to change again before this (FLOW's "lane_change_duration").
RESTED_S = 5.0


class NetworkEpisode(NamedTuple):
    """One running episode per world.

    `slots` says which trip each agent drives, `recent` how many arrived of late, `routes` what the router remembers,
    `earned` what each agent got for the last decision, where that is not the same, `mail` what vehicles have heard,
    `draw` what a world's sensors were drawn by, `types` which copy of the vehicle types drives there (see
    `NetworkTraffic.demand_by_law`), `flaw_share` how much of the task's flaws its sensors have; these three stay when
    `seed` is replaced. `speeds` says how fast each trip was before the last decision, NaN where it was not there, and
    nothing where no reward asks.
    """

    traffic: State
    seed: UInt32[Array, " world"]
    decision: Int[Array, " world"]
    action: Float[Array, "action world"]
    slots: Int[Array, "slot world"]
    recent: Int[Array, "last world"]
    routes: tuple[Array, ...] = ()
    earned: Float[Array, "agent world"] | tuple[()] = ()
    mail: Mail | None = None
    draw: UInt32[Array, " world"] | tuple[()] = ()
    speeds: Float[Array, "trip world"] | tuple[()] = ()
    types: Int[Array, " world"] | tuple[()] = ()
    flaw_share: Float[Array, " world"] | tuple[()] = ()


class WorldKinds(NamedTuple):
    """What differs between the worlds of a task besides their seeds.

    `law` says by which of the traffic's laws people drive, `is_people` whether they are at every wheel, `flaw_share`
    how much of the task's flaws sensors and pedals have.
    """

    law: Int[Array, " world"]
    is_people: Bool[Array, " world"]
    flaw_share: Float[Array, " world"]


class NetworkOutcome(NamedTuple):
    """What one decision led to. A world that ended goes on if it is stepped; whoever drives the loop resets it."""

    episode: NetworkEpisode
    observation: Float[Array, "feature agent world"]
    reward: Float[Array, " world"]
    terminated: Bool[Array, " world"]
    truncated: Bool[Array, " world"]


def reset(
    task: NetworkTask, seed: UInt32[Array, " world"], kinds: WorldKinds | None = None
) -> tuple[NetworkEpisode, Float[Array, "feature agent world"]]:
    """Return a fresh episode per seed, after the warm-up, and what is seen.

    Without `kinds` each world draws one of the traffic's laws, and its sensors are the task's.
    """
    seed = jnp.asarray(seed, dtype=jnp.uint32)
    worlds, built, messages = seed.shape[0], task.built, task.company.messages

    def spread(values: Array) -> Array:
        values = jnp.asarray(values)
        return jnp.broadcast_to(values[..., None], (*values.shape, worlds))

    zero = jnp.zeros(worlds, dtype=jnp.int32)
    # What became of trips nobody asks in a task.
    finished = Finished(*(part[:0] for part in built.state.finished))
    traffic, types, laws = jax.tree.map(spread, built.state._replace(finished=finished)), (), len(task.traffic.laws)
    if laws:
        types = 2 * (uniform(seed, STREAM_LAW, zero, zero) * laws).astype(jnp.int32)
        if kinds is not None:
            types = 2 * kinds.law + kinds.is_people
        kind = traffic.vehicles.kind + len(task.traffic.demand.types) * types
        traffic = traffic._replace(vehicles=traffic.vehicles._replace(kind=kind.astype(traffic.vehicles.kind.dtype)))
    episode = NetworkEpisode(
        traffic=traffic,
        seed=seed,
        decision=zero,
        action=jnp.full((task.action_count, worlds), jnp.nan, dtype=jnp.float32),
        slots=jnp.full((task.actors.slot_count, worlds), -1, dtype=jnp.int32),
        recent=jnp.zeros((RECENT_COUNT, worlds), dtype=jnp.int32),
        routes=jax.tree.map(spread, built.route_memory),
        earned=jnp.zeros((task.agent_count, worlds)) if task.rewards_each else (),
        mail=None if messages is None else first_mail(messages, task.actors.slot_count, worlds),
        draw=seed if task.is_sensing_drawn else (),
        speeds=jnp.full((task.built.is_automated.shape[0], worlds), jnp.nan) if task.knows_accel else (),
        types=types,
        flaw_share=() if kinds is None or task.sensing.is_perfect else kinds.flaw_share,
    )
    # Without a warm-up all is known beforehand, and the compiler would work out by itself, slowly, what is seen.
    episode = jax.lax.optimization_barrier(_driven(task, episode, task.warm_up_step_count))
    episode = episode._replace(action=jnp.zeros_like(episode.action), recent=jnp.zeros_like(episode.recent))
    return episode, observe(task, episode)


def step(
    task: NetworkTask,
    episode: NetworkEpisode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> NetworkOutcome:
    """Let an action hold for the task's steps, in every world; actions are clipped to the action space.

    `opposing` is what the task's opponent adds. An action that is NaN says nothing: people decide. `terminated` says
    that vehicles collided (or that there were more of them than the task holds), `truncated` that the horizon was
    reached without that.
    """
    action = jnp.clip(jnp.asarray(action, dtype=jnp.float32), task.action_low, task.action_high)
    command = action
    if opposing is not None:
        command = command + task.company.opponent_share * jnp.clip(opposing, task.action_low, task.action_high)
    before = episode.traffic.collisions
    slots = episode.slots
    if task.knows_accel:
        episode = episode._replace(speeds=_speeds(task.built.is_automated.shape[0], episode.traffic))
    episode = _driven(task, episode._replace(action=command), task.steps_per_decision)
    episode = episode._replace(decision=episode.decision + 1, action=action)
    if episode.mail is not None:
        episode = _posted(task, episode, slots)
    return _judged(task, episode, before)


def observe(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "feature agent world"]:
    """Return what each agent sees, inside the declared space."""
    return _observed(task, episode)


@functools.partial(jax.jit, static_argnames="task")
def told(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "told world"]:
    """Return what only a critic may know."""

    def one(episode: NetworkEpisode) -> Array:
        return task.told(moment(task, episode))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(episode)


def moment(task: NetworkTask, episode: NetworkEpisode) -> NetworkMoment:
    """Return one world as it stands between two decisions; the episode has no axis for worlds here."""
    decision_s = task.steps_per_decision * task.traffic.dt_s
    last = (episode.action, episode.recent, episode.decision, decision_s)
    now = moment_of(task.built, episode.traffic, _said(task, episode.traffic), episode.slots, last)
    if not isinstance(episode.speeds, tuple):
        before_mps = episode.speeds[episode.traffic.vehicles.trip]
        accel_mps2 = jnp.where(jnp.isnan(before_mps), 0, (now.speed_mps - before_mps) / decision_s)
        now = now._replace(accel_mps2=jnp.where(now.is_there, accel_mps2, 0))
    return now if episode.mail is None else now._replace(heard=episode.mail.heard)


@functools.partial(jax.jit, static_argnames="trip_count")
def _speeds(trip_count: int, traffic: State) -> Float[Array, "trip world"]:
    """Return how fast each trip is, the last of them nobody; NaN where it is not on the road."""

    def one(traffic: State) -> Array:
        vehicles = traffic.vehicles
        speeds = jnp.full(trip_count, jnp.nan, dtype=vehicles.speed_mps.dtype)
        return speeds.at[vehicles.trip].set(vehicles.speed_mps).at[-1].set(jnp.nan)

    return jax.vmap(one, in_axes=-1, out_axes=-1)(traffic)


@functools.partial(jax.jit, static_argnames="task")
def _driven(task: NetworkTask, episode: NetworkEpisode, step_count: int | Array) -> NetworkEpisode:
    """Return the episode so many engine steps later, the last action holding.

    The count is traced, so this is compiled once for warm-ups and decisions.
    """
    worlds = episode.seed.shape[0]
    passes = together(task.traffic, task.controller, worlds).passes
    begun, orders = jax.vmap(functools.partial(_begun, task), in_axes=-1, out_axes=-1)(episode)
    held = _Held(orders.next_phase, orders.side, begun.slots, episode.draw, episode.types, episode.flaw_share)

    def advance(some: Pass, traffic: State, rest: tuple[_Held, Memory]) -> tuple[State, tuple[_Held, Memory]]:
        traffic, memory = _advanced(task, some, traffic, rest, (step_count, worlds))
        return traffic, (rest[0], memory)

    now = (begun.traffic, episode.seed, (held, episode.routes))
    after, (_, routes) = in_passes(passes, now, step_count, advance)
    ended = begun._replace(traffic=after, routes=routes)
    return jax.vmap(functools.partial(_ended, task), in_axes=-1, out_axes=-1)(begun, ended)


class _Held(NamedTuple):
    """What holds during a decision; the last axis is the world.

    Attributes:
        next_phase: which signals go on.
        side: to which lane each slot's vehicle shall go.
        slots: the trip of each slot.
        draw: what sensors are drawn by.
        types: which copy of the vehicle types drives.
        flaw_share: how much of the task's flaws sensors and pedals have.
    """

    next_phase: Bool[Array, "signal world"] | None
    side: Float[Array, "slot world"] | None
    slots: Int[Array, "slot world"]
    draw: UInt32[Array, " world"] | tuple[()]
    types: Int[Array, " world"] | tuple[()]
    flaw_share: Float[Array, " world"] | tuple[()]


def _begun(task: NetworkTask, episode: NetworkEpisode) -> tuple[NetworkEpisode, Orders]:
    """Return one world with its action said to those whom it concerns, and what else was ordered."""
    built, traffic = task.built, episode.traffic
    slots = _slots(task, episode)
    orders = task.actors.orders(built, traffic, _said(task, traffic), slots, episode.action)
    if orders.wish is not None:
        memory = with_wish(traffic.vehicles.memory, task.sensing, orders.wish)
        traffic = traffic._replace(vehicles=traffic.vehicles._replace(memory=memory))
    return episode._replace(traffic=traffic, slots=slots), orders._replace(wish=None)


def _ended(task: NetworkTask, begun: NetworkEpisode, ended: NetworkEpisode) -> NetworkEpisode:
    """Return one world at the end of a decision, with who decides next and who has arrived."""
    arrived = _left(task.built, ended.traffic) - _left(task.built, begun.traffic)
    return ended._replace(slots=_slots(task, ended), recent=jnp.append(ended.recent[1:], arrived))


def _slots(task: NetworkTask, episode: NetworkEpisode) -> Slots:
    """Return who is in which slot of one world."""
    if not task.actors.slot_count:
        return episode.slots
    keeps = isinstance(task.actors, AutomatedVehicles) and task.actors.keeps_slots
    return slots_after(task.built, episode.slots, episode.traffic.vehicles, keeps=keeps)


def _advanced(
    task: NetworkTask, some: Pass, traffic: State, rest: tuple[_Held, Memory], length: tuple[int | Array, int]
) -> tuple[State, Memory]:
    """Return the worlds of a pass so many steps later; of how many worlds they are is said as well."""
    held, numbers, world = rest[0], some.numbers, traced(some.world)
    if not isinstance(held.types, tuple):
        assert world.trips.world is not None, "in a pass every trip is somebody's"
        kind = world.trips.kind + len(task.traffic.demand.types) * held.types[world.trips.world]
        world = world._replace(trips=world.trips._replace(kind=kind.astype(world.trips.kind.dtype)))
    step_count, worlds = length
    choices, router = together(task.traffic, task.controller, worlds).choices, task.traffic.router
    go_on = None if held.next_phase is None else jnp.append(in_a_row(held.next_phase[:-1]), False)
    side = None if held.side is None else _by_trip(numbers, held.slots, held.side)
    is_alike = isinstance(held.draw, tuple) and isinstance(held.flaw_share, tuple)
    has_own_sensors = not is_alike and task.controller is not None and not task.sensing.is_perfect

    def one(index: Array, now: tuple[State, Memory]) -> tuple[State, Memory]:
        traffic, memory = now
        here = world
        if has_own_sensors:
            assert world.trips.world is not None, "in a pass every trip is somebody's"
            own = _behind_own_sensors(task, held, world.trips.world[traffic.vehicles.trip])
            here = world._replace(fleet=world.fleet._replace(controller=own))
        if router is not None and choices is not None:
            traffic, memory = on_routes(router, choices, world, traffic, memory)
        return engine_step(here, traffic, _command(go_on, side, traffic, index == 0))[0], memory

    first = tuple(in_a_row(part) for part in rest[1])
    traffic, memory = jax.lax.fori_loop(0, step_count, one, (traffic, first))
    return traffic, tuple(by_world(part, numbers.worlds) for part in memory)


def _by_trip(numbers: Numbers, slots: Int[Array, "slot world"], values: Float[Array, "slot world"]) -> Array:
    """Return the values of slots by the number of their trip among all worlds of a pass; NaN elsewhere."""
    count = numbers.first_trip[-1]
    trip = jnp.where(slots >= 0, slots + jnp.asarray(numbers.first_trip[:-1]), count + 1)
    return jnp.full(count + 1, jnp.nan, dtype=values.dtype).at[trip].set(values, mode="drop")


@functools.partial(jax.jit, static_argnames="task")
def _posted(task: NetworkTask, episode: NetworkEpisode, slots: Int[Array, "slot world"]) -> NetworkEpisode:
    """Return the episode with its mail one decision later; `slots` are those of before."""

    def one(episode: NetworkEpisode, slots: Slots) -> Mail:
        messages = task.company.messages
        assert messages is not None, "there is mail where somebody sends messages"
        assert episode.mail is not None, "there is mail where somebody sends messages"
        is_same = (slots == episode.slots) & (slots >= 0)
        return posted(messages, episode.mail, moment(task, episode), is_same, (episode.seed, episode.decision))

    return episode._replace(mail=jax.vmap(one, in_axes=-1, out_axes=-1)(episode, slots))


@functools.partial(jax.jit, static_argnames="task")
def _judged(task: NetworkTask, episode: NetworkEpisode, collisions: Int[Array, " world"]) -> NetworkOutcome:
    def one(episode: NetworkEpisode) -> tuple[Array, Array]:
        now = moment(task, episode)
        return _seen(task, episode, now), task.reward(now)

    observation, reward = jax.vmap(one, in_axes=-1, out_axes=-1)(episode)
    terminated = (episode.traffic.collisions > collisions) | (episode.traffic.overflow > 0)
    truncated = (episode.decision >= task.horizon) & ~terminated
    reward = jnp.where(terminated, task.collision_reward, reward)
    if task.rewards_each:
        episode, reward = episode._replace(earned=reward), jnp.mean(reward, axis=0)
    return NetworkOutcome(episode, observation, reward, terminated, truncated)


@functools.partial(jax.jit, static_argnames="task")
def _observed(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "feature agent world"]:
    def one(episode: NetworkEpisode) -> Array:
        return _seen(task, episode, moment(task, episode))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(episode)


def _seen(task: NetworkTask, episode: NetworkEpisode, now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return what each agent of one world sees, through the sensors that the world has."""
    if task.sensing.is_perfect:
        return task.sight.seen(now)
    return task.sight.seen(as_sensed(now, _flaws(task, episode.draw, episode.flaw_share), episode.seed))


def _flaws(task: NetworkTask, draw: Array | tuple[()], flaw_share: Array | tuple[()]) -> Sensing:
    """Return what is wrong with sensors that have so much of the task's flaws, or of those that they drew."""
    sensing = task.sensing if isinstance(draw, tuple) else drawn_sensing(task.sensing, draw)
    return sensing if isinstance(flaw_share, tuple) else sensing.times(flaw_share)


def _behind_own_sensors(task: NetworkTask, held: _Held, whose: Int[Array, " place"]) -> Imperfect:
    """Return the driver behind the sensors and pedals of its own world."""
    draw = held.draw if isinstance(held.draw, tuple) else held.draw[whose]
    flaw_share = held.flaw_share if isinstance(held.flaw_share, tuple) else held.flaw_share[whose]
    late = delay_steps(task.sensing.latency_s, task.traffic.dt_s, "latency_s")
    sensing = _flaws(task, draw, flaw_share)
    # What is late in a drive is late by whole steps.
    steps = jnp.round(sensing.latency_s / max(task.sensing.latency_s, task.traffic.dt_s * 1e-3) * late)
    return behind_sensors(task.told_vehicle, sensing, late, steps.astype(jnp.int32))


def _said(task: NetworkTask, traffic: State) -> Said:
    if task.actors.manner is None:
        nothing = jnp.full_like(traffic.vehicles.speed_mps, jnp.nan)
        return Said(nothing, nothing, nothing)
    return said_in(traffic.vehicles.memory, task.sensing)


def _command(go_on: Array | None, side: Array | None, now: State, is_first: Array) -> Command | None:
    """Return what the engine is told: which signals go on, once and not at every step of a decision; sides by trip."""
    if go_on is None and side is None:
        return None
    vehicles = now.vehicles
    stays = jnp.zeros(now.lights.phase.shape[0], dtype=bool)
    lane_wish = None
    if side is not None:
        lane_wish = side[vehicles.trip]
        lane_wish = jnp.where(vehicles.since_change_s < RESTED_S, 0 * lane_wish, lane_wish)
    return Command(
        accel_mps2=jnp.full_like(vehicles.speed_mps, jnp.nan),
        next_phase=stays if go_on is None else go_on & is_first,
        lane_wish=lane_wish,
    )


def _left(built: Built, traffic: State) -> Int[Array, ""]:
    """Return how many vehicles have left the road."""
    begun = jnp.sum(traffic.next_trip - jnp.asarray(built.world.trips.source_first), dtype=jnp.int32)
    nobody = built.is_automated.shape[0] - 1
    return begun - jnp.sum(traffic.vehicles.trip < nobody, dtype=jnp.int32)
