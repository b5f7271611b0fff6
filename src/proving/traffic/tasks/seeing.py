"""From the engine's state to what rewards are made of and what automated vehicles observe."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from proving.traffic.estimating import inside, shown
from proving.traffic.noise import Draws
from proving.traffic.sensing import Imperfect
from proving.traffic.state import Memory, State, View
from proving.traffic.tasks.behind_leader import LeaderRoad
from proving.traffic.tasks.commanded import AtSlots, Means
from proving.traffic.tasks.task import Local, Moment, Task
from proving.traffic.tasks.worlds import Place

# A critic behind a leader is told how fast the leader will be so much later.
COMING_S = (5.0, 15.0, 30.0)


def moment_of(
    task: Task, traffic: State, place: Place, last: tuple[Float[Array, "agent world"], Int[Array, " world"]]
) -> Moment:
    """Return the traffic as it stands; `last` is the last action and how many decisions there were."""
    cars, road = traffic.cars, task.road
    ahead_m, ahead_mps = jnp.roll(cars.position_m, 1, axis=0), jnp.roll(cars.speed_mps, 1, axis=0)
    if isinstance(road, LeaderRoad):
        ahead_m, ahead_mps = ahead_m.at[0].set(0), ahead_mps.at[0].set(road.head(place.start + traffic.step).speed_mps)
    coming_mps = None
    if isinstance(road, LeaderRoad):
        coming_mps = jnp.stack(
            [road.head(place.start + traffic.step + round(s / road.dt_s)).speed_mps for s in COMING_S]
        )
    distance_m = ahead_m - cars.position_m
    if not isinstance(road, LeaderRoad):
        distance_m = jnp.where(distance_m <= 0, distance_m + place.length_m, distance_m)
    return Moment(
        speed_mps=cars.speed_mps,
        accel_mps2=jnp.zeros_like(cars.speed_mps),
        position_m=cars.position_m,
        gap_m=distance_m - road.vehicle_length_m,
        leader_speed_mps=ahead_mps,
        means=means_of(task, cars.memory[1]),
        action=last[0],
        length_m=place.length_m,
        reference_mps=place.reference_mps,
        decision=last[1].astype(cars.speed_mps.dtype),
        task=task,
        coming_mps=coming_mps,
    )


def means_of(task: Task, memory: Memory) -> Means:
    """Return the running means of the automated vehicles, which lie inside the sensors' memory if there is one."""
    return Means(*(memory if task.sensing.is_perfect else inside(memory)))


def seen(
    task: Task,
    now: Moment,
    traffic: State,
    has: tuple[AtSlots, UInt32[Array, " world"], Float[Array, "field agent world"] | None],
) -> Float[Array, "feature agent world"]:
    """Return what each automated vehicle observes, through the sensors it has.

    `has` is the law with its sensors, the seed of their chance, and what was heard. The numbers are those that the law
    itself will get in the next step, so a policy sees here what it would see in the vehicle.
    """
    law, seed, heard = has
    slots = np.asarray(task.road.automated_slots)
    chance = Draws(seed, traffic.cars.vehicle, traffic.step)
    limit = jnp.full_like(now.speed_mps, task.road.limit_mps)
    view = law.part(View(now.speed_mps, now.gap_m, now.leader_speed_mps, limit, task.road.dt_s, chance=chance))
    if isinstance(law.law, Imperfect):
        view = shown(law.law, view, traffic.cars.memory[1])
    local = Local(view.speed_mps, view.gap_m, view.leader_speed_mps, now.action, now.means)
    if task.sight.needs == "messages":
        local = local._replace(heard=heard)
    elif task.sight.needs == "everything":
        local = _with_everything(local, now, slots)
    return task.sight.seen(local)


def sent(now: Moment) -> Float[Array, "said agent world"]:
    """Return what every automated vehicle tells the others: own speed, own mean, how restless its leader is."""
    own = now.speed_mps[np.asarray(now.task.road.automated_slots)]
    return jnp.stack([own / 10, now.means.speed_mps / 10, unrest_mps(now.means) / 5])


REMEMBERED = (
    "speed",
    "leader_minus_own_speed",
    "gap",
    "action",
    "mean_speed",
    "mean_leader_speed",
    "leader_speed_deviation",
    "mean_gap",
)


def remembered(local: Local, speed_mps: float, closing_mps: float) -> Float[Array, "feature ..."]:
    """Return what `REMEMBERED` names: what one sees, one's last action, and the means of what one saw.

    Speeds are in units of `speed_mps`, differences of speed in units of `closing_mps`.
    """
    xp = local.speed_mps.__array_namespace__()
    speed, means = local.speed_mps, local.means
    features = (
        speed / speed_mps,
        (local.leader_speed_mps - speed) / closing_mps,
        local.gap_m / 50,
        local.action,
        means.speed_mps / speed_mps,
        means.leader_speed_mps / speed_mps,
        unrest_mps(means) / 5,
        means.gap_m / 50,
    )
    return xp.stack(features)


def unrest_mps(means: Means) -> Float[Array, "..."]:
    """Return how much the leader's speed has changed of late: its standard deviation."""
    xp = means.speed_mps.__array_namespace__()
    return xp.sqrt(xp.maximum(means.squared_leader_speed - means.leader_speed_mps**2, 0))


def _with_everything(local: Local, now: Moment, slots: np.ndarray) -> Local:
    # Slot k follows slot k - 1, so counting downwards goes along the road: itself first, then its leader.
    count = now.speed_mps.shape[0]
    order = (slots[None, :] - np.arange(count)[:, None]) % count
    behind = (slots + 1) % count
    share = now.position_m / now.length_m
    return local._replace(
        follower_gap_m=now.gap_m[behind],
        follower_speed_mps=now.speed_mps[behind],
        place_share=share[slots],
        everybody_mps=now.speed_mps[order],
        everybody_share=share[order],
    )
