"""Who decides on a network, and what a decision means: vehicles accelerate, cells set speeds, signals switch."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.state import State, Vehicles
from proving.traffic.tasks.on_networks.cells import Pieces, cell_at, cells_of
from proving.traffic.tasks.on_networks.told import Manner, Said
from proving.traffic.tasks.on_networks.traffic import Built

# How an automated vehicle follows below the speed that it says: as near as half a second, which its reaction allows.
QUICK = Idm(headway_s=0.5, accel_mps2=3.0, comfortable_mps2=3.0, noise_intensity=0.0)
# The set speed that a cell may ask for, m/s; FLOW's.
SLOWEST_MPS, FASTEST_MPS = 0.01, 23.0

Slots: TypeAlias = Int[Array, " agent"]


class Orders(NamedTuple):
    """What a decision comes to.

    Attributes:
        wish: what each vehicle is told (NaN: nothing).
        next_phase: which signals go on.
        side: to which lane each slot's vehicle shall go: 1 left, -1 right, 0 nowhere, NaN: as it likes.
    """

    wish: Float[Array, " place"] | None = None
    next_phase: Bool[Array, " signal"] | None = None
    side: Float[Array, " agent"] | None = None


class Actors(Protocol):
    """Who decides."""

    @property
    def manner(self) -> Manner | None:
        """Return what vehicles are told; None: nothing."""
        ...

    @property
    def slot_count(self) -> int:
        """Return how many vehicles may decide at the same time; 0 where vehicles do not."""
        ...

    @property
    def width(self) -> int:
        """Return how many numbers one of them says."""
        ...

    def names(self, road_map: RoadMap) -> tuple[str, ...]:
        """Return one name per number of an action."""
        ...

    def orders(self, built: Built, traffic: State, said: Said, slots: Slots, action: Float[Array, " action"]) -> Orders:
        """Return what this action comes to."""
        ...


@dataclass(frozen=True, kw_only=True)
class AutomatedVehicles:
    """Automated vehicles, each of which says how it drives; who finds no slot drives like people.

    Attributes:
        slot_count: how many may decide at the same time, those that came first.
        manner: whether they say an acceleration or a speed that they do not want to exceed.
        keeps_slots: a vehicle stays in its slot until it leaves; else the slots are always in the order in which
            vehicles came, as in FLOW.
        lane_from: above 0 each says a second number: from this on it asks for the lane to the left, from minus this
            on for the lane to the right, and else it stays; 0: it changes lane as people do.
    """

    slot_count: int
    manner: Manner = "accel"
    keeps_slots: bool = True
    lane_from: float = 0.0

    def __post_init__(self) -> None:
        if self.slot_count < 1:
            raise BadSettings(f"slot_count must be at least 1, not {self.slot_count}")
        if not 0 <= self.lane_from < math.inf:
            raise BadSettings(f"lane_from must be 0 or more and finite, not {self.lane_from}")

    @property
    def width(self) -> int:
        """Return 1, or 2 where they choose their lanes."""
        return 2 if self.lane_from else 1

    def names(self, road_map: RoadMap) -> tuple[str, ...]:
        """Return the slots, with what is said where that is more than one number."""
        if not self.lane_from:
            return tuple(f"vehicle_{slot}" for slot in range(self.slot_count))
        return tuple(f"vehicle_{slot}_{what}" for slot in range(self.slot_count) for what in (self.manner, "lane"))

    def orders(self, built: Built, traffic: State, said: Said, slots: Slots, action: Float[Array, " action"]) -> Orders:
        """Return each vehicle's acceleration or set speed, and its lane where that is said as well."""
        said_of_each = action.reshape(self.slot_count, self.width)
        side = None
        if self.lane_from:
            lane = said_of_each[:, 1]
            side = jnp.where(jnp.abs(lane) >= self.lane_from, jnp.sign(lane), 0 * lane)
        return Orders(wish=at_places(slots, traffic.vehicles.trip, said_of_each[:, 0]), side=side)


