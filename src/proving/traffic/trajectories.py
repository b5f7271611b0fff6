"""The result of a simulation: where every vehicle was at every step, as plain NumPy arrays."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from jaxtyping import Bool, Float, Int

from proving.traffic.errors import BadSettings


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """One world's vehicles, step by step; rows where a vehicle is not present hold NaN (lane -1).

    Attributes:
        time_s: start of each step.
        position_m: front bumper, along the road. On a ring 0 to its length; behind a leader counted from where
            the leader started, so negative at first.
        speed_mps: speed at the start of the step.
        accel_mps2: change of speed over the step, divided by it.
        gap_m: net distance to the vehicle ahead; infinite where nobody is ahead, below 0 where they overlap.
        lane: lane index.
        is_present: whether the vehicle is on the road.
        is_automated: whether a controller steers it.
        is_replayed: whether it follows a recorded drive; measures leave it out.
        vehicle_length_m: length of every vehicle.
        road_length_m: length of the road; infinite behind a leader.
        lane_count: lanes of the road.
        dt_s: step.
        arrived_count: vehicles that came to the entrance of an open road.
        waiting_count: those of them still waiting there at the end.
        inside_count: those on the road at the end.
        left_count: those that have left at the end of the road.
    """

    time_s: Float[np.ndarray, " step"]
    position_m: Float[np.ndarray, "step vehicle"]
    speed_mps: Float[np.ndarray, "step vehicle"]
    accel_mps2: Float[np.ndarray, "step vehicle"]
    gap_m: Float[np.ndarray, "step vehicle"]
    lane: Int[np.ndarray, "step vehicle"]
    is_present: Bool[np.ndarray, "step vehicle"]
    is_automated: Bool[np.ndarray, " vehicle"]
    is_replayed: Bool[np.ndarray, " vehicle"]
    vehicle_length_m: float
    road_length_m: float
    lane_count: int
    dt_s: float
    arrived_count: int = 0
    waiting_count: int = 0
    inside_count: int = 0
    left_count: int = 0

    @property
    def vehicle_count(self) -> int:
        """Return how many vehicles were ever on the road."""
        return self.position_m.shape[1]

    def between(self, start_s: float, end_s: float) -> "Trajectories":
        """Return the steps that start in [start_s, end_s)."""
        kept = (self.time_s >= start_s - 1e-9) & (self.time_s < end_s - 1e-9)
        parts = {
            name: getattr(self, name)[kept]
            for name in ("time_s", "position_m", "speed_mps", "accel_mps2", "gap_m", "lane", "is_present")
        }
        return dataclasses.replace(self, **parts)

    def table(self, every: int = 1) -> pa.Table:
        """Return one row per vehicle and step (each `every`-th), ordered by time, then vehicle."""
        present = self.is_present[::every]
        step, vehicle = np.nonzero(present)
        return pa.table(
            {
                "time_s": self.time_s[::every][step],
                "vehicle": vehicle.astype(np.int32),
                "lane": self.lane[::every][present],
                "position_m": self.position_m[::every][present],
                "speed_mps": self.speed_mps[::every][present],
                "accel_mps2": self.accel_mps2[::every][present],
                "gap_m": self.gap_m[::every][present],
                "is_automated": self.is_automated[vehicle],
                "is_replayed": self.is_replayed[vehicle],
            }
        )

    def write(self, path: Path, every: int = 1) -> None:
        """Write the table as CSV (`.csv`) or Parquet (`.parquet`).

        Raises:
            BadSettings: the file name ends in neither.
        """
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(self.table(every), path)
        elif path.suffix == ".parquet":
            pyarrow.parquet.write_table(self.table(every), path)
        else:
            raise BadSettings(f"{path}: the name must end in .csv or .parquet")
