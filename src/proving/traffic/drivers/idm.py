"""The Intelligent Driver Model: how people follow."""

import dataclasses
import math
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.headways import with_own_headway
from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Idm:
    """Parameters of the law; the defaults are FLOW's.

    Source: Treiber, Hennecke, Helbing (2000), Phys. Rev. E 62, 1805, eqs 2-3. Three differences: a gap below a
    tenth of `min_gap_m`, overlap included, counts as that; the free-road term never falls below the
    comfortable braking, so that a lower limit ahead is met softly; the sum never falls below `-hardest_mps2`.

    Attributes:
        desired_speed_mps: speed on a free road (v0); a lower local limit replaces it.
        headway_s: time gap to the leader (T).
        accel_mps2: largest acceleration (a).
        comfortable_mps2: comfortable braking, a positive number (b).
        min_gap_m: net gap in a standing queue (s0).
        exponent: how sharply the free-road term bends (delta).
        hardest_mps2: hardest braking, a positive number.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5; 0.063 is N(0, 0.2 m/s2) every 0.1 s.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.0
    accel_mps2: float = 1.0
    comfortable_mps2: float = 1.5
    min_gap_m: float = 2.0
    exponent: int = dataclasses.field(default=4, metadata={"static": True})
    hardest_mps2: float = 9.0
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        for name in ("desired_speed_mps", "headway_s", "accel_mps2", "comfortable_mps2", "min_gap_m", "hardest_mps2"):
            value = getattr(self, name)
            # Inside jit the fields are traced arrays; plain numbers were checked before they got there.
            if isinstance(value, int | float) and not 0 < value < math.inf:
                raise BadSettings(f"{name} must be above 0 and finite, not {value}")
        noise = self.noise_intensity
        if isinstance(noise, int | float) and not 0 <= noise < math.inf:
            raise BadSettings(f"noise_intensity must be 0 or more and finite, not {noise}")
        if isinstance(self.exponent, int) and self.exponent < 1:
            raise BadSettings(f"exponent must be at least 1, not {self.exponent}")

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        speed = view.speed_mps
        desired = xp.minimum(self.desired_speed_mps, view.limit_mps)
        free = xp.maximum(self.accel_mps2 * (1 - (speed / desired) ** self.exponent), -self.comfortable_mps2)
        closing = speed - view.leader_speed_mps
        approach = (
            speed * closing / (2 * xp.sqrt(xp.asarray(self.accel_mps2 * self.comfortable_mps2, dtype=speed.dtype)))
        )
        wanted_gap = self.min_gap_m + xp.maximum(speed * self.headway_s + approach, 0)
        gap = xp.maximum(view.gap_m, 0.1 * self.min_gap_m)
        return xp.maximum(free - self.accel_mps2 * (wanted_gap / gap) ** 2, -self.hardest_mps2), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept; speeds above 95 % of the desired one count as that."""
        speed = min(speed_mps, 0.95 * self.desired_speed_mps)
        free = 1 - (speed / self.desired_speed_mps) ** self.exponent
        return (self.min_gap_m + speed * self.headway_s) / math.sqrt(free)

    def varied(self, traits: Traits) -> "Idm":
        """Return the law with each vehicle's own desired speed and headway."""
        return with_own_headway(self, traits)
