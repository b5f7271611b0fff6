"""The car-following laws, human and automated; none of them needs JAX to be imported."""

from proving.traffic.drivers.follower_stopper import FollowerStopper
from proving.traffic.drivers.idm import Idm
from proving.traffic.drivers.pi_saturation import PiSaturation
from proving.traffic.state import Driver

DRIVERS: dict[str, type[Driver]] = {
    "idm": Idm,
    "follower_stopper": FollowerStopper,
    "pi_saturation": PiSaturation,
}

# What may steer the automated vehicles; "none" leaves them to the human law.
CONTROLLERS: dict[str, type[Driver] | None] = {
    "none": None,
    "follower_stopper": FollowerStopper,
    "pi_saturation": PiSaturation,
}

__all__ = ["CONTROLLERS", "DRIVERS", "FollowerStopper", "Idm", "PiSaturation"]