@dataclass(frozen=True, kw_only=True)
class RoadCells:
    """Cells of the road, each of which sets the speed of the automated vehicles in it.

    Attributes:
        pieces: edges and how many pieces each is cut into.
        is_change: an action is added to a vehicle's own set speed, as in FLOW; else it is the natural logarithm of the
            set speed in m/s: from 1 to 2 m/s matters as much as from 10 to 20. A change stays, a speed holds for as
            long as one is in the cell at a decision.
        slowest_mps: per edge of `pieces` what its cells ask for at least; none: next to nothing.
    """

    pieces: Pieces
    is_change: bool = True
    slowest_mps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.slowest_mps and len(self.slowest_mps) != len(self.pieces):
            raise BadSettings(f"slowest_mps must be one for each of {len(self.pieces)} edges, not {self.slowest_mps}")
        if not all(0 < one <= FASTEST_MPS for one in self.slowest_mps):
            raise BadSettings(f"slowest_mps must be above 0 and at most {FASTEST_MPS:g}, not {self.slowest_mps}")

    @property
    def manner(self) -> Manner | None:
        """Return that vehicles are told a speed."""
        return "set_speed"

    @property
    def slot_count(self) -> int:
        """Return 0: no vehicle decides."""
        return 0

    @property
    def width(self) -> int:
        """Return 1."""
        return 1

    def names(self, road_map: RoadMap) -> tuple[str, ...]:
        """Return the cells."""
        return cells_of(road_map, self.pieces).names

    def orders(self, built: Built, traffic: State, said: Said, slots: Slots, action: Float[Array, " action"]) -> Orders:
        """Return every vehicle's set speed."""
        vehicles = traffic.vehicles
        cells = cells_of(built.road_map, self.pieces)
        cell = cell_at(cells, vehicles.lane, vehicles.position_m)
        asked = jnp.append(action, 0.0)[cell]
        old_mps = jnp.where(jnp.isnan(said.wish), FASTEST_MPS, said.wish)
        # Cells come edge after edge; the last is nowhere.
        slowest_mps = self.slowest_mps or (SLOWEST_MPS,) * len(self.pieces)
        counts = [count * len(built.road_map.edge(name).lanes) for name, count in self.pieces]
        least_mps = jnp.asarray(np.append(np.repeat(slowest_mps, counts), SLOWEST_MPS), dtype=asked.dtype)[cell]
        set_mps = jnp.clip(old_mps + asked if self.is_change else jnp.exp(asked), least_mps, FASTEST_MPS)
        # An action that is no number says nothing: the road is left to people.
        is_silent = (cell == cells.count) | jnp.isnan(asked)
        return Orders(wish=jnp.where(is_silent, said.wish if self.is_change else jnp.nan, set_mps))


@dataclass(frozen=True)
class SwitchedSignals:
    """Signals, each of which goes on to its next phase where its number is above 0; yellow takes its own time."""

    @property
    def manner(self) -> Manner | None:
        """Return that vehicles are told nothing."""
        return None

    @property
    def slot_count(self) -> int:
        """Return 0: no vehicle decides."""
        return 0

    @property
    def width(self) -> int:
        """Return 1."""
        return 1

    def names(self, road_map: RoadMap) -> tuple[str, ...]:
        """Return the signals."""
        return tuple(signal.name for signal in road_map.signals)

    def orders(self, built: Built, traffic: State, said: Said, slots: Slots, action: Float[Array, " action"]) -> Orders:
        """Return which signals go on; the last of them is "none"."""
        return Orders(next_phase=jnp.append(action > 0, False))


def at_places(slots: Slots, trip: Int[Array, " place"], values: Float[Array, " agent"]) -> Float[Array, " place"]:
    """Return each agent's value at the place of its vehicle, NaN elsewhere."""
    is_mine = (slots[:, None] == trip[None, :]) & (slots >= 0)[:, None]
    return jnp.where(is_mine.any(axis=0), jnp.sum(jnp.where(is_mine, values[:, None], 0), axis=0), jnp.nan)


def slots_after(built: Built, slots: Slots, vehicles: Vehicles, *, keeps: bool) -> Slots:
    """Return the trip in every slot: who is gone makes room for whoever came first and has none."""
    trip, nobody = vehicles.trip, built.is_automated.shape[0] - 1
    is_asking = jnp.asarray(built.is_automated)[trip] & (trip < nobody)
    held = jnp.full_like(slots, -1)
    if keeps:
        is_mine = (slots[:, None] == trip[None, :]) & is_asking[None, :]
        held = jnp.where(is_mine.any(axis=1), slots, -1)
        is_asking = is_asking & ~is_mine.any(axis=0)
    # Trips are numbered by when they begin, source by source.
    waiting = jnp.sort(jnp.where(is_asking, trip, nobody))
    is_free = held < 0
    turn = jnp.minimum(jnp.cumsum(is_free) - 1, waiting.shape[0] - 1)
    coming = waiting[jnp.maximum(turn, 0)]
    return jnp.where(is_free, jnp.where(coming < nobody, coming, -1), held)
