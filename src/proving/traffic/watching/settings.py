"""Settings of what is watched; light, as the command line reads them."""

from dataclasses import dataclass

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.errors import BadSettings


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How to run what is watched; what is not given is as the network or its files have it.

    Attributes:
        duration_s: How long.
        dt_s: Step.
        start_s: Time of day at which it starts.
        moment_s: From one moment that is shown to the next; a multiple of the step.
        seed: The same settings and seed give the same run.
        controller: What steers automated vehicles; "proving traffic drivers" lists the laws.
        automated_share: Share of the vehicles that are automated, 0 to 1, beside those that the network has.
        vehicles: Of a city: how many vehicles it is to hold; it grows with them.
    """

    duration_s: float | None = None
    dt_s: float | None = None
    start_s: float | None = None
    moment_s: float | None = None
    seed: int = 0
    controller: str = "none"
    automated_share: float = 0.0
    vehicles: int | None = None

    def __post_init__(self) -> None:
        if self.controller not in (*CONTROLLERS, "learned"):
            raise BadSettings(
                f"there is no controller {self.controller!r}; there are {', '.join(CONTROLLERS)}, learned"
            )
        if self.vehicles is not None and self.vehicles < 1:
            raise BadSettings(f"vehicles must be at least 1, not {self.vehicles}")
