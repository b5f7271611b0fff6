"""The automated vehicle's end of a task: carry out what was commanded, but never so that it must hit its leader."""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from proving.traffic.failsafes import stopping_speed_mps
from proving.traffic.noise import Draws
from proving.traffic.state import Array, Driver, Memory, View

FASTEST_MPS2, BRAKING_MPS2, EMERGENCY_MPS2 = 1.5, 3.0, 9.0
RESPONSE_S = 0.5
STANDING_GAP_M = 2.5
# PI with saturation averages its own speed over 38 s; the exponential mean of the same mean age needs one number.
MEMORY_S = 19.0
# A leader farther away than this counts as this far in the mean.
FARTHEST_M = 100.0
# Of the time that sensors and pedals are late so much is left as room; the response time that a safe speed reckons with
# covers the rest.
LATE_SHARE = 0.5


class Means(NamedTuple):
    """What the vehicle remembers: exponential means over `MEMORY_S` of what it sees."""

    speed_mps: Float[Array, "slot lane"]
    leader_speed_mps: Float[Array, "slot lane"]
    squared_leader_speed: Float[Array, "slot lane"]
    gap_m: Float[Array, "slot lane"]


@dataclass(frozen=True, kw_only=True)
class Commanded:
    """A driver of the engine that holds one command per vehicle until the next decision.

    Like FLOW's vehicles under SUMO's "obey safe speed", it brakes by itself where the command would leave no room to
    stop behind a leader that brakes as hard.

    Attributes:
        command: what is commanded: an acceleration in m/s2, or how much faster in m/s than its own mean speed.
        is_set_speed: the command is the second of these.
        margin_m: so much of every gap it leaves free besides what stopping takes.
        margin_s: how late its sensors and pedals are.
    """

    command: Any
    is_set_speed: bool = dataclasses.field(default=False, metadata={"static": True})
    margin_m: Any = 0.0
    margin_s: Any = 0.0

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the running means (`Means`), at first of its own speed; the gap's starts at 0."""
        return Means(speed_mps, speed_mps, speed_mps**2, 0 * speed_mps)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the command and safety allow, in m/s2, and the new running means."""
        xp = view.speed_mps.__array_namespace__()
        leader, share = view.leader_speed_mps, view.dt_s / MEMORY_S
        seen = (view.speed_mps, leader, leader**2, xp.clip(view.gap_m, 0, FARTHEST_M))
        memory = Means(*(old + (new - old) * share for old, new in zip(memory, seen, strict=True)))
        mean = memory.speed_mps
        wish = self.command
        if self.is_set_speed:
            wish = (xp.clip(mean + self.command, 0, view.limit_mps) - view.speed_mps) / RESPONSE_S
        wish = xp.clip(wish, -BRAKING_MPS2, FASTEST_MPS2)
        wish = xp.minimum(wish, (view.limit_mps - view.speed_mps) / view.dt_s)
        room = view._replace(gap_m=view.gap_m - self.margin_m - LATE_SHARE * self.margin_s * view.speed_mps)
        guard = (safe_speed_mps(room) - view.speed_mps) / RESPONSE_S
        return xp.minimum(wish, xp.maximum(guard, -EMERGENCY_MPS2)), memory


@dataclass(frozen=True, kw_only=True)
class AtSlots:
    """A driver for a few slots only: the others' numbers are not computed, since nobody asks for them.

    Attributes:
        law: who drives there; it sees and remembers one row per slot of `slots`.
        slots: the places in the lane.
    """

    law: Driver
    slots: tuple[int, ...] = dataclasses.field(metadata={"static": True})

    @property
    def noise_intensity(self) -> float:
        """Return that of the law."""
        return self.law.noise_intensity

    def first_memory(self, speed_mps: Float[Array, "slot lane"]) -> Memory:
        """Return the law's memory of the vehicles in the slots."""
        return self.law.first_memory(speed_mps[np.asarray(self.slots)])

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the law's acceleration in the slots and 0 elsewhere, and the law's new memory."""
        accel_mps2, memory = self.law.drive(self.part(view), memory)
        slot = jnp.arange(view.speed_mps.shape[0])[:, None]
        everywhere = jnp.zeros_like(view.speed_mps)
        for row, place in enumerate(self.slots):
            everywhere = jnp.where(slot == place, accel_mps2[row], everywhere)
        return everywhere, memory

    def part(self, view: View) -> View:
        """Return what is seen from the slots."""
        slots = np.asarray(self.slots)
        chance = view.chance
        if isinstance(chance, Draws):
            chance = dataclasses.replace(chance, vehicle=chance.vehicle[slots])
        # Who is behind and the lane's mean are nothing that a commanded vehicle looks at.
        return View(
            speed_mps=view.speed_mps[slots],
            gap_m=view.gap_m[slots],
            leader_speed_mps=view.leader_speed_mps[slots],
            limit_mps=view.limit_mps[slots],
            dt_s=view.dt_s,
            chance=chance,
        )


def safe_speed_mps(view: View) -> Float[Array, "slot lane"]:
    """Return the speed from which it can still stop behind a leader that brakes as hard (Krauss, SUMO)."""
    xp = view.speed_mps.__array_namespace__()
    room_m = xp.maximum(view.gap_m - STANDING_GAP_M, 0)
    return stopping_speed_mps(room_m, view.leader_speed_mps, BRAKING_MPS2, RESPONSE_S)


jax.tree_util.register_dataclass(Commanded)
jax.tree_util.register_dataclass(AtSlots)
