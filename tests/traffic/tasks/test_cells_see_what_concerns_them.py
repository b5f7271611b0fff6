"""Cells before a bottleneck see their own branch of it: whether it is crowded, and who comes out of a jam."""

import jax.numpy as jnp
import numpy as np

from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.tasks.on_networks.bottleneck import CELL
from proving.traffic.tasks.on_networks.moment import moment_of
from proving.traffic.tasks.on_networks.told import Said

# Two branches: edges 1 to 3 have eight lanes, edge 4 four, edge 5 two.
TASK = NETWORK_TASKS["bottleneck2_by_cell"]
FIRST_OF_4, FIRST_OF_5 = 24, 28


def seen(lanes: dict[int, tuple[int, float]]) -> dict[str, np.ndarray]:
    """Return what the cells see where so many vehicles of this speed are in each of these lanes: [branch], the same."""
    built, vehicles = TASK.built, TASK.built.state.vehicles
    lane = np.full_like(vehicles.lane, built.edge.shape[0] - 1)
    speed, position = np.zeros_like(vehicles.speed_mps), np.zeros_like(vehicles.position_m)
    place = 0
    for where, (count, speed_mps) in lanes.items():
        here = slice(place, place + count)
        lane[here], speed[here], position[here] = where, speed_mps, 10.0 * np.arange(count)
        place += count
    traffic = built.state._replace(vehicles=vehicles._replace(lane=lane, speed_mps=speed, position_m=position))
    nothing, said = jnp.zeros(0, dtype=jnp.int32), jnp.full(lane.shape, jnp.nan)
    last = (jnp.zeros(TASK.action_count), jnp.zeros(10, dtype=jnp.int32), jnp.asarray(0), 5.0)
    found = np.asarray(CELL.read(moment_of(built, traffic, Said(said, said, said), nothing, last)))
    each = {name: row.reshape(4, 2, 4) for name, row in zip(CELL.names, found, strict=True)}
    shared = {name: each[name] for name in CELL.names if "edge" in name}
    assert all((row == row[:1, :, :1]).all() for row in shared.values())
    return {name: row[0, :, 0] for name, row in shared.items()}


def test_on_an_empty_road_nothing_is_crowded_and_nobody_comes_out_of_a_jam() -> None:
    now = seen({})
    assert not now["crowd_edge_4"].any()
    assert not now["lag_edge_5"].any()
    np.testing.assert_allclose(now["mean_speed_edge_4"], 23 / 20, rtol=1e-6)


def test_what_jams_in_one_branch_concerns_the_other_not() -> None:
    now = seen({FIRST_OF_4: (12, 2.0), FIRST_OF_5: (3, 7.0), FIRST_OF_5 + 1: (3, 20.0)})
    assert now["crowd_edge_4"][0] > 0.15
    assert now["crowd_edge_4"][1] == 0
    np.testing.assert_allclose(now["lag_edge_5"], [0.5, 0])


def test_many_who_are_fast_are_no_crowd_and_neither_are_a_few_who_are_slow() -> None:
    for count, speed_mps in ((20, 23.0), (8, 0.0)):
        assert seen({FIRST_OF_4: (count, speed_mps)})["crowd_edge_4"][0] < 1e-6
