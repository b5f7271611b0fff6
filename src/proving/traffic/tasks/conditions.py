"""Under what a task is driven: behind which human law, through what sensors, how dense the traffic is."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from proving.traffic.drivers import LAWS
from proving.traffic.errors import BadSettings
from proving.traffic.roads import FigureEight
from proving.traffic.sensing import Sensing
from proving.traffic.state import HumanDriver
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import Task
from proving.traffic.tasks.wave_attenuation import WORST_SENSING

OF_THE_TASK = "of the task"
# Every claim on at least three human laws; on networks these.
NETWORK_LAWS = ("idm", "krauss", "gipps")
# What sensors and pedals are like, and whether each world draws its own between none and that; the sparse ones measure
# but once a step, however long it is.
SENSORS = {
    "perfect": (Sensing(), False),
    "drawn": (WORST_SENSING, True),
    "worst": (WORST_SENSING, False),
    "sparse": (dataclasses.replace(WORST_SENSING, rate_hz=0.0), False),
}
LEAST_DENSITY, LARGEST_DENSITY = 0.2, 2.0

SomeTask = TypeVar("SomeTask", Task, NetworkTask)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Under what a network's task is driven.

    Attributes:
        law: name of people's law, if not those of the task.
        sensing: what sensors and pedals are like, if not as in the task: perfect, drawn, worst or sparse.
        density: traffic by that of the task.
    """

    law: str = OF_THE_TASK
    sensing: str = OF_THE_TASK
    density: float = 1.0

    def of(self, task: NetworkTask) -> NetworkTask:
        """Return the task under this condition.

        Raises:
            BadSettings: there is no such law or sensing, or the density cannot be.
        """
        task = task if self.law == OF_THE_TASK else with_law(task, self.law)
        task = task if self.sensing == OF_THE_TASK else with_sensing(task, self.sensing)
        return at_density(task, self.density)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under what, one after the other; of what is not said, the task's own."""

    laws: tuple[str, ...] = ()
    sensing: tuple[str, ...] = ()
    densities: tuple[float, ...] = ()

    def in_turn(self, task: NetworkTask) -> tuple[NetworkTask, ...]:
        """Return the task behind any of the laws, as often as there are densities or sensings: the others in turn."""
        sensing, densities = self.sensing or (OF_THE_TASK,), self.densities or (1.0,)
        return tuple(
            behind_laws(
                Condition(sensing=sensing[row % len(sensing)], density=densities[row % len(densities)]).of(task),
                self.laws,
            )
            for row in range(max(len(sensing), len(densities)))
        )


def law_called(name: str) -> HumanDriver:
    """Return the human law of this name.

    Raises:
        BadSettings: there is no such law.
    """
    if name not in LAWS:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {name!r}")
    return LAWS[name]()


def with_law(task: NetworkTask, name: str) -> NetworkTask:
    """Return the task with people of this law; what others reckon with in automated vehicles stays."""
    return behind_laws(task, (name,))


def behind_laws(task: NetworkTask, names: Sequence[str]) -> NetworkTask:
    """Return the task with people of one of these laws in each world; without any, as it is."""
    laws = tuple(law_called(name) for name in names)
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic, laws=laws or task.traffic.laws))


def with_sensing(task: SomeTask, name: str) -> SomeTask:
    """Return the task with sensors and pedals that are perfect, drawn by each world, as bad as can be, or sparse, too.

    Raises:
        BadSettings: there is no such sensing.
    """
    if name not in SENSORS:
        raise BadSettings(f"sensing must be one of {', '.join(SENSORS)}, not {name!r}")
    sensing, is_drawn = SENSORS[name]
    return dataclasses.replace(task, sensing=sensing, is_sensing_drawn=is_drawn)


def is_sparse_worse(dt_s: float) -> bool:
    """Return whether the worst sensors measure more than once in a step as long as this, as sparse ones do not."""
    return WORST_SENSING.rate_hz * dt_s > 1


def at_density(task: NetworkTask, times: float) -> NetworkTask:
    """Return the task with so many times the inflow, or with the same vehicles on a lap that is so much shorter.

    Raises:
        BadSettings: so many or so few cannot be, or the lap is not that of a figure eight.
    """
    if not LEAST_DENSITY <= times <= LARGEST_DENSITY:
        raise BadSettings(f"density must be {LEAST_DENSITY} to {LARGEST_DENSITY} times the task's, not {times}")
    if times == 1:
        return task
    traffic, demand = task.traffic, task.traffic.demand
    if demand.flows:
        flows = tuple(dataclasses.replace(flow, veh_per_h=flow.veh_per_h * times) for flow in demand.flows)
        room = math.ceil(traffic.capacity * max(times, 1))
        denser = dataclasses.replace(traffic, demand=dataclasses.replace(demand, flows=flows), capacity=room)
        return dataclasses.replace(task, traffic=denser)
    road = traffic.network
    if not isinstance(road, FigureEight):
        raise BadSettings(f"the density of task {task.name!r} cannot be varied: nobody comes in, and its lap is fixed")
    shorter = dataclasses.replace(road, radius_m=road.radius_m / times)
    count = sum(kind.name == trip.type for trip in demand.trips for kind in demand.types if kind.is_automated)
    trips = shorter.demand(len(demand.trips), count).trips
    denser = dataclasses.replace(traffic, network=shorter, demand=dataclasses.replace(demand, trips=trips))
    return dataclasses.replace(task, traffic=denser)
