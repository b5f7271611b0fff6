"""One run of a network as somebody asked for it, with its measures."""

from dataclasses import dataclass

import numpy as np

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand
from proving.traffic.network.simulate import Outcome, Run
from proving.traffic.network.state import Record, World
from proving.traffic.network_runs.fitting import fitted
from proving.traffic.network_runs.measures import NetworkMeasures, Tally, check
from proving.traffic.network_runs.scenario import NetworkScenario
from proving.traffic.network_runs.settings import How, Measuring
from proving.traffic.network_runs.shares import with_automated, with_inflow, with_people
from proving.traffic.network_runs.stretches import Listener
from proving.traffic.routing import ROUTERS, Router


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run and what became of it.

    Attributes:
        demand: who wanted to drive.
        run: how it was run.
        outcome: what became of everybody.
        measures: what was measured.
        records: every step, stretch by stretch; empty unless asked for.
    """

    demand: Demand
    run: Run
    outcome: Outcome
    measures: NetworkMeasures
    records: tuple[Record, ...] = ()

    def row(self) -> dict[str, float | int]:
        """Return one flat row: counts, means over the trips that arrived, and the measures."""
        outcome = self.outcome
        counts = {
            "finished": int(outcome.is_finished.sum()),
            "active": outcome.active,
            "waiting": outcome.waiting,
            "collisions": outcome.collisions,
            "emergencies": outcome.emergencies,
        }
        return counts | outcome.means() | self.measures.row()


def ran(
    asked: NetworkScenario,
    how: How,
    measuring: Measuring,
    seed: int = 0,
    *,
    device_count: int = 1,
    is_recorded: bool = False,
) -> Ran:
    """Run a scenario.

    Raises:
        BadSettings: a setting does not fit; known before the run.
        BadNetwork: the demand does not fit the network.
        Overflow: a million places are too few.
    """
    check(measuring)
    run, router = run_of(asked, how), router_of(how)
    people = with_people(asked.demand, how.law, how.reaction_s, run.dt_s)
    demand = with_automated(with_inflow(people, how.inflow_veh_per_h), how.automated_share, seed)
    tally, records = Tally(demand, run, measuring), list[Record]()

    def listening(world: World) -> Listener:
        # Called anew where more places are needed.
        tally.begin(np.asarray(world.trips.kind))
        records.clear()

        def hear(record: Record) -> None:
            tally.hear(record)
            if is_recorded:
                records.append(record)

        return hear

    outcome = fitted(asked.road_map, demand, run, seed, router=router, device_count=device_count, listening=listening)
    measures = tally.measures(asked.road_map, outcome)
    return Ran(demand=demand, run=run, outcome=outcome, measures=measures, records=tuple(records))


def run_of(asked: NetworkScenario, how: How) -> Run:
    """Return how the engine runs it.

    Raises:
        BadSettings: there is no such controller, or a number is out of its range.
    """
    if how.controller not in CONTROLLERS:
        raise BadSettings(f"there is no controller {how.controller!r}; there are {', '.join(CONTROLLERS)}")
    make = CONTROLLERS[how.controller]
    return Run(
        duration_s=asked.duration_s if how.duration_s is None else how.duration_s,
        dt_s=asked.step_s if how.dt_s is None else how.dt_s,
        start_s=asked.begin_s if how.start_s is None else how.start_s,
        capacity=how.capacity,
        controller=None if make is None else make(),
        at_new_speed=asked.at_new_speed,
    )


def router_of(how: How) -> Router | None:
    """Return what gives vehicles other routes.

    Raises:
        BadSettings: there is no such router.
    """
    if how.router not in ROUTERS:
        raise BadSettings(f"there is no router {how.router!r}; there are {', '.join(ROUTERS)}")
    make = ROUTERS[how.router]
    return None if make is None else make()
