"""What a task is, as data: a road with vehicles, what the automated ones see, may do, and are rewarded for."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
from jaxtyping import Float

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings
from proving.traffic.sensing import LONGEST_DELAY_STEPS, Sensing
from proving.traffic.state import HumanDriver
from proving.traffic.tasks.behind_leader import LeaderRoad
from proving.traffic.tasks.commanded import Means
from proving.traffic.tasks.messages import Messages
from proving.traffic.tasks.people import People

Array: TypeAlias = Any
# What a sight needs to know: what a vehicle's own sensors give, what others tell it as well, or all there is.
Needs = Literal["own_sensors", "messages", "everything"]


class Local(NamedTuple):
    """What sights are made of: all that a vehicle knows by itself; the arrays may have any shape.

    The part with defaults is there in a task only, not where a policy drives a vehicle of the engine: who is behind,
    the own place as a share of the ring, what was heard ([field ...]), and everybody's speed and place, the vehicle
    itself first, then its leader and so on ([slot ...]).
    """

    speed_mps: Float[Array, "..."]
    gap_m: Float[Array, "..."]
    leader_speed_mps: Float[Array, "..."]
    action: Float[Array, "..."]
    means: Means
    follower_gap_m: Float[Array, "..."] | None = None
    follower_speed_mps: Float[Array, "..."] | None = None
    place_share: Float[Array, "..."] | None = None
    heard: Float[Array, "field ..."] | None = None
    everybody_mps: Float[Array, "slot ..."] | None = None
    everybody_share: Float[Array, "slot ..."] | None = None


class Moment(NamedTuple):
    """What rewards are made of: the traffic at the end of a decision, as it is and not as it is sensed.

    `accel_mps2` is the mean over the decision, `reference_mps` the speed at which people alone would drive if every
    gap were the same, `means` what the automated vehicles remember.
    """

    speed_mps: Float[Array, "slot world"]
    accel_mps2: Float[Array, "slot world"]
    position_m: Float[Array, "slot world"]
    gap_m: Float[Array, "slot world"]
    leader_speed_mps: Float[Array, "slot world"]
    means: Means
    action: Float[Array, "agent world"]
    length_m: Float[Array, " world"]
    reference_mps: Float[Array, " world"]
    decision: Float[Array, " world"]
    task: "Task"
    # Behind a leader: its speed 5, 15 and 30 s from now, which only a critic may know.
    coming_mps: Float[Array, "later world"] | None = None


def told_on_ring(now: Moment) -> Float[Array, "told world"]:
    """Return mean and spread of all speeds, the ring's length, and the speed that people could keep on it."""
    speed = now.speed_mps
    return jnp.stack([jnp.mean(speed, axis=0), jnp.std(speed, axis=0), now.length_m, now.reference_mps])


