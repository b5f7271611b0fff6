"""Who goes which way: routers that give vehicles other routes while they drive.

FLOW's routers under our names: `continuous` is a demand that loops, `grid` keeps its route to the end, `minicity` turns
by chance, `bay_bridge` and `i210` go where their lane leads when it is too late to change, `rerouting` takes what is
fastest now, `at_departure` what is fastest when one starts. A router is a value; `routed` puts one into a world.
"""

from collections.abc import Callable

from proving.traffic.routing.at_departure import AtDeparture
from proving.traffic.routing.by_lane import ByLane
from proving.traffic.routing.choices import Choices, Router
from proving.traffic.routing.random_turns import RandomTurns
from proving.traffic.routing.rerouting import Rerouting
from proving.traffic.routing.world import (
    Routed,
    routed,
    routed_together,
    simulate_routed,
    simulate_routed_many,
    stepping,
)

# None: everybody keeps the route that the demand says; where that loops, for ever.
ROUTERS: dict[str, Callable[[], Router] | None] = {
    "none": None,
    "continuous": None,
    "grid": None,
    "minicity": RandomTurns,
    "bay_bridge": ByLane,
    "i210": ByLane,
    "rerouting": Rerouting,
    "at_departure": AtDeparture,
}

__all__ = [
    "ROUTERS",
    "AtDeparture",
    "ByLane",
    "Choices",
    "RandomTurns",
    "Rerouting",
    "Routed",
    "Router",
    "routed",
    "routed_together",
    "simulate_routed",
    "simulate_routed_many",
    "stepping",
]
