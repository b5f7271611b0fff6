"""Tasks to learn: roads with automated vehicles or signals, what they see, may do, and are rewarded for."""

from proving.traffic.tasks.environment import AnyTask
from proving.traffic.tasks.motorway import CIRCLES_PLATOON, MOTORWAY_SMOOTHING
from proving.traffic.tasks.on_networks import NETWORK_TASKS, NetworkTask, communicating
from proving.traffic.tasks.task import Company, RingRoad, Sight, Task
from proving.traffic.tasks.wave_attenuation import (
    ACCEL,
    MULTIAGENT_WAVE_ATTENUATION_PO,
    WAVE_ATTENUATION,
    WAVE_ATTENUATION_BY_SET_SPEED,
    WAVE_ATTENUATION_FOR_ANYBODY,
    WAVE_ATTENUATION_PO,
)

LANE_TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        ACCEL,
        WAVE_ATTENUATION,
        WAVE_ATTENUATION_PO,
        MULTIAGENT_WAVE_ATTENUATION_PO,
        WAVE_ATTENUATION_BY_SET_SPEED,
        WAVE_ATTENUATION_FOR_ANYBODY,
        CIRCLES_PLATOON,
        MOTORWAY_SMOOTHING,
    )
}

TASKS: dict[str, AnyTask] = {**LANE_TASKS, **NETWORK_TASKS}

__all__ = [
    "LANE_TASKS",
    "NETWORK_TASKS",
    "TASKS",
    "AnyTask",
    "Company",
    "NetworkTask",
    "RingRoad",
    "Sight",
    "Task",
    "communicating",
]
