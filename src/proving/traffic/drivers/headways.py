"""What laws with a time gap have in common: the gap that they keep, and drivers who like another one."""

import dataclasses
from typing import Any, ClassVar, Protocol, TypeVar

from proving.traffic.state import Traits


class KeepsHeadway(Protocol):
    """A law whose drivers want a speed and a time gap; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def desired_speed_mps(self) -> float:
        """Return the speed on a free road."""
        ...

    @property
    def headway_s(self) -> float:
        """Return the time gap."""
        ...


class KeepsGap(KeepsHeadway, Protocol):
    """A law that keeps a gap when standing, too."""

    @property
    def min_gap_m(self) -> float:
        """Return that gap."""
        ...


Law = TypeVar("Law", bound=KeepsHeadway)


def gap_at_headway_m(law: KeepsGap, speed_mps: float) -> float:
    """Return the net gap at which this speed is kept by a law that wants its time gap and nothing else."""
    return law.min_gap_m + min(speed_mps, law.desired_speed_mps) * law.headway_s


def with_own_headway(law: Law, traits: Traits) -> Law:
    """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
    return dataclasses.replace(
        law,
        desired_speed_mps=law.desired_speed_mps * traits.speed_factor,
        headway_s=law.headway_s * traits.headway_factor,
    )
