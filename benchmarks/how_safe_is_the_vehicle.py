"""Does a vehicle under our runtime ever hit its leader, and what fuel does it save, when its sensors are bad?

Leaders are 60 s pieces of the drives recorded on I-24 (PROVING_DATA, else ../shared/data beside the checkout). A third
of them brakes to rest once without warning (3 to 8 m/s2), a third is cut in on once (never nearer than UN Regulation
157, 5.2.5.2, demands to be mastered). Every vehicle has its own noise, bias, dropouts, one outage, latency and pedals
that lag; the largest are those of `Disturbance`. "clean" is the same without any of it. The peer is people behind the
very same leaders, who see everything at once: three laws. Fuel is CIRCLES' midSUV, per kilometre driven; "saved" is the
median over replays, and the plain keys take the median over the laws. With --json the last line is one object; --smoke
takes 200 replays.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from proving.traffic import ENERGY, Idm, read_drive
from proving.traffic.drivers import Gipps, Krauss
from proving.traffic.learn import load, shipped_policy
from proving.traffic.learn.export import export
from proving.traffic.learn.law import FOR_MOTORWAYS
from proving.traffic.state import Driver
from proving.traffic.tasks import LANE_TASKS
from proving.traffic.vehicle import MODES, OnnxPolicy, Supervisor
from proving.traffic.vehicle.drive import Runtime
from proving.traffic.vehicle.replays import DT_S, NONE, Disturbance, Outcome, automated, human, leaders

STEPS = 600
PEOPLE: dict[str, Driver] = {
    "idm": Idm(desired_speed_mps=45.0, headway_s=1.0, accel_mps2=1.3, comfortable_mps2=2.0),
    "krauss": Krauss(desired_speed_mps=45.0),
    "gipps": Gipps(desired_speed_mps=45.0),
}


def exported(policy: Path | None) -> OnnxPolicy:
    if policy is not None and policy.suffix == ".onnx":
        return OnnxPolicy(policy)
    learned = shipped_policy(FOR_MOTORWAYS) if policy is None else load(policy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.onnx"
        export(learned, LANE_TASKS[learned.card.task], path)
        return OnnxPolicy(path)


def fuel_l_per_100km(found: Outcome) -> np.ndarray:
    law = ENERGY["midSUV"]
    litres = law.fuel_gps(found.speed_mps, found.accel_mps2).sum(axis=0) * DT_S / law.fuel_g_per_l
    return litres / (np.maximum(found.speed_mps.sum(axis=0) * DT_S, 10.0) / 1e5)


def step_ms(policy: OnnxPolicy) -> tuple[np.ndarray, np.ndarray]:
    """Return each decision's time on the CPU, and on the wall, where others may get in between."""
    runtime = Runtime(policy, Supervisor())
    on_cpu: list[float] = []
    on_wall: list[float] = []
    for step in range(3000):
        gap = 9.0 + 0.1 * (step % 7)
        line = json.dumps({"speed_mps": 4.0, "gap_m": gap, "leader_speed_mps": 4.0 + 0.01 * (step % 3), "engage": True})
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        runtime.line(line, step * DT_S)
        on_cpu.append(1000 * (time.thread_time() - begin_cpu))
        on_wall.append(1000 * (time.perf_counter() - begin))
    return np.array(on_cpu), np.array(on_wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="200 replays")
    parser.add_argument("--replays", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    parser.add_argument("--policy", type=Path, help="an exported .onnx or a saved .npz; else the one for motorways")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    data = Path(os.environ.get("PROVING_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    files = sorted((data / "traffic" / "i24_leader_trajectories").glob("*.csv.gz"))
    drives = [read_drive(file, "Time", "Velocity", speed_unit="km/h") for file in files]
    count, policy = 200 if options.smoke else options.replays, exported(options.policy)
    answer: dict[str, object] = {"replays": count, "task": policy.card.task, "seed": options.seed}
    for name, what in (("clean", NONE), ("disturbed", Disturbance())):
        random = np.random.default_rng(options.seed)
        lead = leaders(drives, count, STEPS, what, random)
        begin = time.process_time()
        found = automated(policy.card, policy.act, Supervisor(), lead, what, random)
        seconds = time.process_time() - begin
        saved = {
            law: float(np.median(1 - fuel_l_per_100km(found) / fuel_l_per_100km(human(driver, lead))))
            for law, driver in PEOPLE.items()
        }
        shares = {mode: float((found.mode == index).mean()) for index, mode in enumerate(MODES)}
        hits, hard = int(found.is_collided.sum()), float((found.accel_mps2 < -3.5).mean())
        print(
            f"{name}: {hits} rear-end collisions in {count} replays ({seconds:.0f} CPU-s), smallest gap "
            f"{found.gap_m.min():.2f} m, mean gap {found.gap_m.mean():.0f} m, braked hard {hard:.2%} of the time; "
            f"fuel saved {', '.join(f'{value:.1%} ({law})' for law, value in saved.items())}; "
            f"driven by {', '.join(f'{mode} {share:.1%}' for mode, share in shares.items() if share)}"
        )
        end = "" if name == "disturbed" else "_clean"
        answer[f"rear_end_collisions{end}"] = hits
        answer[f"smallest_gap_m{end}"] = round(float(found.gap_m.min()), 3)
        answer[f"fuel_saved_share{'_left' if name == 'disturbed' else end}"] = round(
            float(np.median(list(saved.values()))), 4
        )
        answer |= {f"fuel_saved_share_{law}{end}": round(value, 4) for law, value in saved.items()}
        answer |= {f"{mode}_share{end}": round(share, 4) for mode, share in shares.items()}
        answer[f"hard_braking_share{end}"] = round(hard, 5)
    on_cpu, on_wall = step_ms(policy)
    for name, value in (
        ("step_ms_median", np.median(on_cpu)),
        ("step_ms_p99", np.quantile(on_cpu, 0.99)),
        ("step_wall_ms_median", np.median(on_wall)),
        ("step_wall_ms_p99", np.quantile(on_wall, 0.99)),
    ):
        answer[name] = round(float(value), 4)
    print(f"a decision takes {answer['step_ms_median']} ms of CPU, 99 % take at most {answer['step_ms_p99']} ms")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
