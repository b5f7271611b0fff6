"""SUMO beside us: the same roads and the same demand, driven by SUMO itself, for comparison; nothing else needs it."""

from proving.traffic.sumo.beside import SumoOutcome, beside_sumo, files_in_sumo
from proving.traffic.sumo.emissions import EMITTED, emitted
from proving.traffic.sumo.ring import ring_in_sumo

__all__ = ["EMITTED", "SumoOutcome", "beside_sumo", "emitted", "files_in_sumo", "ring_in_sumo"]
