"""Lines in, lines out: one JSON object per measurement and per decision."""

import json
import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from proving.traffic.vehicle.decide import MODES, REASONS, Command
from proving.traffic.vehicle.perceive import Measurement

Value: TypeAlias = float | bool | str | None
ACTS = ("is_braking", "is_accelerating", "is_steering")


def parsed(line: str | bytes) -> dict[str, Value] | None:
    """Return the numbers and facts in a line, None where it is no JSON object or a value has the wrong kind.

    Keys: speed_mps, gap_m, leader_speed_mps (null or left out: missing), has_leader (false: nobody ahead), engage,
    is_braking, is_accelerating, is_steering, time_s. Other keys are ignored.
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    found: dict[str, Value] = {}
    for key in ("speed_mps", "gap_m", "leader_speed_mps", "time_s"):
        value = content.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return None
        found[key] = None if value is None else as_float(value)
    for key in ("engage", "has_leader", *ACTS):
        value = content.get(key, key == "has_leader")
        if not isinstance(value, bool):
            return None
        found[key] = value
    return found


def as_float(value: int | float) -> float:
    """Return a number as float; one too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def measurement(content: Mapping[str, Value] | None) -> Measurement:
    """Return what was parsed as a measurement of one vehicle; None is one in which everything is missing."""
    content = content or {}

    def number(key: str) -> np.ndarray:
        value = content.get(key)
        is_number = isinstance(value, float) and math.isfinite(value)
        return np.array([value if is_number else math.nan], dtype=np.float64)

    gap = number("gap_m") if content.get("has_leader", True) else np.array([math.inf])
    acts = any(content.get(key) is True for key in ACTS)
    return Measurement(
        number("speed_mps"),
        gap,
        number("leader_speed_mps"),
        np.array([acts]),
        np.array([content.get("engage") is True]),
    )


def answer(command: Command) -> dict[str, Value]:
    """Return a command as what is sent; null where the driver drives."""
    accel, speed = float(command.accel_mps2[0]), float(command.speed_mps[0])
    return {
        "accel_mps2": None if math.isnan(accel) else accel,
        "speed_mps": None if math.isnan(speed) else speed,
        "mode": MODES[int(command.mode[0])],
        "reason": REASONS[int(command.reason[0])],
    }
