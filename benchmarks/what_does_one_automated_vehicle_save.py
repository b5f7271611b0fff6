"""What does one automated vehicle among 22 on a ring save, whoever the other 21 drivers are?

The peer is the same ring with the same seed and nobody automated. The human laws are those of the literature with
their published parameters: IDM as in FLOW, in Treiber's paper of 2000, in CIRCLES' training, a smoother one, and one
with a reaction time; Bando with follow-the-leader as fitted to ring experiments by Cui et al.; FLOW's OVM and linear
OVM; SUMO's Krauss with its sigma of 0.5, there and on a denser ring; Gipps. People drive alone for 300 s, so waves are
there if the law makes any; the next 200 s are not counted, the 300 s after them are. Fuel is CIRCLES' midSUV.

A law makes waves if people alone brake at least once a vehicle-km (the field experiment had 8.6). The others are told
apart as "nothing to save". The plain keys are medians of the shipped policy, `learned`, over all seeds of all laws that
make waves; `all_laws` are those over every law. The last part asks the same of the learned policy with noisy sensors
and pedals, and on rings of other lengths.
With --json the last line is one object; --smoke takes two seeds, fewer laws and less time.
"""

import argparse
import json
from dataclasses import replace

import numpy as np

from proving.traffic import Idm, Measures, Ring, Sensing, measure, rings
from proving.traffic.drivers import Ovm
from proving.traffic.worlds import Controller

