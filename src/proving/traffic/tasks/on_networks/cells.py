"""Roads cut into cells: a piece of an edge, one lane wide."""

from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from proving.traffic.errors import BadSettings
from proving.traffic.network.road_map import RoadMap

# Names of edges, and into how many pieces each is cut.
Pieces: TypeAlias = tuple[tuple[str, int], ...]


class Cells(NamedTuple):
    """Cells by edge, then piece, then lane; per lane the index of its first cell (-1: none), and the rest of it."""

    first: Int[np.ndarray, " lane"]
    piece_count: Int[np.ndarray, " lane"]
    lane_count: Int[np.ndarray, " lane"]
    length_m: Float[np.ndarray, " lane"]
    count: int
    names: tuple[str, ...]


def cells_of(road_map: RoadMap, pieces: Pieces) -> Cells:
    """Return the cells of these edges.

    Raises:
        BadNetwork: there is no such edge.
        BadSettings: an edge is cut into less than one piece.
    """
    start = np.cumsum([0, *(len(edge.lanes) for edge in road_map.edges)])
    total = int(start[-1]) + len(road_map.connections) + 1
    first, parts = np.full(total, -1, dtype=np.int32), np.ones(total, dtype=np.int32)
    widths, length_m = np.ones(total, dtype=np.int32), np.ones(total, dtype=np.float32)
    names: list[str] = []
    for name, count in pieces:
        edge = road_map.edge(name)
        if count < 1:
            raise BadSettings(f"edge {name!r} must be cut into at least 1 piece, not {count}")
        lanes = slice(start[road_map.edge_index[name]], start[road_map.edge_index[name] + 1])
        width = len(edge.lanes)
        first[lanes] = len(names) + np.arange(width)
        parts[lanes], widths[lanes], length_m[lanes] = count, width, edge.length_m
        names += [f"edge_{name}_piece_{piece}_lane_{lane}" for piece in range(count) for lane in range(width)]
    return Cells(first, parts, widths, length_m, len(names), tuple(names))


def cell_at(cells: Cells, lane: Int[Array, " place"], position_m: Float[Array, " place"]) -> Int[Array, " place"]:
    """Return the index of each vehicle's cell; the number of cells where it is in none."""
    first, parts, width, length_m = (jnp.asarray(part)[lane] for part in cells[:4])
    piece = jnp.clip((position_m / length_m * parts).astype(jnp.int32), 0, parts - 1)
    return jnp.where(first < 0, cells.count, first + piece * width)


def counted(cells: Cells, cell: Int[Array, " place"], values: Float[Array, " place"]) -> Float[Array, " cell"]:
    """Return the sum of these values in every cell."""
    return jnp.zeros(cells.count, dtype=jnp.float32).at[cell].add(values, mode="drop")
