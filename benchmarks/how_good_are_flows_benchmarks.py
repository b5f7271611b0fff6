"""How much better is traffic on FLOW's benchmarks when automated vehicles or signals have learned, against people?

The peer is the same network with the same seeds and people at every wheel; on the grids it is signals that rule
themselves (actuated). Roads, demand, who is automated and what is scored are FLOW's: mean speed on the figure eight and
at the merge, arrivals in the last 500 s at the bottleneck, delay on the grid. What a policy sees and says is ours:
each vehicle, cell or signal decides for itself. Where no policy is shipped the ratio is null, a miss, and what is shown
is the law that would carry one out if it never slowed down; at the bottleneck also people behind ramp meters: by the
clock, by ALINEA with the occupancy that is measured before the narrowest place, and by FLOW's variant of it.

`figure_eight_ratio` would be that of figureeight2, where all 14 are automated; 0 and 1 have keys of their own.
`crossing_share` says at how many moments two vehicles overlapped where ways cross.
With --json the last line is one object; --smoke takes ten decisions of the grid alone.
"""

import argparse
import dataclasses
import json

import jax.numpy as jnp

from proving.traffic.learn.judging import NetworkVerdict, judge_on_network
from proving.traffic.learn.networks import Statistics
from proving.traffic.learn.policy import Policy, card_of
from proving.traffic.learn.shipped import SHIPPED_ON_NETWORKS, shipped_on_network
from proving.traffic.ramp_metering import Alinea
from proving.traffic.roads import Bottleneck
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.on_networks.grid import under_own_signals
from proving.traffic.tasks.on_networks.metering import Metering, under_meters

# Seeds that no training has seen: trainings draw theirs from 32 random bits.
SEEDS = tuple(range(5000, 5010))
HEADLINES = {
    "figure_eight_ratio": "figureeight2_by_vehicle",
    "merge_ratio": "merge0_by_vehicle",
    "bottleneck_ratio": "bottleneck0_by_cell",
    "lights_ratio": "grid0_by_signal",
}
# Four lanes of this are 1,300 veh/h: at 1,700 the zippers break down (seeds 0 and 1).
METER_VEH_PER_H_PER_LANE = 325.0
# What ALINEA keeps the lanes before the narrowest place at (seeds 0 and 1).
OCCUPANCY_SHARE = 0.12
OTHERS = ("figureeight0_by_vehicle", "figureeight1_by_vehicle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--tasks", nargs="*", help="these alone")
    options = parser.parse_args()
    seeds = SEEDS[:2] if options.smoke else SEEDS[: options.seeds]
    names = options.tasks or ([HEADLINES["lights_ratio"]] if options.smoke else [*HEADLINES.values(), *OTHERS])
    answer: dict[str, float | None] = {key: None for key, name in HEADLINES.items() if name in names}
    for name in names:
        answer |= judged(NETWORK_TASKS[name], seeds, is_short=options.smoke)
    for key, name in HEADLINES.items():
        if f"{name}_ratio" in answer:
            answer[key] = answer[f"{name}_ratio"]
    if options.json:
        print(json.dumps(answer))


def judged(task: NetworkTask, seeds: tuple[int, ...], *, is_short: bool) -> dict[str, float | None]:
    """Print and return the score of people and of the policy, where one is shipped, and their ratio."""
    if is_short:
        task = dataclasses.replace(task, horizon=10)
    name = task.name
    answer: dict[str, float | None] = {}
    people = judge_on_network(_by_people(task), None, seeds)
    rows = {"people": people}
    if not is_short and name.startswith("bottleneck"):
        rows["ramp meter"] = judge_on_network(_metered(task), None, seeds)
        rows["alinea"] = judge_on_network(under_meters(task), _alinea(task), seeds)
        rows["flow's alinea"] = judge_on_network(under_meters(task), Metering(law=None), seeds)
    if name in SHIPPED_ON_NETWORKS:
        rows["learned"] = judge_on_network(task, shipped_on_network(name), seeds)
    elif task.actors.manner == "set_speed" and not is_short:
        rows["never slowed"] = judge_on_network(task, _never_slowed(task), seeds)
    for who, verdict in rows.items():
        print(
            f"{name:24s} {who:12s} score {score(task, verdict):8.2f}, times people {_ratio(task, verdict, people):5.2f}"
            f"  speed {verdict.mean_speed_mps:5.2f} m/s  arrived {verdict.arrived_count:6.1f}"
            f"  collided {verdict.collided_share:4.0%}  crossing {verdict.crossing_share:5.1%}",
            flush=True,
        )
        key = f"{name}_{who.replace(' ', '_').replace(chr(39), '')}"
        answer[key] = score(task, verdict)
        answer[f"{key}_crossing_share"] = verdict.crossing_share
    answer[f"{name}_ratio"] = _ratio(task, rows["learned"], people) if "learned" in rows else None
    return answer


def score(task: NetworkTask, verdict: NetworkVerdict) -> float:
    """Return what FLOW counts on this benchmark."""
    if task.name.startswith("bottleneck"):
        return verdict.outflow_veh_per_h
    return verdict.delay_s if task.name.startswith("grid") else verdict.mean_speed_mps


def _ratio(task: NetworkTask, verdict: NetworkVerdict, people: NetworkVerdict) -> float:
    """Return how much better than people's a score is; less delay is better."""
    mine, theirs = score(task, verdict), score(task, people)
    return theirs / mine if task.name.startswith("grid") else mine / theirs


def _by_people(task: NetworkTask) -> NetworkTask:
    if task.name.startswith("grid"):
        return under_own_signals(task, "actuated")
    return dataclasses.replace(task, traffic=task.traffic.of_people)


def _metered(task: NetworkTask) -> NetworkTask:
    """Return the bottleneck with people only and a ramp meter by the clock, tuned by hand on other seeds."""
    road = task.traffic.network
    assert isinstance(road, Bottleneck), "only the bottleneck has a meter"
    metered = dataclasses.replace(road, has_ramp_meter=True, meter_veh_per_h=METER_VEH_PER_H_PER_LANE)
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic.of_people, network=metered))


def _alinea(task: NetworkTask) -> Metering:
    """Return ALINEA for the bottleneck; what it aims at was tuned by hand on other seeds, the gain is the article's."""
    road = task.traffic.network
    assert isinstance(road, Bottleneck), "only the bottleneck has meters"
    n = road.scaling
    law = Alinea(target_share=OCCUPANCY_SHARE, least_veh_per_h=400.0 * n, most_veh_per_h=3600.0 * n)
    return Metering(law=law, first_veh_per_h=4 * METER_VEH_PER_H_PER_LANE * n)


def _never_slowed(task: NetworkTask) -> Policy:
    """Return a policy that always says the largest action."""
    count = len(task.sight.names)
    layers = ((jnp.zeros((1, count)), jnp.ones((1, 1))),)
    statistics = Statistics(jnp.zeros(count), jnp.ones(count), jnp.float32(1))
    return Policy(layers, statistics, card_of(task, 0, "none", 0))


if __name__ == "__main__":
    main()