RING = Ring(length_m=260.0, vehicle_count=22, automated_share=1 / 22, control_start_s=300.0, duration_s=800.0)
SETTLING_S = 200.0
PEOPLE = {
    "idm": RING,
    "idm_2000": replace(
        RING, driver=Idm(desired_speed_mps=33.3, headway_s=1.6, accel_mps2=0.73, comfortable_mps2=1.67)
    ),
    "idm_circles": replace(
        RING,
        driver=Idm(desired_speed_mps=45.0, headway_s=1.0, accel_mps2=1.3, comfortable_mps2=2.0, noise_intensity=0.03),
    ),
    "idm_smooth": replace(
        RING, driver=Idm(desired_speed_mps=33.3, headway_s=1.5, accel_mps2=1.4, comfortable_mps2=2.0)
    ),
    "idm_late": replace(RING, driver=Idm(headway_s=0.8), reaction_s=0.5),
    "bando_ftl": replace(RING, law="bando_ftl"),
    "ovm_flow": replace(RING, driver=Ovm(gap_gain=1.0, speed_gain=1.0, stop_gap_m=2.0, go_gap_m=15.0)),
    "linear_ovm": replace(RING, law="linear_ovm"),
    "krauss": replace(RING, law="krauss"),
    "krauss_dense": replace(RING, law="krauss", length_m=220.0),
    "gipps": replace(RING, law="gipps"),
}
SMOKE_LAWS = ("idm", "gipps")
# From this on, people alone make waves.
WAVES_FROM_PER_KM = 1.0
# A production car's radar and pedals, none of them good; and rings that are fuller and emptier than 260 m.
NOISY = Sensing(
    gap_noise_m=0.5,
    speed_noise_mps=0.25,
    gap_bias_m=0.5,
    speed_bias_mps=0.1,
    dropout_share=0.1,
    latency_s=0.2,
    actuation_lag_s=0.3,
)
# What else it has to stand: imperfect sensors, other densities; a length of None keeps the ring as it is.
CONDITIONS: dict[str, tuple[Sensing, float | None]] = {
    "noisy": (NOISY, None),
    "230_m": (Sensing(), 230.0),
    "290_m": (Sensing(), 290.0),
    "noisy_230_m": (NOISY, 230.0),
}
CONTROLLERS: tuple[Controller, ...] = (
    "learned",
    "follower_stopper",
    "pi_saturation",
    "non_local_follower_stopper",
    "time_headway",
)
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
        "--smoke", action="store_true", help="two seeds, two laws and a shorter run: shows that it works, no more"
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument(
        "--controllers", nargs="+", default=CONTROLLERS, choices=CONTROLLERS, help="which; learned first"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    chosen: list[Controller] = list(dict.fromkeys((OVERALL, *options.controllers)))
    seeds = list(range(2 if options.smoke else options.seeds))
    laws = PEOPLE
    if options.smoke:
        laws = {law: replace(PEOPLE[law], control_start_s=60.0, duration_s=300.0) for law in SMOKE_LAWS}
    answer: dict[str, object] = {"seed_count": len(seeds), "overall_controller": OVERALL}
    humans = {law: people_alone(law, settings, seeds, answer) for law, settings in laws.items()}
    wavy = [law for law, (braking, _) in humans.items() if braking >= WAVES_FROM_PER_KM]
    answer["laws_with_waves"], answer["laws_without"] = wavy, [law for law in laws if law not in wavy]
    for controller in CONTROLLERS[:2] if options.smoke else chosen:
        found = {
            law: compared(humans[law][1], measured(replace(settings, controller=controller), seeds))
            for law, settings in laws.items()
        }
        tell(controller, found, wavy, answer)
    for name, (sensing, length_m) in list(CONDITIONS.items())[:1] if options.smoke else CONDITIONS.items():
        found = {
            law: under(replace(laws[law], sensing=sensing, length_m=length_m or laws[law].length_m), seeds)
            for law in wavy
        }
        tell(f"{OVERALL}.{name}", found, wavy, answer)
    for key in KEYS:
        answer[key] = answer[f"waves.{OVERALL}.{key}"]
    if options.json:
        print(json.dumps(answer))


def people_alone(law: str, settings: Ring, seeds: list[int], answer: dict[str, object]) -> tuple[float, list[Measures]]:
    """Return how often people alone brake, and their measures for each seed."""
    human = measured(replace(settings, controller="none"), seeds)
    fuel, speed, std, braking = np.median(
        [[m.fuel_l_per_100km, m.mean_speed_mps, m.speed_std_mps, m.braking_per_veh_km] for m in human], axis=0
    )
    print(
        f"{law}: people alone use {fuel:.1f} l/100 km, brake {braking:.2f} times a vehicle-km, "
        f"drive {speed:.2f} ± {std:.2f} m/s{'' if braking >= WAVES_FROM_PER_KM else ': nothing to save'}"
    )
    answer[f"{law}.people.braking_per_veh_km"] = round(float(braking), 3)
    return float(braking), human


def under(settings: Ring, seeds: list[int]) -> dict[str, np.ndarray]:
    """Return what the learned policy saves under other conditions, against people under the same."""
    human = measured(replace(settings, controller="none"), seeds)
    return compared(human, measured(replace(settings, controller=OVERALL), seeds))


def tell(name: str, found: dict[str, dict[str, np.ndarray]], wavy: list[str], answer: dict[str, object]) -> None:
    """Print and keep the medians of each law, of those that make waves, and of all."""
    print(name)
    for law, part in found.items():
        saved, gained = part["fuel_saved_share"], part["throughput_gain_share"]
        verdict = "harms" if np.median(saved) < -0.01 else "does nothing" if np.median(saved) < 0.01 else "saves"
        verdict += ", slows" if np.median(gained) < -0.01 else ""
        print(
            f"  {law:13s} {verdict:20s} fuel saved {np.median(saved):6.1%} "
            f"(seeds {saved.min():.1%} to {saved.max():.1%}), braking {np.median(part[KEYS[1]]):.2f}, "
            f"throughput {np.median(gained):+.1%} ({gained.min():+.1%} to {gained.max():+.1%})"
        )
        for key in KEYS:
            answer[f"{law}.{name}.{key}"] = round(float(np.median(part[key])), 4)
    for group, laws in (("waves", wavy), ("all_laws", list(found))):
        if not laws:
            continue
        middles = [round(float(np.median(np.concatenate([found[law][key] for law in laws]))), 4) for key in KEYS]
        answer |= {f"{group}.{name}.{key}": middle for key, middle in zip(KEYS, middles, strict=True)}
        print(f"  {group:13s} fuel saved {middles[0]:.1%}, braking {middles[1]:.2f}, throughput {middles[2]:+.1%}")


if __name__ == "__main__":
    main()
