"""What plan nodes say, as the engine reads it: one row per node, so that all it says lies in one place of the memory.

Where many vehicles have routes of their own their nodes are far more than a cache holds; a row costs one wait for the
memory however much of it is read, and the row of the next node of a route lies beside it.
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.errors import Overflow
from proving.traffic.network.looked_up import looked_up
from proving.traffic.network.plans import Guidance

Array: TypeAlias = Any

# Columns of a row: the next node, the first lane of the edge, and then for each of its lanes three more.
AFTER, FIRST_LANE, LANES = range(3)
# For each lane: the connection to take, how many lanes to the left the best one is, and how far the lane leads, whose
# bits are kept as those of a whole number of the same width.
WAY, OFFSET, REACH, LANE_COLUMNS = range(4)
BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}
FLOATS = {np.dtype(np.int32): np.float32, np.dtype(np.int64): np.float64}


# Where edges have no more lanes than this a node's whole row is read at once.
FEW_LANES = 3


class LaneAdvice(NamedTuple):
    """What nodes say about lanes: the next node, the connection, how far to the left to go, how far the lane leads."""

    after: Array
    way: Array
    offset: Array
    reach_m: Array


class Plans(NamedTuple):
    """`plans.Guidance` in rows [node, column], the last one for nobody; indices are known to be there."""

    row: Array

    @property
    def nobody(self) -> int:
        """Return the last node: nobody's, and what comes after the last of a route."""
        return int(self.row.shape[0]) - 1

    @property
    def lane_count(self) -> int:
        """Return how many lanes every node says something about; edges may have fewer."""
        return (int(self.row.shape[1]) - LANES) // LANE_COLUMNS

    def after(self, node: Array) -> Array:
        """Return the nodes that come next."""
        return self._number(node, AFTER)

    def first_lane(self, node: Array) -> Array:
        """Return the first lanes of these nodes' edges."""
        return self._number(node, FIRST_LANE)

    def lane_index(self, node: Array, lane: Array) -> Array:
        """Return which of its edge's lanes this is for each node; of lanes of other edges the nearest one."""
        return jnp.clip(lane - self.first_lane(node), 0, self.lane_count - 1)

    def way(self, node: Array, index: Array) -> Array:
        """Return the connection to take from the lanes of these indices; none where no way leads on."""
        return self._number(node, LANES + LANE_COLUMNS * index + WAY)

    def offset(self, node: Array, index: Array) -> Array:
        """Return how many lanes to the left (negative: right) of these the best one is."""
        return self._number(node, LANES + LANE_COLUMNS * index + OFFSET)

    def reach_m(self, node: Array, index: Array) -> Array:
        """Return how far these lanes lead from their starts without a change."""
        bits = self._entry(node, LANES + LANE_COLUMNS * index + REACH)
        return jax.lax.bitcast_convert_type(bits, FLOATS[np.dtype(self.row.dtype)])

    def said(self, node: Array, lane: Array) -> "LaneAdvice":
        """Return all that these nodes say about these lanes of their edges; [node] each."""
        if self.lane_count > FEW_LANES:
            index = self.lane_index(node, lane)
            return LaneAdvice(
                self.after(node), self.way(node, index), self.offset(node, index), self.reach_m(node, index)
            )
        # Of rows so short all is read at once: one waits for the memory only once.
        row = looked_up(self.row, node)
        index = jnp.clip(lane - row[:, FIRST_LANE].astype(jnp.int32), 0, self.lane_count - 1)

        def of(column: int) -> Array:
            entry = row[:, LANES + column]
            for number in range(1, self.lane_count):
                entry = jnp.where(index == number, row[:, LANES + LANE_COLUMNS * number + column], entry)
            return entry

        reach_m = jax.lax.bitcast_convert_type(of(REACH), FLOATS[np.dtype(self.row.dtype)])
        after, way, offset = (entry.astype(jnp.int32) for entry in (row[:, AFTER], of(WAY), of(OFFSET)))
        return LaneAdvice(after, way, offset, reach_m)

    def _number(self, node: Array, column: Array | int) -> Array:
        return self._entry(node, column).astype(jnp.int32)

    def _entry(self, node: Array, column: Array | int) -> Array:
        at = node * self.row.shape[1] + column
        return looked_up(self.row.reshape(-1), at)


class Advice(NamedTuple):
    """The same in NumPy arrays by node, and by node and lane; see `plans.Guidance`."""

    after: np.ndarray
    first_lane: np.ndarray
    connection: np.ndarray
    offset: np.ndarray
    reach_m: np.ndarray


def plans_of(guidance: Guidance, first_lane: np.ndarray, dtype: str) -> Plans:
    """Return the rows of these plans, given the first lane of each edge."""
    return packed(
        Advice(
            after=guidance.after,
            first_lane=first_lane[guidance.edge],
            connection=guidance.connection,
            offset=guidance.offset,
            reach_m=guidance.reach_m.astype(dtype),
        )
    )


def packed(advice: Advice) -> Plans:
    """Return the rows that say this.

    Raises:
        Overflow: there are more than 32-bit numbers can count.
    """
    node_count, lane_count = advice.reach_m.shape
    shape = (node_count, LANES + LANE_COLUMNS * lane_count)
    if shape[0] * shape[1] >= 2**31:
        raise Overflow(f"{node_count} plan nodes of {lane_count} lanes are more than 32-bit numbers can count")
    row = np.empty(shape, dtype=BITS[advice.reach_m.dtype])
    row[:, AFTER], row[:, FIRST_LANE] = advice.after, advice.first_lane
    row[:, LANES + WAY :: LANE_COLUMNS] = advice.connection
    row[:, LANES + OFFSET :: LANE_COLUMNS] = advice.offset
    row[:, LANES + REACH :: LANE_COLUMNS] = advice.reach_m.view(row.dtype)
    return Plans(row)


def unpacked(plans: Plans) -> Advice:
    """Return what the rows say."""
    row = np.asarray(plans.row)
    return Advice(
        after=row[:, AFTER].astype(np.int32, copy=False),
        first_lane=row[:, FIRST_LANE].astype(np.int32, copy=False),
        connection=row[:, LANES + WAY :: LANE_COLUMNS].astype(np.int32, copy=False),
        offset=row[:, LANES + OFFSET :: LANE_COLUMNS].astype(np.int32, copy=False),
        reach_m=np.ascontiguousarray(row[:, LANES + REACH :: LANE_COLUMNS]).view(FLOATS[row.dtype]),
    )
