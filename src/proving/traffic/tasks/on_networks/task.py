"""What a task on a road network is, as data; a value like any `Task`."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings
from proving.traffic.estimating import behind_sensors
from proving.traffic.sensing import Sensing, delay_steps
from proving.traffic.state import Driver, HumanDriver
from proving.traffic.tasks.on_networks.actors import Actors
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.told import Told
from proving.traffic.tasks.on_networks.traffic import Built, NetworkTraffic, built
from proving.traffic.tasks.task import Company, Sight, check_bounds


def told_on_network(now: NetworkMoment) -> Float[Array, " told"]:
    """Return how many vehicles there are, how fast they are and how many stand, and how late it is."""
    standing = jnp.sum(now.is_there & (now.speed_mps < 0.3)).astype(jnp.float32)
    return jnp.stack([now.vehicle_count / 100, now.mean_speed_mps / 20, standing / 100, now.decision / 1000])


@dataclass(frozen=True, kw_only=True)
class NetworkTask:
    """Something to learn on a road network.

    Attributes:
        name: its key in `TASKS`.
        about: one line.
        traffic: the network and who drives on it.
        actors: who decides.
        sight: what is observed; `read` takes a `NetworkMoment` and returns [feature agent].
        is_central: one agent sees everything and decides for all actors, as in FLOW's single-agent environments;
            else each actor is an agent.
        reward: what all of them get for a decision.
        rewards_each: `reward` gives one number per agent; all of them together get the mean.
        knows_accel: the reward reads everybody's acceleration, which is looked up for each trip at every decision.
        collision_reward: what they get for a decision that ends in a collision.
        told: what, besides what is seen, a critic is told while learning.
        action_low: smallest action.
        action_high: largest action.
        horizon: decisions per episode.
        warm_up_step_count: engine steps before the first decision.
        steps_per_decision: engine steps for which an action holds.
        law: how automated vehicles drive that are told nothing.
        obeying_mps2: how hard they brake at most for a speed that they are told.
        spare_s: how much of their law's time gap may serve as room for lateness (`Told`).
        spare_m: how much of their law's standing gap may.
        sensing: what is wrong with the automated vehicles' sensors and pedals, and with what is seen of everybody.
        is_sensing_drawn: each world draws every flaw between none and `sensing`'s; biases may go either way.
        company: who else acts.
    """

    name: str
    about: str
    traffic: NetworkTraffic
    actors: Actors
    sight: Sight
    reward: Callable[[NetworkMoment], Float[Array, "*agent"]]
    rewards_each: bool = False
    knows_accel: bool = False
    is_central: bool = False
    collision_reward: float = 0.0
    told: Callable[[NetworkMoment], Float[Array, " told"]] = told_on_network
    action_low: float = -1.0
    action_high: float = 1.0
    horizon: int = 1500
    warm_up_step_count: int = 0
    steps_per_decision: int = 1
    law: HumanDriver = field(default_factory=Idm)
    obeying_mps2: float = math.inf
    spare_s: float = 0.0
    spare_m: float = 0.0
    sensing: Sensing = field(default_factory=Sensing)
    is_sensing_drawn: bool = False
    company: Company = field(default_factory=Company)

    def __post_init__(self) -> None:
        check_bounds(
            (self.action_low, self.action_high), self.horizon, self.steps_per_decision, self.warm_up_step_count
        )
        needed_s = (self.warm_up_step_count + self.horizon * self.steps_per_decision) * self.traffic.dt_s
        if self.traffic.demand.flows and self.traffic.duration_s < needed_s:
            raise BadSettings(
                f"task {self.name!r} lasts {needed_s} s, but its traffic is written out for {self.traffic.duration_s} s"
            )
        if self.company.messages is not None and self.actors.slot_count < 1:
            raise BadSettings(f"task {self.name!r} has no vehicles that decide and could send messages")
        if self.sight.needs == "messages" and self.company.messages is None:
            raise BadSettings(
                f"task {self.name!r} sees messages, but nobody sends any: give company=Company(messages=...)"
            )

    @property
    def built(self) -> Built:
        """Return the network as arrays."""
        return built(self.traffic, self.controller)

    @property
    def controller(self) -> Driver | None:
        """Return what drives the automated vehicles; None where there are none."""
        if self.actors.manner is None:
            return None
        if self.sensing.is_perfect:
            return self.told_vehicle
        late = delay_steps(self.sensing.latency_s, self.traffic.dt_s, "latency_s")
        return behind_sensors(self.told_vehicle, self.sensing, late)

    @property
    def told_vehicle(self) -> Told:
        """Return what drives the automated vehicles, without sensors; they are told something.

        Raises:
            BadSettings: nobody is told anything.
        """
        if self.actors.manner is None:
            raise BadSettings(f"task {self.name!r} tells no vehicle anything")
        return Told(
            law=self.law,
            manner=self.actors.manner,
            fastest_mps2=max(self.action_high, 0.1),
            obeying_mps2=self.obeying_mps2,
            spare_s=self.spare_s,
            spare_m=self.spare_m,
        )

    @property
    def action_count(self) -> int:
        """Return how many numbers an action has, of all agents together."""
        return len(self.actors.names(self.built.road_map))

    @property
    def agent_count(self) -> int:
        """Return how many agents there are."""
        return 1 if self.is_central else self.action_count // self.actors.width
