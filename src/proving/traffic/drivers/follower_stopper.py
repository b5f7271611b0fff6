"""FollowerStopper: drive at a set speed, fall back smoothly to the leader's, stop in time."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.speed_regions import commanded_speed_mps, steered
from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Memory, View


@dataclass(frozen=True, kw_only=True)
class FollowerStopper:
    """Parameters of the controller.

    Source: Stern et al. (2018), Transp. Res. C 89, eqs 1-2, in the form that is continuous everywhere: the third
    region rises from u = min(max(v_leader, 0), U) to U. The headway form and the acceleration limits are CIRCLES'.

    A fixed set speed above the traffic's equilibrium does nothing, so by default the set speed is found, by a rule
    of ours: U = m + clip((gap - roomy gap) / `gap_time_s`, -c, c) + h, where m is the mean over `window_s` of the
    slower of the own and the leader's speed, the roomy gap is max(7 m, `headway_s` * m), and
    c = max(1 m/s, `catch_up_share` * m). The last term, h = max(gap - far gap, 0) / (2 * `gap_time_s`) with
    a far gap of max(`far_gap_m`, 2 * `headway_s` * m), brings a vehicle back that has lost a leader who stops and
    goes: m lies below such a leader's mean speed. It is the slower of the two speeds, because the leader's mean alone
    chases every wave on a ring and the own mean alone loses a leader on a motorway. The mean is exponential with the
    mean age of a window of that length (time constant half of it), which needs one number per vehicle.

    Attributes:
        set_speed_mps: the set speed U where it is not found.
        finds_set_speed: find U as above.
        keeps_headway: use the boundaries max(at rest, headway * speed) instead of those at rest.
        window_s: length of the mean.
        headway_s: time gap that the found set speed steers to.
        gap_time_s: time in which a wrong gap is made good.
        catch_up_share: how far the found set speed may be from the mean, as a share of it.
        far_gap_m: gap from which the leader counts as lost.
        response_s: time in which the vehicle reaches the commanded speed.
        limits: largest acceleration, hardest braking, hardest braking where the safe speed is exceeded.
    """

    set_speed_mps: float = 7.0
    finds_set_speed: bool = dataclasses.field(default=True, metadata={"static": True})
    keeps_headway: bool = dataclasses.field(default=True, metadata={"static": True})
    window_s: float = 15.0
    headway_s: float = 3.0
    gap_time_s: float = 20.0
    catch_up_share: float = 0.3
    far_gap_m: float = 50.0
    response_s: float = 0.5
    limits: tuple[float, float, float] = (1.5, 3.0, 9.0)

    def __post_init__(self) -> None:
        for name in ("window_s", "gap_time_s", "response_s"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not value > 0:
                raise BadSettings(f"{name} must be above 0, not {value}")
        for name in ("set_speed_mps", "headway_s", "catch_up_share"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not value >= 0:
                raise BadSettings(f"{name} must be 0 or more, not {value}")

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the running mean of the slower speed, at first the vehicle's own."""
        return (speed_mps,)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration towards the commanded speed, in m/s2, and the new mean of the slower speed."""
        xp = view.speed_mps.__array_namespace__()
        (mean,) = memory
        slower = xp.minimum(view.speed_mps, view.leader_speed_mps)
        mean = mean + (slower - mean) * (view.dt_s / (0.5 * self.window_s))
        set_speed = self.set_speed_mps + 0 * mean
        if self.finds_set_speed:
            most = xp.maximum(self.catch_up_share * mean, 1.0)
            surplus = (view.gap_m - xp.maximum(self.headway_s * mean, 7.0)) / self.gap_time_s
            stray = view.gap_m - xp.maximum(2 * self.headway_s * mean, self.far_gap_m)
            hurry = xp.maximum(stray, 0) / (2 * self.gap_time_s)
            set_speed = xp.maximum(mean + xp.clip(surplus, -most, most) + hurry, 0)
        set_speed = xp.minimum(set_speed, view.limit_mps)
        command = commanded_speed_mps(view, set_speed, self.keeps_headway)
        return steered(command, view, self.response_s, self.limits), (mean,)
