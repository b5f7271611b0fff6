"""Lane changes that are told: who is told to go to a side goes there as soon as that is safe, and else stays."""

import jax.numpy as jnp

from proving.traffic.network.changing import RESTED_S, TIGHT_M, Changes, Drive, changes, lane_beside, least_gap_m
from proving.traffic.network.driving import wanted_mps2
from proving.traffic.network.places import Places
from proving.traffic.network.state import Array, Vehicles, World, pick
from proving.traffic.state import View

# What one is told: to the left, to the right; 0 is to stay, NaN to do as people do.
TO_LEFT, TO_RIGHT = 1.0, -1.0


def changes_as_told(world: World, vehicles: Vehicles, here: Places, drive: Drive, told: tuple[Array, Array]) -> Changes:
    """Return who changes lane in this step, told ones among them.

    A told change needs room for both and no braking harder than by choice, as with SUMO's mode that only avoids
    collisions. As always, every second step is for changes to the left and every other for those to the right.

    Args:
        world: what stays the same.
        vehicles: who is on the road.
        here: where they are.
        drive: what they would do in their own lanes.
        told: per place where to go (1 left, -1 right, 0 nowhere, NaN: by themselves), for automated vehicles only; and
            the step.
    """
    wish, step = told
    is_told = here.exists & pick(world.fleet.is_automated, vehicles.kind) & ~jnp.isnan(wish)
    # Who has just changed does not think about changing by itself.
    muted = vehicles._replace(since_change_s=jnp.where(is_told, 0, vehicles.since_change_s))
    change = changes(world, muted, here, drive, step)
    to_left = jnp.broadcast_to(step % 2 == 0, wish.shape)
    asks = is_told & ~here.is_inside & (wish == jnp.where(to_left, TO_LEFT, TO_RIGHT))
    asks = asks & (vehicles.since_change_s >= RESTED_S) & (vehicles.position_m >= here.length_m)
    beside = lane_beside(world, vehicles, here, (jnp.arange(wish.shape[0], dtype=jnp.int32), to_left))
    asks = asks & (beside.lane < world.network.lanes.length_m.shape[0] - 1)
    speed_mps, limit_mps = vehicles.speed_mps, drive.limit_mps
    view = View(speed_mps, beside.gap_m, beside.leader_mps, limit_mps, world.dt_s)
    new_mps2 = wanted_mps2(world, vehicles.kind, view)
    has_follower, follower = beside.follower >= 0, jnp.maximum(beside.follower, 0)
    view = View(pick(speed_mps, follower), beside.behind_m, speed_mps, pick(limit_mps, follower), world.dt_s)
    pressed_mps2 = jnp.where(has_follower, wanted_mps2(world, pick(vehicles.kind, follower), view), 0)
    is_safe = (pressed_mps2 >= -world.rules.safe_mps2) & (new_mps2 >= -world.rules.safe_mps2)
    behind_m = jnp.where(has_follower, least_gap_m(pick(speed_mps, follower), speed_mps), TIGHT_M)
    is_safe = is_safe & (beside.gap_m > least_gap_m(speed_mps, beside.leader_mps)) & (beside.behind_m > behind_m)
    goes = asks & is_safe
    accel_mps2 = jnp.where(goes, jnp.minimum(change.accel_mps2, new_mps2), change.accel_mps2)
    at = jnp.where(goes & has_follower, follower, wish.shape[0])
    return Changes(
        to_lane=jnp.where(goes, beside.lane, change.to_lane),
        position_m=jnp.where(goes, beside.position_m, change.position_m),
        accel_mps2=accel_mps2.at[at].min(pressed_mps2, mode="drop"),
        has_new_leader=(change.has_new_leader | goes).at[at].set(True, mode="drop"),
    )
