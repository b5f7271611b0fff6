"""The ring task in SUMO: our laws, controllers and policies decide, and SUMO moves the vehicles and says who is ahead.

The same people with the same noise, the same sensors and the same controller as in `simulate.ring`, so what comes out
differently is the simulator's doing. SUMO needs a process of its own (`driven_ring`).
"""

import dataclasses
import pickle
import tempfile
from pathlib import Path

import numpy as np

from proving.traffic.formats import write_sumo
from proving.traffic.network.demand import Demand
from proving.traffic.roads import Ring as RingMap
from proving.traffic.state import Driver
from proving.traffic.sumo.beside import check_installed, in_its_process
from proving.traffic.trajectories import Trajectories
from proving.traffic.worlds import Ring


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What the other process is asked for.

    Attributes:
        settings: the ring and its vehicles.
        seed: of everything that happens by chance.
        automated: what drives instead of the controller that the settings name; None: that one.
        net: the ring's .net.xml.
    """

    settings: Ring
    seed: int
    automated: Driver | None
    net: Path


def ring_in_sumo(settings: Ring, seed: int, automated: Driver | None = None) -> Trajectories:
    """Return a run on the ring as SUMO moves it; otherwise as `simulate.ring`.

    Raises:
        BadSettings: SUMO is not installed.
        BadNetwork: SUMO refuses it, or vehicles collide there.
    """
    check_installed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        *_, net = write_sumo(RingMap(length_m=settings.length_m).road_map(), Demand(), folder)
        asked, answer = folder / "asked", folder / "answer.npz"
        asked.write_bytes(pickle.dumps(Asked(settings=settings, seed=seed, automated=automated, net=net)))
        in_its_process("proving.traffic.sumo.driven_ring", [str(asked), str(answer)], answer, "the ring in SUMO")
        with np.load(answer) as found:
            return _trajectories(settings, dict(found))


def _trajectories(settings: Ring, found: dict[str, np.ndarray]) -> Trajectories:
    speed_mps = found["speed_mps"]
    step_count, vehicle_count = len(speed_mps) - 1, speed_mps.shape[1]
    return Trajectories(
        time_s=settings.dt_s * np.arange(step_count),
        position_m=found["position_m"][:-1],
        speed_mps=speed_mps[:-1],
        accel_mps2=np.diff(speed_mps, axis=0) / settings.dt_s,
        gap_m=found["gap_m"][:-1],
        lane=np.zeros((step_count, vehicle_count), dtype=np.int16),
        is_present=np.ones((step_count, vehicle_count), dtype=bool),
        is_automated=found["is_automated"],
        is_replayed=np.zeros(vehicle_count, dtype=bool),
        vehicle_length_m=settings.vehicle_length_m,
        road_length_m=settings.length_m,
        lane_count=1,
        dt_s=settings.dt_s,
    )
