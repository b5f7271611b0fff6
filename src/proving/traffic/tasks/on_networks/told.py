"""The automated vehicle's end of a task on a network: it does what it was told, and drives like people until then."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
from jaxtyping import Array, Float

from proving.traffic.estimating import inside, with_inside
from proving.traffic.sensing import Sensing
from proving.traffic.state import HumanDriver, Memory, View
from proving.traffic.tasks.commanded import BRAKING_MPS2, EMERGENCY_MPS2, FARTHEST_M, RESPONSE_S, safe_speed_mps

Manner = Literal["accel", "set_speed"]
# Nobody is told to want less than this; told 0, one stands all the same.
SLOWEST_MPS = 0.05
Wish: TypeAlias = Float[Array, " place"]


class Said(NamedTuple):
    """What a vehicle remembers: what it was told last (NaN: nothing), and what its sensors gave at the last step."""

    wish: Any
    gap_m: Any
    leader_speed_mps: Any


@dataclass(frozen=True, kw_only=True)
class Told:
    """A driver of the engine that holds what it was told until it is told something else.

    Like FLOW's vehicles under SUMO's "obey safe speed" it brakes by itself where it could not stop any more behind a
    leader that brakes as hard, and before a line where it has to wait.

    Attributes:
        law: how it drives while nobody tells it anything.
        manner: what it is told: an acceleration in m/s2, or the speed above which the law shall not drive.
        fastest_mps2: largest acceleration.
        obeying_mps2: how hard it brakes at most for a speed that it is told; whoever is close behind may brake softly.
        margin_m: so much of every gap to a vehicle it leaves free besides what its law asks for.
        margin_s: and so much time.
        spare_s: so much of that time it has already, in the time gap that its law keeps.
        spare_m: so much of the way of the rest it has already, in the gap that its law keeps to whoever stands.
    """

    law: HumanDriver
    manner: Manner = dataclasses.field(metadata={"static": True})
    fastest_mps2: float = 3.0
    obeying_mps2: float = math.inf
    margin_m: float | Array = 0.0
    margin_s: float | Array = 0.0
    spare_s: float = 0.0
    spare_m: float = 0.0

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return that nothing was said and nothing seen yet."""
        zero = 0 * speed_mps
        return Said(zero + float("nan"), zero + FARTHEST_M, speed_mps)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "..."], Memory]:
        """Return the acceleration that follows, in m/s2, and the new memory."""
        xp = view.speed_mps.__array_namespace__()
        wish = memory[0]
        is_free = xp.isnan(wish)
        said = Said(wish, xp.clip(view.gap_m, 0, FARTHEST_M), view.leader_speed_mps)
        room_m = self.margin_m + xp.maximum((self.margin_s - self.spare_s) * view.speed_mps - self.spare_m, 0)
        if view.is_line is not None:
            room_m = xp.where(view.is_line, 0, room_m)
        view = view._replace(gap_m=view.gap_m - room_m)
        if self.manner == "set_speed":
            # Laws divide by the speed that is wanted.
            set_mps = xp.maximum(wish, SLOWEST_MPS)
            limit_mps = xp.where(is_free, view.limit_mps, xp.minimum(view.limit_mps, set_mps))
            freely_mps2 = self.law.drive(view, ())[0]
            told_mps2 = self.law.drive(view._replace(limit_mps=limit_mps), ())[0]
            return xp.minimum(freely_mps2, xp.maximum(told_mps2, -self.obeying_mps2)), said
        lawful_mps2, _ = self.law.drive(view, ())
        told_mps2 = xp.clip(xp.where(is_free, 0, wish), -BRAKING_MPS2, self.fastest_mps2)
        told_mps2 = xp.minimum(told_mps2, (view.limit_mps - view.speed_mps) / xp.maximum(view.dt_s, RESPONSE_S))
        guard_mps2 = (safe_speed_mps(view) - view.speed_mps) / xp.maximum(view.dt_s, RESPONSE_S)
        told_mps2 = xp.minimum(told_mps2, xp.maximum(guard_mps2, -EMERGENCY_MPS2))
        return xp.where(is_free, lawful_mps2, told_mps2), said


jax.tree_util.register_dataclass(Told)


def said_in(memory: Memory, sensing: Sensing) -> Said:
    """Return what was said and seen, which lies inside the sensors' memory if there is one."""
    return Said(*(memory if sensing.is_perfect else inside(memory)))


def with_wish(memory: Memory, sensing: Sensing, wish: Wish) -> Memory:
    """Return the memory with something new said."""
    said = said_in(memory, sensing)._replace(wish=wish)
    return said if sensing.is_perfect else with_inside(memory, said)