@dataclass(frozen=True, kw_only=True)
class RingRoad:
    """A ring whose length is drawn anew for each episode, and the vehicles on it.

    Attributes:
        vehicle_count: vehicles on the ring.
        automated_count: how many of them are automated; they stand at even distances.
        shortest_m: smallest length.
        longest_m: largest length.
        vehicle_length_m: length of every vehicle.
        limit_mps: speed limit.
        driver: the human law; or `People`, of whom each world draws its own.
        dt_s: step of the engine.
    """

    kind: ClassVar[Literal["ring"]] = "ring"
    vehicle_count: int = 22
    automated_count: int = 1
    shortest_m: float = 220.0
    longest_m: float = 270.0
    vehicle_length_m: float = 5.0
    limit_mps: float = 30.0
    driver: HumanDriver | People = field(default_factory=Idm)
    dt_s: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.automated_count <= self.vehicle_count:
            raise BadSettings(
                f"automated_count must be 1 to vehicle_count ({self.vehicle_count}), not {self.automated_count}"
            )
        if not 0 < self.dt_s <= 1:
            raise BadSettings(f"dt_s must be above 0 and at most 1, not {self.dt_s}")
        if not self.shortest_m <= self.longest_m < math.inf:
            raise BadSettings(f"lengths must be shortest_m <= longest_m, not {self.shortest_m} and {self.longest_m}")
        self.check_length(self.shortest_m)

    def check_length(self, length_m: float) -> None:
        """Raise BadSettings where the vehicles do not fit on a ring of this length."""
        if not self.vehicle_count * (self.vehicle_length_m + 0.5) < length_m < math.inf:
            raise BadSettings(
                f"{self.vehicle_count} vehicles of {self.vehicle_length_m} m do not fit on a ring of {length_m} m"
            )

    @property
    def automated_slots(self) -> tuple[int, ...]:
        """Return which slots are automated, the front one among them."""
        return tuple(i * self.vehicle_count // self.automated_count for i in range(self.automated_count))

    def equilibrium_mps(self, length_m: float) -> float:
        """Return the speed at which people alone would drive if every gap were the same; IDM where laws are drawn."""
        driver = Idm() if isinstance(self.driver, People) else self.driver
        gap_m = length_m / self.vehicle_count - self.vehicle_length_m
        slow_mps, fast_mps = 0.0, self.limit_mps
        for _ in range(60):
            middle_mps = 0.5 * (slow_mps + fast_mps)
            is_tight = driver.equilibrium_gap_m(middle_mps) > gap_m
            slow_mps, fast_mps = (slow_mps, middle_mps) if is_tight else (middle_mps, fast_mps)
        return slow_mps


@dataclass(frozen=True)
class Sight:
    """What an automated vehicle observes.

    Attributes:
        names: one word per number.
        low: smallest value of each number; what is read is clipped to it.
        high: largest value of each number.
        read: returns the numbers, feature first, before clipping; it takes a `Local`, on a network a `NetworkMoment`.
        needs: what it reads besides the vehicle's own sensors.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    read: Callable[[Any], Float[Array, "feature ..."]]
    needs: Needs = "own_sensors"

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.low) == len(self.high):
            raise BadSettings("names, low and high of a sight must be equally many")
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise BadSettings("each low of a sight must be below its high")

    def seen(self, local: object) -> Float[Array, "feature ..."]:
        """Return what is observed, inside the bounds."""
        values = self.read(local)
        xp = values.__array_namespace__()
        shape = (-1,) + (1,) * (values.ndim - 1)
        low, high = (xp.reshape(xp.asarray(bound, dtype=values.dtype), shape) for bound in (self.low, self.high))
        return xp.clip(values, low, high)


@dataclass(frozen=True, kw_only=True)
class Company:
    """Who else acts in a task.

    Attributes:
        messages: how automated vehicles hear one another; None: they do not.
        opponent_share: above 0 there is an opponent, who adds this share of its own action to the automated vehicles'
            and earns what they lose.
    """

    messages: Messages | None = None
    opponent_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.opponent_share <= 1:
            raise BadSettings(f"opponent_share must be 0 to 1, not {self.opponent_share}")


def check_bounds(action: tuple[float, float], horizon: int, steps_per_decision: int, warm_up_step_count: int) -> None:
    """Refuse actions without room between lowest and highest, and lengths of time that are none.

    Raises:
        BadSettings: the message names the setting.
    """
    if not -math.inf < action[0] < action[1] < math.inf:
        raise BadSettings(f"actions must be low < high, not {action[0]} and {action[1]}")
    for name, count in (("horizon", horizon), ("steps_per_decision", steps_per_decision)):
        if count < 1:
            raise BadSettings(f"{name} must be at least 1, not {count}")
    if warm_up_step_count < 0:
        raise BadSettings(f"warm_up_step_count must be 0 or more, not {warm_up_step_count}")


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to learn; a value, so it can be compared, varied with `dataclasses.replace`, and compiled for.

    Attributes:
        name: its key in `TASKS`.
        about: one line.
        road: the road and who drives on it.
        sight: what each automated vehicle observes.
        reward: what all of them get for a decision [world].
        collision_reward: what they get for a decision that ends in a collision.
        told: what, besides what is seen, a critic is told while learning [told world].
        action_low: smallest action.
        action_high: largest action.
        is_set_speed: the action is added to the vehicle's mean own speed and held; else it is an acceleration.
        horizon: decisions per episode.
        warm_up_step_count: engine steps under human driving before the first decision.
        steps_per_decision: engine steps for which an action holds.
        sensing: what is wrong with the automated vehicles' sensors and pedals.
        is_sensing_drawn: each world draws every flaw between none and `sensing`'s; biases may go either way.
        company: who else acts.
    """

    name: str
    about: str
    road: RingRoad | LeaderRoad
    sight: Sight
    reward: Callable[[Moment], Float[Array, " world"]]
    collision_reward: float = 0.0
    told: Callable[[Moment], Float[Array, "told world"]] = told_on_ring
    action_low: float = -1.0
    action_high: float = 1.0
    is_set_speed: bool = False
    horizon: int = 3000
    warm_up_step_count: int = 750
    steps_per_decision: int = 1
    sensing: Sensing = field(default_factory=Sensing)
    is_sensing_drawn: bool = False
    company: Company = field(default_factory=Company)

    def __post_init__(self) -> None:
        check_bounds(
            (self.action_low, self.action_high), self.horizon, self.steps_per_decision, self.warm_up_step_count
        )
        if self.sight.needs == "messages" and self.company.messages is None:
            raise BadSettings(
                f"task {self.name!r} sees messages, but nobody sends any: give company=Company(messages=...)"
            )
        if not self.sensing.latency_s <= LONGEST_DELAY_STEPS * self.road.dt_s:
            raise BadSettings(f"latency_s must be at most {LONGEST_DELAY_STEPS} steps, not {self.sensing.latency_s}")

    @property
    def agent_count(self) -> int:
        """Return how many automated vehicles decide on one road."""
        return len(self.road.automated_slots)
