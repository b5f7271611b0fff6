"""What vehicles give off by SUMO's emission classes (HBEFA, PHEMlight and others), computed by SUMO's own program."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from proving.traffic.errors import BadSettings
from proving.traffic.formats.netconvert import netconvert_path

# What the program says, in its order, as mass or, at the end, as energy.
EMITTED = ("co", "co2", "hc", "pmx", "nox", "fuel")
_PROGRAM = "emissionsDrivingCycle"
_HIGHEST_MPS2 = 20.0


def emitted(
    speed_mps: Float[np.ndarray, "..."],
    accel_mps2: Float[np.ndarray, "..."],
    dt_s: float,
    emission_class: str = "HBEFA4/PC_petrol_Euro-4",
) -> dict[str, float]:
    """Return kilograms of each of `EMITTED` for vehicles of a class that drove so; moments that are NaN count nothing.

    Raises:
        BadSettings: SUMO is not installed, does not know the class, or the two arrays differ in shape.
    """
    speed, accel = np.asarray(speed_mps, dtype=float), np.asarray(accel_mps2, dtype=float)
    if speed.shape != accel.shape:
        raise BadSettings(f"speeds and accelerations must have one shape, not {speed.shape} and {accel.shape}")
    is_there = ~np.isnan(speed)
    rows = np.stack([speed[is_there], np.clip(accel[is_there], -_HIGHEST_MPS2, _HIGHEST_MPS2)], axis=1)
    if not rows.size:
        return dict.fromkeys(EMITTED, 0.0)
    # The classes know no history, so all moments make one long drive of whole seconds.
    text = "".join(f"{second};{v:.6g};{a:.6g}\n" for second, (v, a) in enumerate(rows.tolist()))
    with tempfile.TemporaryDirectory() as folder:
        drive, told = Path(folder) / "drive.csv", Path(folder) / "told.csv"
        drive.write_text(text, encoding="utf-8")
        _compute(["--timeline-file", str(drive), "--emission-class", emission_class, "--output", str(told)])
        table: Any = np.loadtxt(told, delimiter=";", ndmin=2)
    # Time, speed, acceleration and slope come first; masses are in milligrams for each second.
    return {name: float(table[:, 4 + i].sum()) * dt_s / 1e6 for i, name in enumerate(EMITTED)}


def check_emission_class(name: str) -> None:
    """Raise BadSettings where SUMO is not installed or does not know the class."""
    emitted(np.zeros(1), np.zeros(1), 1.0, name)


def grams_per_veh_km(emitted_kg: Mapping[str, float], vehicle_km: float) -> dict[str, float]:
    """Return columns of a row, `co2_g_per_veh_km` and so on; 0 where nobody moved."""
    per_km = 1000 / vehicle_km if vehicle_km > 0 else 0.0
    return {f"{name}_g_per_veh_km": kg * per_km for name, kg in emitted_kg.items()}


def _compute(options: list[str]) -> None:
    near = netconvert_path()
    program = near.with_name(_PROGRAM) if near else None
    if program is None or not program.is_file():
        raise BadSettings("SUMO is not installed; it comes with: pip install 'proving[sumo]'")
    done = subprocess.run(  # noqa: S603
        [str(program), *options],
        capture_output=True,
        text=True,
        env={"SUMO_HOME": str(program.parent.parent)} | os.environ,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        raise BadSettings(f"SUMO: {lines[0] if lines else f'{_PROGRAM} ended with {done.returncode}'}")
