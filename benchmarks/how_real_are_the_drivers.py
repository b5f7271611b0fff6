"""How real are the drivers, the waves that they make, and the ruler that measures waves?

Drivers: the median relative gap error on OpenACC runs that were not used in fitting, over that of an IDM fitted to each
pair alone on the same split; people and ACC apart. Law and strength of pull are chosen on the other kinds' runs.
Waves: their speed on our own open road ahead of a slow zone. Ruler: the largest deviation on six days of I-24 from the
speeds that were measured before. Needs the data beside the checkout (PROVING_DATA, else ../shared/data); without it
only our own waves are measured. With --json the last line is one object; --smoke takes a few pairs and a short road.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from proving.traffic import OpenRoad, open_road
from proving.traffic.reality import (
    ALONE,
    LAWS,
    FollowingLaw,
    Pair,
    Search,
    Tested,
    WaveSettings,
    cells_of,
    choose,
    find_waves,
    find_waves_in_cells,
    held_out,
    read_folder,
)

MEASURED_KMH = {
    "11-21-2022": -18.6,
    "11-22-2022": -19.6,
    "11-23-2022": -17.9,
    "11-28-2022": -19.0,
    "11-29-2022": -20.6,
    "12-01-2022": -19.9,
}
CANDIDATES = [(LAWS[name], Search(pull=pull)) for name in ("constant_time_gap", "delayed") for pull in (0.3, 1.0)]


def data_folder() -> Path | None:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PROVING_DATA", beside)) / "traffic"
    return folder if folder.is_dir() else None


def driver_ratios(folder: Path) -> dict[str, float]:
    pairs = read_folder(folder)
    kinds = {kind: [pair for pair in pairs if pair.kind == kind] for kind in ("human", "acc", "mixed")}
    answer = {}
    for kind in ("human", "acc"):
        law, search = choose(CANDIDATES, [kinds[other] for other in kinds if other != kind])
        for split in ("runs", "time"):
            ours = held_out(law, kinds[kind], split, search=search)
            alone = held_out(LAWS["idm"], kinds[kind], split, search=ALONE)
            ratio = ours.median_error / alone.median_error
            answer[f"{kind}_error_ratio" + ("" if split == "runs" else "_over_time")] = round(ratio, 3)
            report(f"{kind}, {split}: {law.name}, pull {search.pull:g}", ours)
            report(f"{kind}, {split}: IDM, each pair alone", alone)
    return answer


def report(title: str, tested: Tested) -> None:
    at_bounds = sum(len(bounds) > 0 for bounds in tested.fits.at_bounds())
    print(
        f"{title:45s} median gap error {tested.median_error:6.1%} = {np.median(tested.gap_rmse_m):5.2f} m, speed "
        f"{np.median(tested.speed_rmse_mps):4.2f} m/s, {len(tested.pairs)} tests; parameters at bounds in {at_bounds} "
        f"of {len(tested.fits.pairs)} fits",
        flush=True,
    )
    for place in ("dynamic", "handling"):
        errors = [error for name, error in zip(tested.pairs, tested.relative_error, strict=True) if place in name]
        if errors:
            print(f"{'':4s}{place:10s} {statistics.median(errors):6.1%} in {len(errors)} tests")


def quick_ratios(folder: Path) -> dict[str, float]:
    """Two runs of each kind cut to 100 s, a few tries: shows that it works, not how good it is."""
    pairs = [shortened(pair) for pair in read_folder(folder)]
    few = {"human": [p for p in pairs if p.kind == "human" and p.leader < 5], "acc": short_gap(pairs)}
    law: FollowingLaw = LAWS["constant_time_gap"]
    tries = Search(population=8, generations=6)
    alone = dataclasses.replace(tries, pull=0.0, rounds=1, soft_share=0.0)
    return {
        f"{kind}_error_ratio": round(
            held_out(law, few[kind], "runs", search=tries).median_error
            / held_out(LAWS["idm"], few[kind], "runs", search=alone).median_error,
            3,
        )
        for kind in few
    }


def short_gap(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.kind == "acc" and pair.distance_setting == "S"]


def shortened(pair: Pair, step_count: int = 1000) -> Pair:
    fields = ("time_s", "leader_speed_mps", "speed_mps", "gap_m", "is_measured", "is_start")
    return dataclasses.replace(pair, **{field: getattr(pair, field)[:step_count] for field in fields})


def estimator_error_kmh(folder: Path) -> float:
    deviations = []
    for day, wanted_kmh in MEASURED_KMH.items():
        with np.load(folder / f"{day}.npz") as file:
            density = file["density_norm"].astype(np.float64) * float(file["kmax_veh_per_km_lane"])
            found = find_waves(density, float(file["dt_s"]), float(file["dx_m"]))
        print(f"I-24 {day}: {found.speed_kmh:6.2f} km/h, before {wanted_kmh}; congested {found.congested_share:.2f}")
        deviations.append(abs(found.speed_kmh - wanted_kmh))
    return round(max(deviations), 3)


def own_wave_speed_kmh(*, is_short: bool) -> float:
    """Waves of the default highway driver, ahead of a slow zone that lets less through than arrives."""
    length_m, duration_s = (4000.0, 2400.0) if is_short else (6000.0, 3600.0)
    road = OpenRoad(
        length_m=length_m,
        lane_count=1,
        inflow_veh_per_h=1700.0,
        automated_share=0.0,
        duration_s=duration_s,
        dt_s=0.2,
    )
    settings = WaveSettings(farthest_cells=15 if is_short else 30)
    speeds = []
    for seed in range(1 if is_short else 3):
        found = find_waves_in_cells(cells_of(open_road(road, seed), 10.0, 64.0), settings)
        print(f"own highway, seed {seed}: {found.speed_kmh:6.2f} km/h; congested {found.congested_share:.2f}")
        speeds.append(found.speed_kmh)
    return round(statistics.mean(speeds), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few pairs, few tries, a short road")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    answer: dict[str, float | None] = dict.fromkeys(("human_error_ratio", "acc_error_ratio"))
    answer |= {"wave_speed_kmh": own_wave_speed_kmh(is_short=options.smoke), "estimator_error_kmh": None}
    folder = data_folder()
    if folder is None:
        print("no data beside the checkout: set PROVING_DATA to the folder that holds traffic/", file=sys.stderr)
    else:
        answer["estimator_error_kmh"] = estimator_error_kmh(folder / "i24_density_fields")
        answer |= (quick_ratios if options.smoke else driver_ratios)(folder / "openacc_zalazone")
    for name, value in answer.items():
        print(f"{name:28s} {value}")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
