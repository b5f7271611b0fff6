"""What moves in a picture of traffic: who was where and how fast, moment after moment, and what signals showed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from proving.traffic.watching.scene import Scene

NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A vehicle type as it is drawn.

    Attributes:
        name: of the type.
        length_m: from bumper to bumper.
        width_m: from side to side.
        is_automated: a controller drives.
    """

    name: str
    length_m: float = 5.0
    width_m: float = 1.9
    is_automated: bool = False


@dataclass(frozen=True, eq=False)
class Travellers:
    """Who is seen; a trip is known by its number.

    Attributes:
        names: of the trips.
        kind: index in `kinds` of each trip.
        kinds: the vehicle types.
        route: gives a trip's edges, as indices of the scene's edge names; empty where none is known.
    """

    names: Sequence[str]
    kind: Int[np.ndarray, " trip"]
    kinds: tuple[Kind, ...]
    route: Callable[[int], Sequence[int]]


@dataclass(frozen=True, eq=False)
class Moments:
    """Consecutive moments.

    Attributes:
        trip: who; `NOBODY` where a place is empty.
        lane: on which of the scene's lanes.
        position_m: front bumper, from the lane's start.
        speed_mps: how fast.
        phase: of every signal.
    """

    trip: Int[np.ndarray, "moment place"]
    lane: Int[np.ndarray, "moment place"]
    position_m: Float[np.ndarray, "moment place"]
    speed_mps: Float[np.ndarray, "moment place"]
    phase: Int[np.ndarray, "moment signal"]

    def __len__(self) -> int:
        """Return how many moments there are."""
        return len(self.trip)

    def part(self, first: int, end: int) -> "Moments":
        """Return the moments from `first` up to `end`."""
        return Moments(*(each[first:end] for each in self._columns()))

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.trip, self.lane, self.position_m, self.speed_mps, self.phase


@dataclass(frozen=True, eq=False)
class Show:
    """A run that can be watched.

    Attributes:
        scene: where.
        travellers: who.
        moment_s: time from one moment to the next.
        start_s: time of the first.
        moment_count: how many there are in all.
        moments: runs it from the start, and yields moments as they come, any number at a time.
    """

    scene: Scene
    travellers: Travellers
    moment_s: float
    start_s: float
    moment_count: int
    moments: Callable[[], Iterator[Moments]]


def joined(parts: Sequence[Moments]) -> Moments:
    """Return moments one after the other; places are filled up where parts have fewer."""
    width = max(part.trip.shape[1] for part in parts)

    def filled(name: str, empty: int) -> np.ndarray:
        columns = [getattr(part, name) for part in parts]
        return np.concatenate(
            [np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=empty) for one in columns]
        )

    return Moments(
        trip=filled("trip", NOBODY),
        lane=filled("lane", 0),
        position_m=filled("position_m", 0),
        speed_mps=filled("speed_mps", 0),
        phase=np.concatenate([part.phase for part in parts]),
    )


def regrouped(moments: Iterator[Moments], interval_count: int) -> Iterator[Moments]:
    """Yield the same moments in groups of `interval_count` + 1, each beginning with the last of the group before."""
    held: list[Moments] = []
    is_first = True
    for more in moments:
        held.append(more)
        if sum(map(len, held)) <= interval_count:
            continue
        together, at = joined(held), 0
        while len(together) - at > interval_count:
            yield together.part(at, at + interval_count + 1)
            at += interval_count
        held, is_first = [together.part(at, len(together))], False
    if held and (is_first or sum(map(len, held)) > 1):
        yield joined(held)
