"""What rewards and sights on a network are made of: one world between two decisions."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.network.state import State
from proving.traffic.tasks.on_networks.told import Said
from proving.traffic.tasks.on_networks.traffic import Built, along_main_road_m


class NetworkMoment(NamedTuple):
    """One world as it stands; arrays are [place] of the engine, [agent] or [signal]; empty places are all 0.

    Attributes:
        built: the network.
        traffic: the engine's state.
        is_there: whether a place holds a vehicle.
        along_m: where along the main road; NaN elsewhere.
        said: what each vehicle was told and what its sensors gave at the last step; nothing where nobody is automated.
        agent_place: where in the arrays each agent's vehicle is.
        is_present: whether an agent has a vehicle.
        own_mps: how fast each agent's own vehicle is, which it knows exactly; 0 where it has none.
        own_along_m: where that is along the main road, exactly too.
        action: the last action.
        recent: vehicles that arrived in each of the last ten decisions.
        decision: how many decisions there were.
        decision_s: how long one lasts.
        heard: what each agent has heard of others; None where nobody sends messages.
        accel_mps2: everybody's mean over the decision, 0 of who has just come; None unless the task `knows_accel`.
    """

    built: Built
    traffic: State
    is_there: Bool[Array, " place"]
    along_m: Float[Array, " place"]
    said: Said
    agent_place: Int[Array, " agent"]
    is_present: Bool[Array, " agent"]
    own_mps: Float[Array, " agent"]
    own_along_m: Float[Array, " agent"]
    action: Float[Array, " action"]
    recent: Int[Array, " last"]
    decision: Int[Array, ""]
    decision_s: float
    heard: Float[Array, "field agent"] | None = None
    accel_mps2: Float[Array, " place"] | None = None

    @property
    def speed_mps(self) -> Float[Array, " place"]:
        """Return everybody's speed."""
        return self.traffic.vehicles.speed_mps

    @property
    def vehicle_count(self) -> Float[Array, ""]:
        """Return how many vehicles are on the road."""
        return jnp.sum(self.is_there).astype(self.speed_mps.dtype)

    @property
    def mean_speed_mps(self) -> Float[Array, ""]:
        """Return the mean speed of everybody on the road; 0 where nobody is."""
        return jnp.sum(jnp.where(self.is_there, self.speed_mps, 0)) / jnp.maximum(self.vehicle_count, 1)

    @property
    def outflow_veh_per_h(self) -> Float[Array, ""]:
        """Return the rate of arrivals over the last ten decisions."""
        return jnp.sum(self.recent) * (3600 / (self.recent.shape[0] * self.decision_s))

    def of_agents(self, values: Array, absent: float = 0.0) -> Float[Array, " agent"]:
        """Return each agent's own of these values, [place]; `absent` where it has no vehicle."""
        return jnp.where(self.is_present, values[self.agent_place], absent)


class Neighbour(NamedTuple):
    """The nearest vehicle of somebody along the main road; the farthest distance where there is none."""

    gap_m: Float[Array, " agent"]
    speed_mps: Float[Array, " agent"]
    is_there: Bool[Array, " agent"]


def follower(now: NetworkMoment, farthest_m: float) -> Neighbour:
    """Return who drives behind each agent in its lane of the main road: net gap and speed."""
    length_m = now.built.length_m
    mine_m = now.own_along_m
    own_m = jnp.asarray(now.built.world.fleet.length_m)[now.traffic.vehicles.kind[now.agent_place]]
    back_m = mine_m[:, None] - now.along_m[None, :]
    if now.built.is_lap:
        back_m = jnp.where(back_m <= 0, back_m + length_m, back_m)
    lane = jnp.asarray(now.built.lane_index)[now.traffic.vehicles.lane]
    place = jnp.arange(now.along_m.shape[0])
    counts = now.is_there[None, :] & (back_m > 0) & (lane[None, :] == lane[now.agent_place][:, None])
    counts = counts & (place[None, :] != now.agent_place[:, None])
    back_m = jnp.where(counts, back_m, jnp.inf)
    who = jnp.argmin(back_m, axis=1)
    gap_m = jnp.take_along_axis(back_m, who[:, None], axis=1)[:, 0] - own_m
    is_there = now.is_present & (gap_m < farthest_m)
    return Neighbour(
        gap_m=jnp.where(is_there, jnp.maximum(gap_m, 0), farthest_m),
        speed_mps=jnp.where(is_there, now.speed_mps[who], 0),
        is_there=is_there,
    )


def moment_of(
    built: Built, traffic: State, said: Said, slots: Int[Array, " agent"], last: tuple[Array, Array, Array, float]
) -> NetworkMoment:
    """Return the world as it stands.

    Args:
        built: the network.
        traffic: the engine's state.
        said: what the vehicles remember.
        slots: the trip of each agent; -1: none.
        last: the last action, the arrivals of late, how many decisions there were, how long one lasts.
    """
    vehicles = traffic.vehicles
    nowhere = built.edge.shape[0] - 1
    is_there = vehicles.lane < nowhere
    is_mine = (slots[:, None] == vehicles.trip[None, :]) & is_there[None, :]
    along_m = jnp.where(is_there, along_main_road_m(built, vehicles.lane, vehicles.position_m), jnp.nan)
    place, is_present = jnp.argmax(is_mine, axis=1), jnp.any(is_mine, axis=1)
    return NetworkMoment(
        built=built,
        traffic=traffic,
        is_there=is_there,
        along_m=along_m,
        said=said,
        agent_place=place,
        is_present=is_present,
        own_mps=jnp.where(is_present, vehicles.speed_mps[place], 0),
        own_along_m=jnp.where(is_present, along_m[place], 0),
        action=last[0],
        recent=last[1],
        decision=last[2],
        decision_s=last[3],
    )
