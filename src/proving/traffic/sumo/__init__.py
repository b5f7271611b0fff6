"""SUMO beside us: the same roads and the same demand, driven by SUMO itself, for comparison; nothing else needs it."""

from proving.traffic.sumo.beside import SumoOutcome, beside_sumo, files_in_sumo
from proving.traffic.sumo.emissions import EMITTED, check_emission_class, emitted, grams_per_veh_km
from proving.traffic.sumo.ring import ring_in_sumo

__all__ = [
    "EMITTED",
    "SumoOutcome",
    "beside_sumo",
    "check_emission_class",
    "emitted",
    "files_in_sumo",
    "grams_per_veh_km",
    "ring_in_sumo",
]
