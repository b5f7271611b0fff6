"""One step of the simulation: a pure function of the state, for all slots of all lanes of all worlds at once."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.drivers import DRIVERS
from proving.traffic.failsafes import Guarded
from proving.traffic.noise import Draws, standard_normal, uniform
from proving.traffic.sensing import Delayed, Imperfect, Sensing
from proving.traffic.state import FREE_GAP_M, Cars, Head, Memory, Record, State, Traits, View, World
from proving.traffic.streams import (
    STREAM_ARRIVAL,
    STREAM_AUTOMATED,
    STREAM_HEADWAY,
    STREAM_NOISE,
    STREAM_SPEED,
)

Kind = Literal["ring", "open", "behind_leader"]

for _law in (*DRIVERS.values(), Sensing, Delayed, Imperfect, Guarded):
    jax.tree_util.register_dataclass(_law)


def step(world: World, state: State, head: Head | None, kind: Kind, *, is_noisy: bool = True) -> tuple[State, Record]:
    """Move every vehicle by one step and let vehicles leave and enter.

    Differentiable by JAX by every floating-point number of the world and the state, as long as nobody comes or leaves:
    arrivals, who is automated and the wrap-around of a ring are taken as they were, and where a bound holds (a hardest
    braking, standing, the least gap that counts) the gradient is that of the bound.

    Everybody sees the same moment. `kind`, the presence of a controller and `is_noisy` are fixed when the step is
    compiled; whoever knows that the law has no noise saves drawing it, which costs more than all the rest.

    Returns:
        The next state, and what this step was.
    """
    cars = state.cars
    slot = jnp.arange(cars.position_m.shape[0], dtype=jnp.int32)[:, None]
    exists = slot < state.count
    gap_m, leader_speed_mps = _look_ahead(world, cars, head, kind)
    follower_gap_m, follower_speed_mps = _look_back(cars, gap_m, state.count, slot, kind)
    view = View(
        cars.speed_mps,
        gap_m,
        leader_speed_mps,
        _limit_mps(world, cars.position_m),
        world.dt_s,
        follower_gap_m,
        follower_speed_mps,
        _lane_mean(cars.speed_mps, exists, state.count),
        Draws(world.seed, cars.vehicle, state.step),
    )
    wish_mps2, memory = decide(world, state, view, is_noisy=is_noisy)
    moved_m, speed_mps = advance(cars.speed_mps, wish_mps2, world.dt_s)
    moved_m = moved_m if head is None else moved_m - head.moved_m
    accel_mps2 = (speed_mps - cars.speed_mps) / world.dt_s
    record = Record(
        position_m=cars.position_m,
        speed_mps=cars.speed_mps,
        accel_mps2=accel_mps2,
        gap_m=gap_m,
        # Elsewhere slots are vehicles for good.
        vehicle=jnp.where(exists, cars.vehicle, -1) if kind == "open" else None,
        is_automated=cars.is_automated if kind == "open" else None,
    )
    position_m = cars.position_m + moved_m
    if kind == "ring":
        position_m = jnp.where(position_m >= world.length_m, position_m - world.length_m, position_m)
    state = state._replace(cars=cars._replace(position_m=position_m, speed_mps=speed_mps, memory=memory))
    if kind == "open":
        state = _enter(world, _leave(world, state), slot)
    return state._replace(step=state.step + 1), record


def advance(
    speed_mps: Float[Array, "slot lane"], accel_mps2: Float[Array, "slot lane"], dt_s: float
) -> tuple[Float[Array, "slot lane"], Float[Array, "slot lane"]]:
    """Return the distance moved and the new speed under constant acceleration.

    Who would come to rest within the step stops there, after v^2 / 2|a|, and does not roll back.
    """
    wanted_mps = speed_mps + accel_mps2 * dt_s
    stopping_m = speed_mps * speed_mps / (2 * jnp.maximum(-accel_mps2, 1e-6))
    moving_m = 0.5 * (speed_mps + wanted_mps) * dt_s
    return jnp.where(wanted_mps < 0, stopping_m, moving_m), jnp.maximum(wanted_mps, 0)


def _look_ahead(
    world: World, cars: Cars, head: Head | None, kind: Kind
) -> tuple[Float[Array, "slot lane"], Float[Array, "slot lane"]]:
    """Return net gap and leader's speed; slot k follows slot k-1, slot 0 whatever this kind of road puts there."""
    ahead_m = jnp.roll(cars.position_m, 1, axis=0)
    ahead_mps = jnp.roll(cars.speed_mps, 1, axis=0)
    if kind == "ring":
        distance_m = ahead_m - cars.position_m
        distance_m = jnp.where(distance_m <= 0, distance_m + world.length_m, distance_m)
        return distance_m - world.vehicle_length_m, ahead_mps
    if head is None:
        gap_m = (ahead_m - cars.position_m - world.vehicle_length_m).at[0].set(FREE_GAP_M)
        return gap_m, ahead_mps.at[0].set(cars.speed_mps[0])
    ahead_m = ahead_m.at[0].set(0)
    return ahead_m - cars.position_m - world.vehicle_length_m, ahead_mps.at[0].set(head.speed_mps)


