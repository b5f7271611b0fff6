"""Simulation against reality: fit drivers to measured cars, measure waves, flow and stability."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.traffic.reality.calibrate import ALONE, TOGETHER, Fits, Search, fit
    from proving.traffic.reality.comparison import Comparison, Tested, choose, compare, held_out
    from proving.traffic.reality.diagram import Cells, cells_of, cells_of_tracks, triangular_flow_veh_per_h
    from proving.traffic.reality.laws import LAWS, FollowingLaw
    from proving.traffic.reality.pairs import Pair, read_folder, read_pairs
    from proving.traffic.reality.stability import (
        Sensitivities,
        equilibrium_gap_m,
        law_of,
        measured_gain,
        platoon_gain,
        sensitivities,
        unstable_speeds_mps,
    )
    from proving.traffic.reality.waves import Waves, WaveSettings, find_waves, find_waves_in_cells

# Where each public name lives; it is imported when it is first asked for.
_HOMES = {
    "ALONE": "calibrate",
    "Cells": "diagram",
    "Comparison": "comparison",
    "Fits": "calibrate",
    "FollowingLaw": "laws",
    "LAWS": "laws",
    "Pair": "pairs",
    "Search": "calibrate",
    "Sensitivities": "stability",
    "TOGETHER": "calibrate",
    "Tested": "comparison",
    "WaveSettings": "waves",
    "Waves": "waves",
    "fit": "calibrate",
    "cells_of": "diagram",
    "cells_of_tracks": "diagram",
    "choose": "comparison",
    "compare": "comparison",
    "equilibrium_gap_m": "stability",
    "held_out": "comparison",
    "law_of": "stability",
    "measured_gain": "stability",
    "platoon_gain": "stability",
    "read_folder": "pairs",
    "read_pairs": "pairs",
    "sensitivities": "stability",
    "triangular_flow_veh_per_h": "diagram",
    "unstable_speeds_mps": "stability",
    "find_waves": "waves",
    "find_waves_in_cells": "waves",
}

__all__ = [
    "ALONE",
    "LAWS",
    "TOGETHER",
    "Cells",
    "Comparison",
    "Fits",
    "FollowingLaw",
    "Pair",
    "Search",
    "Sensitivities",
    "Tested",
    "WaveSettings",
    "Waves",
    "cells_of",
    "cells_of_tracks",
    "choose",
    "compare",
    "equilibrium_gap_m",
    "find_waves",
    "find_waves_in_cells",
    "fit",
    "held_out",
    "law_of",
    "measured_gain",
    "platoon_gain",
    "read_folder",
    "read_pairs",
    "sensitivities",
    "triangular_flow_veh_per_h",
    "unstable_speeds_mps",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
