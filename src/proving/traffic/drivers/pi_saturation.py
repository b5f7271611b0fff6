"""The PI controller with saturation: find the traffic's mean speed, hold it, let the gap breathe."""

from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.speed_regions import steered
from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Memory, View


@dataclass(frozen=True, kw_only=True)
class PiSaturation:
    """Parameters of the controller.

    Source: Stern et al. (2018), Transp. Res. C 89, section 3.2, with FLOW's parameters; the sign of the safe gap's
    speed term is the published one. Two differences: the mean of the own speed is exponential with the mean age
    of the published window (time constant half of `window_s`), and the commanded speed forgets at the published
    rate per 0.1 s whatever the step is. The command is reached within `response_s` and never above the speed
    from which the vehicle could still stop behind its leader.

    Attributes:
        window_s: length of the average of the own speed.
        catch_up_mps: how much faster than the average it drives at a wide gap.
        near_gap_m: gap at which catching up starts.
        far_gap_m: gap at which it is complete.
        response_s: time in which the vehicle reaches the commanded speed.
        limits: largest acceleration, hardest braking, hardest braking where the safe speed is exceeded.
    """

    window_s: float = 38.0
    catch_up_mps: float = 1.0
    near_gap_m: float = 7.0
    far_gap_m: float = 30.0
    response_s: float = 0.5
    limits: tuple[float, float, float] = (1.5, 3.0, 9.0)

    def __post_init__(self) -> None:
        for name in ("window_s", "response_s"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not value > 0:
                raise BadSettings(f"{name} must be above 0, not {value}")
        gaps = (self.near_gap_m, self.far_gap_m)
        if all(isinstance(gap, int | float) for gap in gaps) and not 0 <= gaps[0] < gaps[1]:
            raise BadSettings(f"gaps must be 0 <= near_gap_m < far_gap_m, not {gaps[0]} and {gaps[1]}")

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the mean of the own speed, what it was rounded up by, and the command; at first the speed itself."""
        return (speed_mps, 0 * speed_mps, speed_mps)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration towards the commanded speed, in m/s2, and the new mean and command."""
        xp = view.speed_mps.__array_namespace__()
        mean, excess, command = memory
        # The vehicle drives by the mean and the mean follows the vehicle, so nothing takes back what is rounded:
        # without Kahan's (1965) compensation float32 gathers 1.8 mm of gap in 50 s, with it a tenth of that.
        more = (view.speed_mps - mean) * (view.dt_s / (0.5 * self.window_s)) - excess
        before, mean = mean, mean + more
        excess = (mean - before) - more
        closeness = (view.gap_m - self.near_gap_m) / (self.far_gap_m - self.near_gap_m)
        target = mean + self.catch_up_mps * xp.clip(closeness, 0, 1)
        safe_gap = xp.maximum(2.0 * (view.leader_speed_mps - view.speed_mps), 4.0)
        alpha = xp.clip((view.gap_m - safe_gap) / 2.0, 0, 1)
        beta = 1 - 0.5 * alpha
        wanted = alpha * target + (1 - alpha) * view.leader_speed_mps
        forget = xp.minimum(beta * (view.dt_s / 0.1), 1.0)
        command = xp.minimum(command + forget * (wanted - command), view.limit_mps)
        return steered(command, view, self.response_s, self.limits), (mean, excess, command)
