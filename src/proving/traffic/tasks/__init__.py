"""Tasks to learn: a ring with automated vehicles, what they see, may do, and are rewarded for."""

from proving.traffic.tasks.task import Company, RingRoad, Sight, Task
from proving.traffic.tasks.wave_attenuation import (
    WAVE_ATTENUATION_BY_SET_SPEED,
    WAVE_ATTENUATION_FOR_ANYBODY,
    WAVE_ATTENUATION_PO,
)

TASKS: dict[str, Task] = {
    task.name: task for task in (WAVE_ATTENUATION_PO, WAVE_ATTENUATION_BY_SET_SPEED, WAVE_ATTENUATION_FOR_ANYBODY)
}

__all__ = ["TASKS", "Company", "RingRoad", "Sight", "Task"]
