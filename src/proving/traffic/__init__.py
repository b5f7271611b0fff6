"""Mixed-autonomy traffic: simulate human and automated vehicles, and measure what they do."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.traffic.drivers import CONTROLLERS, DRIVERS, LAWS, FollowerStopper, Idm, PiSaturation
    from proving.traffic.drives import read_drive, read_tracks
    from proving.traffic.energy import ENERGY
    from proving.traffic.metrics import Measures, measure
    from proving.traffic.sensing import Sensing
    from proving.traffic.simulate import follow_leader, open_road, open_roads, platoons, ring, rings
    from proving.traffic.trajectories import Trajectories
    from proving.traffic.worlds import LeaderDrive, OpenRoad, Platoon, Ring

# Where each public name lives; it is imported when it is first asked for, so `import proving.traffic` stays light.
_HOMES = {
    "CONTROLLERS": "drivers",
    "DRIVERS": "drivers",
    "ENERGY": "energy",
    "FollowerStopper": "drivers",
    "Idm": "drivers",
    "LAWS": "drivers",
    "LeaderDrive": "worlds",
    "Measures": "metrics",
    "OpenRoad": "worlds",
    "PiSaturation": "drivers",
    "Platoon": "worlds",
    "Ring": "worlds",
    "Sensing": "sensing",
    "Trajectories": "trajectories",
    "follow_leader": "simulate",
    "measure": "metrics",
    "open_road": "simulate",
    "open_roads": "simulate",
    "platoons": "simulate",
    "read_drive": "drives",
    "read_tracks": "drives",
    "ring": "simulate",
    "rings": "simulate",
}

__all__ = [
    "CONTROLLERS",
    "DRIVERS",
    "ENERGY",
    "LAWS",
    "FollowerStopper",
    "Idm",
    "LeaderDrive",
    "Measures",
    "OpenRoad",
    "PiSaturation",
    "Platoon",
    "Ring",
    "Sensing",
    "Trajectories",
    "follow_leader",
    "measure",
    "open_road",
    "open_roads",
    "platoons",
    "read_drive",
    "read_tracks",
    "ring",
    "rings",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
