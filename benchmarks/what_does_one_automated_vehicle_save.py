"""What does one automated vehicle among 22 on a ring save, whoever the other 21 drivers are?

The peer is the same ring with the same seed and nobody automated. Human laws that have little in common drive: IDM
(FLOW's parameters), Krauss (SUMO's default), Gipps, Bando with follow-the-leader (fitted to ring experiments), IDM
with a reaction time. People drive alone for 300 s, so waves are there if the law makes any; the next 200 s are not
counted, the 300 s after them are. Fuel is CIRCLES' midSUV. Medians over seeds; "overall" is the median over all laws
and seeds. The three plain keys are those of the shipped policy, `learned`.
With --json the last line is one object; --smoke takes two seeds and less time.
"""

import argparse
import json
from dataclasses import replace

import numpy as np

from proving.traffic import Idm, Measures, Ring, measure, rings

RING = Ring(length_m=260.0, vehicle_count=22, automated_share=1 / 22, control_start_s=300.0, duration_s=800.0)
SETTLING_S = 200.0
PEOPLE = {
    "idm": RING,
    "krauss": replace(RING, law="krauss"),
    "gipps": replace(RING, law="gipps"),
    "bando_ftl": replace(RING, law="bando_ftl"),
    "idm_late": replace(RING, driver=Idm(headway_s=0.8), reaction_s=0.5),
}
CONTROLLERS = ("learned", "follower_stopper", "pi_saturation", "non_local_follower_stopper", "time_headway")
OVERALL = CONTROLLERS[0]
KEYS = ("fuel_saved_share", "braking_per_veh_km", "throughput_gain_share")


def measured(settings: Ring, seeds: list[int]) -> list[Measures]:
    start_s = settings.control_start_s + SETTLING_S
    return [measure(run, "midSUV", start_s) for run in rings(settings, seeds)]


def compared(human: list[Measures], mixed: list[Measures]) -> dict[str, np.ndarray]:
    """Return each key for each seed."""
    return {
        "fuel_saved_share": np.array(
            [1 - b.fuel_l_per_100km / a.fuel_l_per_100km for a, b in zip(human, mixed, strict=True)]
        ),
        "braking_per_veh_km": np.array([b.braking_per_veh_km for b in mixed]),
        "throughput_gain_share": np.array(
            [b.throughput_veh_per_h / a.throughput_veh_per_h - 1 for a, b in zip(human, mixed, strict=True)]
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="two seeds and a shorter run: shows that it works, no more"
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    seeds = list(range(2 if options.smoke else options.seeds))
    controllers = CONTROLLERS[:2] if options.smoke else CONTROLLERS
    answer: dict[str, object] = {"seed_count": len(seeds), "overall_controller": OVERALL}
    pooled: dict[tuple[str, str], list[np.ndarray]] = {}
    laws = {law: replace(ring, control_start_s=60.0, duration_s=300.0) for law, ring in PEOPLE.items()}
    for law, settings in (laws if options.smoke else PEOPLE).items():
        human = measured(replace(settings, controller="none"), seeds)
        fuel, speed, std, braking = np.median(
            [[m.fuel_l_per_100km, m.mean_speed_mps, m.speed_std_mps, m.braking_per_veh_km] for m in human], axis=0
        )
        print(
            f"{law}: people alone use {fuel:.1f} l/100 km, brake {braking:.2f} times a vehicle-km, "
            f"drive {speed:.2f} ± {std:.2f} m/s"
        )
        answer[f"{law}.people.braking_per_veh_km"] = round(float(braking), 3)
        for controller in controllers:
            found = compared(human, measured(replace(settings, controller=controller), seeds))
            saved, gained = found["fuel_saved_share"], found["throughput_gain_share"]
            verdict = "harms" if np.median(saved) < -0.01 else "does nothing" if np.median(saved) < 0.01 else "saves"
            verdict += ", slows" if np.median(gained) < -0.01 else ""
            print(
                f"  {controller:27s} {verdict:19s} fuel saved {np.median(saved):6.1%} "
                f"(seeds {saved.min():.1%} to {saved.max():.1%}), braking {np.median(found[KEYS[1]]):.2f}, "
                f"throughput {np.median(gained):+.1%} ({gained.min():+.1%} to {gained.max():+.1%})"
            )
            for key in KEYS:
                answer[f"{law}.{controller}.{key}"] = round(float(np.median(found[key])), 4)
                pooled.setdefault((controller, key), []).append(found[key])
    for (controller, key), parts in pooled.items():
        middle = round(float(np.median(np.concatenate(parts))), 4)
        answer[f"overall.{controller}.{key}"] = middle
        if controller == OVERALL:
            answer[key] = middle
        print(f"overall {controller:27s} {key:22s} {middle}")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
