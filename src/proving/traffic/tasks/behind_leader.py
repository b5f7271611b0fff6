"""A short platoon behind a leader that replays pieces of measured drives: the road of CIRCLES' training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from proving.traffic.errors import BadSettings
from proving.traffic.noise import uniform
from proving.traffic.state import Head, HumanDriver
from proving.traffic.tasks.people import People
from proving.traffic.worlds import HIGHWAY_IDM, LeaderDrive

STREAM_PIECE = 103


@dataclass(frozen=True, eq=False)
class Pieces:
    """Speed profiles in steps of the engine, one after the other, and where a piece may begin.

    Compared by identity: it is too large to be compiled for as a value.

    Attributes:
        speed_mps: all profiles, joined.
        starts: indices at which a whole piece fits before its profile ends.
    """

    speed_mps: Float[np.ndarray, " sample"]
    starts: Int[np.ndarray, " start"]

    @cached_property
    def moved_m(self) -> Float[np.ndarray, " sample"]:
        """Return how far the leader moves in the step that begins at each sample, per second of step."""
        return 0.5 * (self.speed_mps + np.append(self.speed_mps[1:], self.speed_mps[-1]))


def pieces_of(
    drives: Sequence[LeaderDrive], duration_s: float, dt_s: float = 0.1, slower_mps: float = math.inf
) -> Pieces:
    """Return the pieces of this length in these drives.

    Args:
        drives: the measured drives.
        duration_s: length of a piece.
        dt_s: step of the engine.
        slower_mps: only pieces whose mean speed is below this.

    Raises:
        BadSettings: no drive has such a piece.
    """
    need = round(duration_s / dt_s) + 1
    speeds: list[np.ndarray] = []
    starts: list[np.ndarray] = []
    joined = 0
    for drive in drives:
        count = math.floor(drive.duration_s / dt_s + 1e-9) + 1
        speed = np.interp(drive.time_s[0] + dt_s * np.arange(count), drive.time_s, drive.speed_mps)
        places = np.arange(max(count - need + 1, 0))
        if len(places):
            sums = np.concatenate([[0.0], np.cumsum(speed)])
            places = places[(sums[places + need] - sums[places]) / need < slower_mps]
        starts.append(places + joined)
        speeds.append(speed)
        joined += count
    if not sum(map(len, starts)):
        raise BadSettings(f"no drive has a piece of {duration_s} s slower than {slower_mps} m/s")
    return Pieces(np.concatenate(speeds).astype(np.float32), np.concatenate(starts).astype(np.int32))


@dataclass(frozen=True, kw_only=True)
class LeaderRoad:
    """Followers in one lane behind a replayed leader; each episode is another piece of the drives.

    Attributes:
        pieces: what the leader replays.
        vehicle_count: followers; the first is automated.
        first_gap_m: every net gap at the start.
        vehicle_length_m: length of every vehicle.
        limit_mps: speed limit.
        driver: the human law; or `People`, of whom each world draws its own.
        dt_s: step of the engine.
    """

    kind: ClassVar[Literal["behind_leader"]] = "behind_leader"
    pieces: Pieces
    vehicle_count: int = 6
    first_gap_m: float = 20.0
    vehicle_length_m: float = 5.0
    limit_mps: float = 45.0
    driver: HumanDriver | People = field(default_factory=lambda: HIGHWAY_IDM)
    dt_s: float = 0.1

    def __post_init__(self) -> None:
        if self.vehicle_count < 1 or not self.first_gap_m > 0:
            raise BadSettings("vehicle_count must be at least 1 and first_gap_m above 0")

    @property
    def automated_slots(self) -> tuple[int, ...]:
        """Return that the first follower is automated."""
        return (0,)

    @property
    def automated_count(self) -> int:
        """Return 1."""
        return 1

    def start(self, seed: UInt32[Array, " world"]) -> Int[Array, " world"]:
        """Return where each world's piece begins."""
        zero = jnp.zeros(seed.shape, dtype=jnp.int32)
        starts = jnp.asarray(self.pieces.starts)
        return starts[(uniform(seed, STREAM_PIECE, zero, zero) * len(self.pieces.starts)).astype(jnp.int32)]

    def head(self, sample: Int[Array, " world"]) -> Head:
        """Return the leader during the step that begins at these samples."""
        speed, moved = jnp.asarray(self.pieces.speed_mps), jnp.asarray(self.pieces.moved_m)
        return Head(speed[sample], moved[sample] * self.dt_s)
