"""The car-following laws, human and automated; none of them needs JAX to be imported."""

from collections.abc import Callable

from proving.traffic.drivers.acc import Acc
from proving.traffic.drivers.bando_ftl import BandoFtl
from proving.traffic.drivers.bcm import Bcm
from proving.traffic.drivers.cacc import Cacc
from proving.traffic.drivers.cfm import Cfm
from proving.traffic.drivers.follower_stopper import FollowerStopper
from proving.traffic.drivers.gipps import Gipps
from proving.traffic.drivers.idm import Idm
from proving.traffic.drivers.krauss import Krauss
from proving.traffic.drivers.krauss_original import KraussOriginal
from proving.traffic.drivers.lacc import Lacc
from proving.traffic.drivers.linear_ovm import LinearOvm
from proving.traffic.drivers.non_local_follower_stopper import NonLocalFollowerStopper
from proving.traffic.drivers.ovm import Ovm
from proving.traffic.drivers.pi_saturation import PiSaturation
from proving.traffic.state import Driver, HumanDriver

# Laws that know their equilibrium, so everybody on a road may drive by one of them.
LAWS: dict[str, type[HumanDriver]] = {
    "idm": Idm,
    "krauss": Krauss,
    "krauss_original": KraussOriginal,
    "gipps": Gipps,
    "ovm": Ovm,
    "linear_ovm": LinearOvm,
    "bando_ftl": BandoFtl,
    "cfm": Cfm,
    "bcm": Bcm,
    "lacc": Lacc,
    "acc": Acc,
    "cacc": Cacc,
}

DRIVERS: dict[str, type[Driver]] = {
    **LAWS,
    "follower_stopper": FollowerStopper,
    "non_local_follower_stopper": NonLocalFollowerStopper,
    "pi_saturation": PiSaturation,
}


def published_follower_stopper() -> FollowerStopper:
    """Return FollowerStopper as first published: boundaries at rest, not by headway; the set speed is still found."""
    return FollowerStopper(keeps_headway=False)


# What may steer the automated vehicles; "none" leaves them to the human law.
CONTROLLERS: dict[str, Callable[[], Driver] | None] = {
    "none": None,
    "follower_stopper": FollowerStopper,
    "follower_stopper_at_rest": published_follower_stopper,
    "non_local_follower_stopper": NonLocalFollowerStopper,
    "pi_saturation": PiSaturation,
    "time_headway": Lacc,
    "acc": Acc,
    "cacc": Cacc,
}

__all__ = [
    "CONTROLLERS",
    "DRIVERS",
    "LAWS",
    "Acc",
    "BandoFtl",
    "Bcm",
    "Cacc",
    "Cfm",
    "FollowerStopper",
    "Gipps",
    "Idm",
    "Krauss",
    "KraussOriginal",
    "Lacc",
    "LinearOvm",
    "NonLocalFollowerStopper",
    "Ovm",
    "PiSaturation",
]
