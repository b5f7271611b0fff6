"""How fast is our traffic beside SUMO's: on rings, on a grid of streets, on two real cities?

SUMO runs through libsumo in a process of its own and nothing is read from it while it steps; each side has the same
roads, people, laws and steps. Rates are vehicles moved per CPU-second of the steps, loading and compiling left out.
SUMO has to run many rings or seeds one after another; we run them at once. The two cities are given scenarios beside
the checkout (PROVING_DATA, else ../shared/data); without them only the rest is told.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

# One thread, as SUMO has: what counts is CPU-seconds, and sharing out such short work takes more of them.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("NPROC", "1")

import jax
import numpy as np

from proving.traffic import roads
from proving.traffic.drivers import Idm
from proving.traffic.errors import Overflow
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.simulate import Outcome, Run, check_room, outcomes_of, prepared_together, scan
from proving.traffic.network.state import State
from proving.traffic.network_runs.scenario import scenario
from proving.traffic.routing import AtDeparture, Router, routed_together, stepping
from proving.traffic.simulate import scan as scan_rings
from proving.traffic.simulate import standing_rings
from proving.traffic.sumo import SumoOutcome, beside_sumo, files_in_sumo
from proving.traffic.worlds import Ring

CHECKOUT = Path(__file__).resolve().parent.parent
# People without noise: SUMO's IDM has none.
IDM = Idm(noise_intensity=0.0)
# Their files, and room for so many vehicles at once to begin with.
CITIES = {"ingolstadt21": ("ingolstadt21.sumocfg", 420), "bologna_acosta": ("run.sumocfg", 800)}
# Where files hold trips SUMO finds the fastest way when one departs, and so do we.
ROUTERS = {"ingolstadt21": AtDeparture()}
# The quickest of so many runs counts, on either side: others use this machine too.
TIMES = 3
# Room for so many times as many vehicles as a city was seen to hold at once.
SPARE_ROOM = 1.04
MEANS = ("duration_s", "speed_mps", "lost_s", "waited_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="everything small and short")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--only", choices=["rings", "grid", "city"], help="one part of it")
    parser.add_argument("--seeds", type=int, default=8, help="seeds of a city that run at once")
    parser.add_argument("--cities", nargs="+", default=list(CITIES), choices=list(CITIES), help="which of them")
    parser.add_argument("--duration-s", type=float, default=3600, help="how much of a city's first hour")
    options = parser.parse_args()
    answer: dict[str, float | str | None] = {}
    if options.only in (None, "rings"):
        answer |= rings(options.smoke)
    if options.only in (None, "grid"):
        answer |= grid(options.smoke)
    if options.only in (None, "city"):
        if options.smoke:
            answer |= cities(["ingolstadt21"], 2, 60, 1)
        else:
            answer |= cities(options.cities, options.seeds, options.duration_s, TIMES)
    answer["machine"] = f"{platform.machine()}, jax {jax.__version__}"
    for name, value in answer.items():
        print(f"{name:40s} {value:.4g}" if isinstance(value, float) else f"{name:40s} {value}")
    if options.json:
        print(json.dumps(answer))


def rings(smoke: bool) -> dict[str, float | str | None]:
    """Return the rates on rings of 260 m with 22 vehicles each, steps of 0.1 s; SUMO has one ring."""
    run = Run(duration_s=20 if smoke else 1000, dt_s=0.1)
    ring = roads.Ring(length_m=260.0)
    theirs = _best_of(1 if smoke else TIMES, lambda: beside_sumo(ring.road_map(), ring.demand(22, driver=IDM), run))
    count, step_count = (64, 50) if smoke else (1024, 500)
    world, state = standing_rings(Ring(length_m=260.0, driver=IDM), range(count))
    compiled = scan_rings.lower(world, state, None, "ring", step_count, is_recorded=False, is_noisy=False).compile()
    rate = max(22 * count * step_count / _cpu_s(lambda: compiled(world, state, None)) for _ in range(TIMES))
    return _rates("rings", rate, theirs)


def grid(smoke: bool) -> dict[str, float | str | None]:
    """Return the rates on 30 x 30 blocks, 2 lanes, signals, 20,000 vehicles that turn by chance, steps of 1 s."""
    size, count, duration_s = (4, 300, 10) if smoke else (30, 20_000, 30)
    city = roads.City(row_count=size, column_count=size, block_m=200.0, lane_count=2)
    road_map, demand = city.road_map(), city.demand(vehicle_count=count, kind="turns", driver=IDM)
    run = Run(duration_s=duration_s, dt_s=1.0, capacity=count)
    times = 1 if smoke else TIMES
    outcomes, rate, (theirs, *_) = _in_turn(
        _fitting(road_map, demand, run, (0,)), times, lambda _: beside_sumo(road_map, demand, run)
    )
    return _rates("grid", rate, theirs) | {"grid_collisions": float(outcomes[0].collisions)}


def cities(names: Sequence[str], seed_count: int, duration_s: float, times: int) -> dict[str, float | str | None]:
    """Return the rates in the given cities, and what trips were like on both sides."""
    folder = Path(os.environ.get("PROVING_DATA", CHECKOUT.parent / "shared" / "data")) / "traffic" / "sumo_nets"
    answer: dict[str, float | str | None] = {}
    ratios = []
    for name in names:
        file, capacity = CITIES[name]
        if not (folder / name / file).is_file():
            print(f"{name}: not there")
            continue
        said = scenario(str(folder / name / file))
        run = Run(
            duration_s=duration_s,
            dt_s=1.0,
            start_s=said.begin_s,
            at_new_speed=said.at_new_speed,
            capacity=capacity,
        )
        # A single short run is there to see that all of this works: it is not compiled again to fit.
        given = (said.road_map, said.demand, run, range(seed_count), ROUTERS.get(name))
        ours = _Ours(*given) if times == 1 else _fitting(*given)

        def theirs_with(seed: int, path: Path = folder / name / file, run: Run = run) -> SumoOutcome:
            return files_in_sumo(path, run, seed)

        outcomes, rate, (theirs, *others) = _in_turn(ours, times, theirs_with)
        answer |= _rates(name, rate, theirs)
        print(f"{name}: {rate:.3g} beside {theirs.updates / theirs.cpu_s:.3g}", flush=True)
        ratios.append(rate / (theirs.updates / theirs.cpu_s))
        # SUMO's means are over as many seeds, or more: chance alone moves those of a city by some seconds.
        every = [theirs, *others, *(theirs_with(seed) for seed in range(times, seed_count))]
        for side, runs in (("", outcomes), ("_sumo", every)):
            means = [one.means() for one in runs]
            for mean in MEANS:
                each = [one[mean] for one in means] if all(means) else None
                answer[f"{name}_{mean}{side}"] = None if each is None else float(np.mean(each))
                answer[f"{name}_{mean}{side}_spread"] = None if each is None else float(np.std(each))
        answer[f"{name}_finished"] = float(np.mean([outcome.is_finished.sum() for outcome in outcomes]))
        answer[f"{name}_finished_sumo"] = float(np.mean([one.finished for one in every]))
        answer[f"{name}_room"] = ours.run.capacity
        answer[f"{name}_collisions"] = float(np.mean([outcome.collisions for outcome in outcomes]))
    return answer | {"city_ratio": min(ratios, default=None), "city_seeds": seed_count}


def _best_of(times: int, run: Callable[[], SumoOutcome]) -> SumoOutcome:
    """Return the quickest of so many runs, as on our side."""
    return min((run() for _ in range(times)), key=lambda one: one.cpu_s / one.updates)


class _Ours:
    """Our side, compiled: worlds of several seeds side by side."""

    def __init__(
        self, road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int], router: Router | None
    ) -> None:
        self.run = run
        if router is None:
            self.together = prepared_together(road_map, demand, run, seeds)
            self._given = jax.device_put((self.together.world, self.together.state))
            self._compiled = scan.lower(*self._given, run.step_count, is_recorded=False).compile()
        else:
            self.together, choices, memory = routed_together(road_map, demand, run, router, seeds)
            self._given = jax.device_put((self.together.world, self.together.state, memory))
            driven = jax.jit(stepping(router, choices), static_argnums=(3, 4))
            self._compiled = driven.lower(*self._given, run.step_count, False).compile()

    def final(self) -> tuple[State, float]:
        """Return the state at the end, and the CPU-seconds that it took to get there."""
        began_s = time.process_time()
        final = jax.block_until_ready(self._compiled(*self._given))[0]
        return final, time.process_time() - began_s


def _fitting(road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int], router: Router | None = None) -> _Ours:
    """Return our side with room for as many as are on the road at once, and a few more: one run tells how many."""
    while True:
        ours = _Ours(road_map, demand, run, seeds, router)
        final = jax.device_get(ours.final()[0])
        try:
            check_room(final, run)
        except Overflow:
            run = replace(run, capacity=run.capacity * 5 // 4)
            print(f"more than fits: once more with room for {run.capacity}", flush=True)
            continue
        needed = math.ceil(SPARE_ROOM * _most_at_once(final) / len(seeds))
        return ours if needed >= run.capacity else _Ours(road_map, demand, replace(run, capacity=needed), seeds, router)


def _in_turn(
    ours: _Ours, times: int, theirs: Callable[[int], SumoOutcome]
) -> tuple[tuple[Outcome, ...], float, list[SumoOutcome]]:
    """Return what became of everybody, how many vehicles we move per CPU-second at most, and SUMO's runs.

    They run in turn: this machine is at times twice as fast as at others. SUMO's seeds are 0, 1 and so on; the quickest
    of its runs comes first.
    """
    runs = [(theirs(seed), ours.final()) for seed in range(times)]
    final = jax.device_get(runs[-1][1][0])
    check_room(final, ours.run)
    rate = _updates(final, ours.run) / min(taken_s for _, (_, taken_s) in runs)
    return (
        outcomes_of(ours.together, final),
        rate,
        sorted((one for one, _ in runs), key=lambda one: one.cpu_s / one.updates),
    )


def _most_at_once(final: State) -> int:
    """Return how many vehicles of all worlds together were on the road at once, at most."""
    is_active = final.vehicles.trip < len(final.finished.arrived_s) - 1
    has_arrived = ~np.isnan(final.finished.arrived_s)
    begun_s = np.concatenate([final.finished.departed_s[has_arrived], final.vehicles.departed_s[is_active]])
    ended_s = np.sort(final.finished.arrived_s[has_arrived])
    begun_s.sort()
    return int(np.max(np.arange(1, len(begun_s) + 1) - np.searchsorted(ended_s, begun_s), initial=1))


def _updates(final: State, run: Run) -> float:
    """Return how many steps all vehicles made together: those that arrived, and those still on the road."""
    arrived_s = np.nansum(final.finished.arrived_s - final.finished.departed_s)
    is_active = final.vehicles.trip < len(final.finished.arrived_s) - 1
    active_s = np.sum((run.duration_s - final.vehicles.departed_s)[is_active])
    return float(arrived_s + active_s) / run.dt_s


def _rates(name: str, rate: float, theirs: SumoOutcome) -> dict[str, float | str | None]:
    sumo = theirs.updates / theirs.cpu_s
    return {f"{name}_per_cpu_s": rate, f"{name}_per_cpu_s_sumo": sumo, f"{name}_ratio": rate / sumo}


def _cpu_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    jax.block_until_ready(work())
    return time.process_time() - began_s


if __name__ == "__main__":
    main()
