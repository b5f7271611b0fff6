"""How much better is traffic on FLOW's benchmarks when automated vehicles or signals have learned, against people?

The peer is the same network with the same seeds and people at every wheel; on the grids it is signals that rule
themselves (actuated). Roads, demand, who is automated and what is scored are FLOW's: mean speed on the figure eight and
at the merge, arrivals in the last 500 s at the bottleneck, delay on the grid. What a policy sees and says is ours:
each vehicle, cell or signal decides for itself. Where no policy is shipped the ratio is null, a miss, and what is shown
is the law that would carry one out if it never slowed down; at the bottleneck also people behind ramp meters: by the
clock, by ALINEA with the occupancy that is measured before the narrowest place, and by FLOW's variant of it.

`figure_eight_ratio` is that of figureeight2, where all 14 are automated; 0 and 1 have keys of their own.
A collision is any overlap, where ways cross too.
With --in-sumo SUMO moves everybody, people by its own laws; policies decide as before.
With --json the last line is one object; --smoke takes ten decisions of the grid alone.
"""

import argparse
import dataclasses
import json

import jax.numpy as jnp

from proving.traffic.learn.judging import judge_on_network
from proving.traffic.learn.networks import Statistics
from proving.traffic.learn.policy import Policy, card_of
from proving.traffic.learn.shipped import SHIPPED_ON_NETWORKS, shipped_on_network
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.trials.in_sumo import judge_in_sumo
from proving.traffic.trials.on_networks import Judge, Side, by_people, score, sides_of, times

# Seeds that no training has seen: trainings draw theirs from 32 random bits.
SEEDS = tuple(range(5000, 5010))
HEADLINES = {
    "figure_eight_ratio": "figureeight2_by_vehicle",
    "merge_ratio": "merge0_by_vehicle",
    "bottleneck_ratio": "bottleneck0_by_cell",
    "lights_ratio": "grid0_by_signal",
}
OTHERS = ("figureeight0_by_vehicle", "figureeight1_by_vehicle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--tasks", nargs="*", help="these alone")
    parser.add_argument("--in-sumo", action="store_true", help="SUMO moves everybody")
    options = parser.parse_args()
    seeds = SEEDS[:2] if options.smoke else SEEDS[: options.seeds]
    names = options.tasks or ([HEADLINES["lights_ratio"]] if options.smoke else [*HEADLINES.values(), *OTHERS])
    answer: dict[str, float | None] = {key: None for key, name in HEADLINES.items() if name in names}
    judge = judge_in_sumo if options.in_sumo else judge_on_network
    for name in names:
        answer |= judged(NETWORK_TASKS[name], seeds, judge, is_short=options.smoke)
    for key, name in HEADLINES.items():
        if f"{name}_ratio" in answer:
            answer[key] = answer[f"{name}_ratio"]
    if options.json:
        print(json.dumps(answer))


def judged(task: NetworkTask, seeds: tuple[int, ...], judge: Judge, *, is_short: bool) -> dict[str, float | None]:
    """Print and return the score of people, of what else decides there, and of the policy, where one is shipped."""
    if is_short:
        task = dataclasses.replace(task, horizon=10)
    name = task.name
    answer: dict[str, float | None] = {}
    sides = dict(sides_of(task)) if not is_short else {"people": Side(by_people(task), None)}
    if name in SHIPPED_ON_NETWORKS:
        sides["learned"] = Side(task, shipped_on_network(name))
    elif task.actors.manner == "set_speed" and not is_short:
        sides["never slowed"] = Side(task, _never_slowed(task))
    rows = {who: judge(side.task, side.who, seeds) for who, side in sides.items()}
    people = rows["people"]
    for who, verdict in rows.items():
        print(
            f"{name:24s} {who:13s} score {score(task, verdict):8.2f}, times people {times(task, verdict, people):5.2f}"
            f"  speed {verdict.mean_speed_mps:5.2f} m/s  arrived {verdict.arrived_count:6.1f}"
            f"  collided {verdict.collided_share:4.0%}",
            flush=True,
        )
        key = f"{name}_{who.replace(' ', '_').replace(chr(39), '')}"
        answer[key] = score(task, verdict)
        answer[f"{key}_collided_share"] = verdict.collided_share
    answer[f"{name}_ratio"] = times(task, rows["learned"], people) if "learned" in rows else None
    return answer


def _never_slowed(task: NetworkTask) -> Policy:
    """Return a policy that always says the largest action."""
    count = len(task.sight.names)
    layers = ((jnp.zeros((1, count)), jnp.ones((1, 1))),)
    statistics = Statistics(jnp.zeros(count), jnp.ones(count), jnp.float32(1))
    return Policy(layers, statistics, card_of(task, 0, "none", 0))


if __name__ == "__main__":
    main()
