"""How much better is traffic on FLOW's benchmarks when automated vehicles or signals have learned, against people?

The peer is the same network with the same seeds and people at every wheel; on the grids it is signals that rule
themselves (actuated). Roads, demand, who is automated and what is scored are FLOW's: mean speed on the figure eight and
at the merge, arrivals in the last 500 s at the bottleneck, delay on the grid. What a policy sees and says is ours:
each vehicle, cell or signal decides for itself. Where no policy is shipped the ratio is null, a miss, and what is shown
is the law that would carry one out if it never slowed down; at the bottleneck also people behind ramp meters: by the
clock, by ALINEA with the occupancy that is measured before the narrowest place, and by FLOW's variant of it.

People drive by three laws; a ratio is that behind FLOW's own, IDM, and `..._over_laws` the median over IDM, Krauss and
Gipps; each law's mean, worst and best seed stand beside it. `figure_eight_ratio` is that of figureeight2, where all 14
are automated.
--hard asks the same through the worst sensors and pedals, and at 0.8 and 1.2 times the density, against people there.
A collision is any overlap, where ways cross too.
With --in-sumo SUMO moves everybody, people by its own laws; policies decide as before.
With --json the last line is one object; --smoke takes ten decisions of the grid alone, behind one law.
"""

import argparse
import dataclasses
import json
import statistics

import jax.numpy as jnp

from proving.traffic.learn.networks import Statistics
from proving.traffic.learn.policy import Policy, card_of
from proving.traffic.learn.shipped import SHIPPED_ON_NETWORKS, shipped_on_network
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.conditions import NETWORK_LAWS, Conditions
from proving.traffic.trials.in_sumo import has_others, judge_kinds_in_sumo
from proving.traffic.trials.on_networks import Judge, Standing, compared_on_network, judge_kinds

# Seeds that no training has seen: trainings draw theirs from 32 random bits.
SEEDS = tuple(range(5000, 5010))
HEADLINES = {
    "figure_eight_ratio": "figureeight2_by_vehicle",
    "merge_ratio": "merge0_by_vehicle",
    "bottleneck_ratio": "bottleneck0_by_cell",
    "lights_ratio": "grid0_by_signal",
}
OTHERS = ("figureeight0_by_vehicle", "figureeight1_by_vehicle")
# What else a policy has to stand.
HARD = (Conditions(sensing=("worst",)), Conditions(densities=(0.8, 1.2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--tasks", nargs="*", help="these alone")
    parser.add_argument("--laws", nargs="*", default=NETWORK_LAWS, help="human laws; in SUMO the task's own")
    parser.add_argument("--hard", action="store_true", help="through bad sensors and at other densities as well")
    parser.add_argument("--in-sumo", action="store_true", help="SUMO moves everybody")
    options = parser.parse_args()
    seeds = SEEDS[:2] if options.smoke else SEEDS[: options.seeds]
    names = options.tasks or ([HEADLINES["lights_ratio"]] if options.smoke else [*HEADLINES.values(), *OTHERS])
    answer: dict[str, float | None] = {key: None for key, name in HEADLINES.items() if name in names}
    judged = judge_kinds_in_sumo if options.in_sumo else judge_kinds
    laws = () if options.in_sumo else tuple(options.laws[:1] if options.smoke else options.laws)
    for name in names:
        task = NETWORK_TASKS[name]
        if options.smoke:
            task = dataclasses.replace(task, horizon=10)
        for under in (Conditions(), *HARD) if options.hard else (Conditions(),):
            answer |= told(task, dataclasses.replace(under, laws=laws), seeds, judged)
    for key, name in HEADLINES.items():
        if f"{name}_ratio" in answer:
            answer[key] = answer[f"{name}_ratio"]
            answer[f"{key}_over_laws"] = answer.get(f"{name}_ratio_over_laws")
    if options.json:
        print(json.dumps(answer))


def told(task: NetworkTask, under: Conditions, seeds: tuple[int, ...], judged: Judge) -> dict[str, float | None]:
    """Print and return the score of people, of what else decides there, and of the policy, where one is shipped."""
    is_shipped = task.name in SHIPPED_ON_NETWORKS
    policy = shipped_on_network(task.name) if is_shipped else None
    if not is_shipped and task.actors.manner == "set_speed":
        policy = _never_slowed(task)
    answer: dict[str, float | None] = {}
    ratios: dict[str, list[float]] = {}
    others = judged is not judge_kinds_in_sumo or has_others(task)
    for one in compared_on_network(task, policy, under, seeds, judged, others=others):
        who = one.who if one.who != "policy" else "learned" if is_shipped else "never slowed"
        print(_line(task, one, who), flush=True)
        at = "" if one.density == 1 else f"_at_{one.density:g}"
        at += "" if not under.sensing else f"_{one.sensing}"
        key = f"{task.name}_{one.law}_{who}{at}".replace(" ", "_").replace("'", "")
        answer[key], answer[f"{key}_collided_share"] = one.score, one.collided_share
        if who == "learned":
            answer |= {f"{key}_ratio": one.times_people, f"{key}_low": one.times_low, f"{key}_high": one.times_high}
            ratios.setdefault(f"{task.name}{at}_ratio", []).append(one.times_people)
    if not ratios:
        return answer | {f"{task.name}_ratio": None}
    # The first law is FLOW's.
    answer |= {key: each[0] for key, each in ratios.items()}
    return answer | {f"{key}_over_laws": statistics.median(each) for key, each in ratios.items()}


def _line(task: NetworkTask, one: Standing, who: str) -> str:
    return (
        f"{task.name:24s} {one.law:11s} {one.sensing} x{one.density:g} {who:13s} score {one.score:8.2f}, "
        f"times people {one.times_people:5.2f} ({one.times_low:.2f} to {one.times_high:.2f})  "
        f"speed {one.mean_speed_mps:5.2f} m/s  arrived {one.arrived_count:6.1f}  collided {one.collided_share:4.0%}  "
        f"{one.verdict}"
    )


def _never_slowed(task: NetworkTask) -> Policy:
    """Return a policy that always says the largest action."""
    count = len(task.sight.names)
    layers = ((jnp.zeros((1, count)), jnp.ones((1, 1))),)
    statistics = Statistics(jnp.zeros(count), jnp.ones(count), jnp.float32(1))
    return Policy(layers, statistics, card_of(task, 0, "none", 0))


if __name__ == "__main__":
    main()
