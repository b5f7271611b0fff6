"""Road networks the slow and obvious way: one vehicle after another, in plain Python floats.

This is where to read what the rules are. Nothing of the engine in `traffic/network` is used here, only its records
of what a road map, a demand and the numbers of lane changing are; both must agree, step by step. In the order of a
step: `vehicles` (who is where), `lights`, `coming` and `junctions` (who may go), `ahead` and `stops` (what one keeps
clear of), `lane_changes`, `overlaps`, `moving`, `journeys` (how trips begin); `run` puts them together, on `roads` and
by `plans`.

Not here: what a policy commands from outside, and routes that are changed on the way.
"""

from proving.traffic.model.network.records import Arrival, History, Moment, Settings
from proving.traffic.model.network.run import simulated

__all__ = ["Arrival", "History", "Moment", "Settings", "simulated"]
