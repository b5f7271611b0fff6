"""Tasks to learn: a ring with automated vehicles, what they see, may do, and are rewarded for."""

from proving.traffic.tasks.task import RingRoad, Sight, Task
from proving.traffic.tasks.wave_attenuation import WAVE_ATTENUATION, WAVE_ATTENUATION_BY_SET_SPEED

TASKS: dict[str, Task] = {task.name: task for task in (WAVE_ATTENUATION, WAVE_ATTENUATION_BY_SET_SPEED)}

__all__ = ["TASKS", "RingRoad", "Sight", "Task"]
