"""Non-local FollowerStopper: the set speed is the mean speed of everybody in the lane, as a road would broadcast it."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import require
from proving.traffic.drivers.speed_regions import commanded_speed_mps, steered
from proving.traffic.state import Array, Memory, View


@dataclass(frozen=True, kw_only=True)
class NonLocalFollowerStopper:
    """Parameters of the controller.

    Source: FLOW's NonLocalFollowerStopper, whose set speed is the mean over all vehicles; here over those of the own
    lane. The regions are Stern et al.'s (2018), continuous everywhere. Where nobody broadcasts, the own speed counts.

    Attributes:
        keeps_headway: use the boundaries max(at rest, headway * speed) instead of those at rest.
        least_mps: smallest set speed, so that a standing lane starts again.
        response_s: time in which the vehicle reaches the commanded speed.
        limits: largest acceleration, hardest braking, hardest braking where the safe speed is exceeded.
    """

    keeps_headway: bool = dataclasses.field(default=True, metadata={"static": True})
    least_mps: float = 0.5
    response_s: float = 0.5
    limits: tuple[float, float, float] = (1.5, 3.0, 9.0)

    def __post_init__(self) -> None:
        require(self, ("response_s",), ("least_mps",))

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the controller remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration towards the commanded speed, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        mean = view.speed_mps if view.mean_speed_mps is None else view.mean_speed_mps
        set_speed = xp.minimum(xp.maximum(mean, self.least_mps), view.limit_mps)
        command = commanded_speed_mps(view, set_speed, self.keeps_headway)
        return steered(command, view, self.response_s, self.limits), memory
