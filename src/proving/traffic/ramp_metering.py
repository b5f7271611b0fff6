"""ALINEA: let as many vehicles onto the road as keep the place behind the ramp at its best density."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.errors import BadSettings

# A number, or one per world as an array.
Rate: TypeAlias = Any


@dataclass(frozen=True, kw_only=True)
class Alinea:
    """Parameters of the ramp controller.

    Source: Papageorgiou, Hadj-Salem, Blosseville (1991), Transp. Res. Record 1320, 58:
    r(k) = r(k - 1) + K_R (o_target - o_measured), once every `interval_s`.

    Attributes:
        target_share: occupancy to keep downstream, 0-1.
        gain_veh_per_h: change of the rate for an error of the whole occupancy; 70 veh/h per percent is 7,000.
        least_veh_per_h: lowest rate.
        most_veh_per_h: highest rate.
        interval_s: time between two changes.
    """

    target_share: float = 0.2
    gain_veh_per_h: float = 7000.0
    least_veh_per_h: float = 200.0
    most_veh_per_h: float = 1800.0
    interval_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.target_share < 1:
            raise BadSettings(f"target_share must be above 0 and below 1, not {self.target_share}")
        if not 0 <= self.least_veh_per_h < self.most_veh_per_h < math.inf:
            raise BadSettings(
                "rates must be 0 <= least_veh_per_h < most_veh_per_h, "
                f"not {self.least_veh_per_h} and {self.most_veh_per_h}"
            )
        if not (0 < self.gain_veh_per_h < math.inf and 0 < self.interval_s < math.inf):
            raise BadSettings("gain_veh_per_h and interval_s must be above 0 and finite")


def next_rate_veh_per_h(law: Alinea, rate_veh_per_h: Rate, occupancy_share: Rate) -> Rate:
    """Return the rate for the next interval from the last one and the occupancy measured over it.

    The last rate is cut to the limits first, so the controller does not wind up where it cannot be obeyed.
    """
    last = _within(rate_veh_per_h, law.least_veh_per_h, law.most_veh_per_h)
    wanted = last + law.gain_veh_per_h * (law.target_share - occupancy_share)
    return _within(wanted, law.least_veh_per_h, law.most_veh_per_h)


def next_bottleneck_rate_veh_per_h(rate_veh_per_h: Rate, mean_vehicle_count: Rate) -> Rate:
    """Return the next rate of FLOW's variant for its bottleneck, to be asked for every 15 s.

    Source: FLOW, `BottleneckEnv.ramp_meter_lane_change_control`: q + 20 (8 - vehicles on the edge before the
    bottleneck, averaged over ten steps), within 275 to 1,100 veh/h.
    """
    return _within(rate_veh_per_h + 20.0 * (8.0 - mean_vehicle_count), 275.0, 1100.0)


def cycle_s(rate_veh_per_h: float) -> float:
    """Return how long one cycle of the ramp's lights takes at two vehicles a cycle, green for 4 s of it.

    Raises:
        BadSettings: the rate is not above 0.
    """
    if not rate_veh_per_h > 0:
        raise BadSettings(f"a rate must be above 0 veh/h, not {rate_veh_per_h}")
    return 7200.0 / rate_veh_per_h


def _within(rate: Rate, low: float, high: float) -> Rate:
    """Return the rate cut to these; numbers stay numbers."""
    if isinstance(rate, jax.Array):
        return jnp.clip(rate, low, high)
    return min(max(rate, low), high)
