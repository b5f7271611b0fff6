"""On the vehicle: run an exported policy under a supervisor, log and replay every decision. Needs no JAX."""

from proving.traffic.vehicle.card import QUANTITIES, Reading, TaskCard, VehicleCard
from proving.traffic.vehicle.decide import MODES, REASONS, Command, State, Supervisor, decide, first_state
from proving.traffic.vehicle.infer import OnnxNetwork, OnnxPolicy
from proving.traffic.vehicle.perceive import Beliefs, Measurement, Trust, perceive

__all__ = [
    "MODES",
    "QUANTITIES",
    "REASONS",
    "Beliefs",
    "Command",
    "Measurement",
    "OnnxNetwork",
    "OnnxPolicy",
    "Reading",
    "State",
    "Supervisor",
    "TaskCard",
    "Trust",
    "VehicleCard",
    "decide",
    "first_state",
    "perceive",
]