def _look_back(
    cars: Cars, gap_m: Float[Array, "slot lane"], count: Int[Array, " lane"], slot: Int[Array, "slot 1"], kind: Kind
) -> tuple[Float[Array, "slot lane"], Float[Array, "slot lane"]]:
    """Return gap and speed of who is behind; behind the last of a lane with ends is nobody, at its own speed."""
    behind_m, behind_mps = jnp.roll(gap_m, -1, axis=0), jnp.roll(cars.speed_mps, -1, axis=0)
    if kind == "ring":
        return behind_m, behind_mps
    is_last = slot >= count - 1
    return jnp.where(is_last, FREE_GAP_M, behind_m), jnp.where(is_last, cars.speed_mps, behind_mps)


def _lane_mean(
    speed_mps: Float[Array, "slot lane"], exists: Bool[Array, "slot lane"], count: Int[Array, " lane"]
) -> Float[Array, "slot lane"]:
    """Return the mean speed of the lane's vehicles, for each of them."""
    total = jnp.sum(jnp.where(exists, speed_mps, 0), axis=0)
    return jnp.broadcast_to(total / jnp.maximum(count, 1).astype(total.dtype), speed_mps.shape)


def _limit_mps(world: World, position_m: Float[Array, "slot lane"]) -> Float[Array, "slot lane"]:
    return jnp.where(position_m >= world.slow_zone_start_m, world.slow_zone_limit_mps, world.limit_mps)


def decide(
    world: World, state: State, view: View, *, is_noisy: bool
) -> tuple[Float[Array, "slot lane"], tuple[Memory, Memory]]:
    """Return how everybody wants to accelerate, by the human law or the controller, and what they then remember."""
    cars = state.cars
    law = world.human if cars.traits is None else world.human.varied(cars.traits)
    wish_mps2, human_memory = law.drive(view, cars.memory[0])

    if is_noisy:
        draw = standard_normal(world.seed, STREAM_NOISE, cars.vehicle, state.step)
        wish_mps2 = wish_mps2 + law.noise_intensity / jnp.sqrt(world.dt_s) * draw
    if world.automated is None:
        return wish_mps2, (human_memory, ())
    steered_mps2, automated_memory = world.automated.drive(view, cars.memory[1])
    is_steered = cars.is_automated & (state.step >= world.control_start_step)
    return jnp.where(is_steered, steered_mps2, wish_mps2), (human_memory, automated_memory)


def _leave(world: World, state: State) -> State:
    """Let the front vehicle of each lane go once its front bumper is past the end: the lane shifts up by one."""
    leaves = (state.count > 0) & (state.cars.position_m[0] >= world.length_m)

    def shifted(values: Array) -> Array:
        return jnp.where(leaves, jnp.roll(values, -1, axis=0), values)

    cars = jax.tree.map(shifted, state.cars)
    gone = leaves.astype(jnp.int32)
    return state._replace(cars=cars, count=state.count - gone, left=state.left + gone)


def _enter(world: World, state: State, slot: Int[Array, "slot 1"]) -> State:
    """Add arrivals to the queues, and let the first of each queue in where there is room."""
    cars = state.cars
    arrives = uniform(world.seed, STREAM_ARRIVAL, world.lane, state.step) < world.arrivals_per_step
    waiting = state.waiting + arrives.astype(jnp.int32)
    is_tail = slot == state.count - 1
    tail_m = jnp.sum(jnp.where(is_tail, cars.position_m, 0), axis=0)
    tail_mps = jnp.sum(jnp.where(is_tail, cars.speed_mps, 0), axis=0)
    free_mps = jnp.minimum(world.human.desired_speed_mps, _limit_mps(world, jnp.zeros_like(tail_m)))
    is_empty = state.count == 0
    speed_mps = jnp.where(is_empty, free_mps, jnp.minimum(free_mps, tail_mps))
    room_m = jnp.where(is_empty, FREE_GAP_M, tail_m - world.vehicle_length_m)
    has_room = room_m >= world.entry_gap_m + world.entry_headway_s * speed_mps
    enters = (waiting > 0) & has_room & (state.count < cars.position_m.shape[0])
    vehicle = state.entered * world.lane_count + world.lane
    fresh = fresh_cars(world, vehicle, speed_mps, has_traits=cars.traits is not None)
    here = enters & (slot == state.count)
    came = enters.astype(jnp.int32)

    def seated(old: Array, new: Array) -> Array:
        return jnp.where(here, new, old)

    return state._replace(
        cars=jax.tree.map(seated, cars, fresh),
        count=state.count + came,
        waiting=waiting - came,
        entered=state.entered + came,
    )


def fresh_cars(world: World, vehicle: Int[Array, "..."], speed_mps: Float[Array, "..."], *, has_traits: bool) -> Cars:
    """Return vehicles at position 0 with their own traits, memory and, by chance, automation."""
    traits = None
    if has_traits:
        traits = Traits(
            speed_factor=_factor(world, STREAM_SPEED, vehicle), headway_factor=_factor(world, STREAM_HEADWAY, vehicle)
        )
    is_automated: Bool[Array, "..."] = (
        uniform(world.seed, STREAM_AUTOMATED, vehicle, jnp.int32(0)) < world.automated_share
    )
    automated = world.automated
    memory = (world.human.first_memory(speed_mps), () if automated is None else automated.first_memory(speed_mps))
    return Cars(jnp.zeros_like(speed_mps), speed_mps, vehicle, is_automated, traits, memory)


def _factor(world: World, stream: int, vehicle: Int[Array, "..."]) -> Float[Array, "..."]:
    """Return each driver's factor around 1; a slow tail below 0.3 is cut off so that every driver drives."""
    return jnp.maximum(1 + world.spread_share * standard_normal(world.seed, stream, vehicle, jnp.int32(0)), 0.3)
