"""On networks laws may look behind, remember, and know how fast all are on average: each world for itself."""

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.drivers import Bcm, Lacc, NonLocalFollowerStopper
from proving.traffic.network import Demand, Flow, Trip, VehicleType
from proving.traffic.network.driving import lawful_mps2, with_company
from proving.traffic.network.places import places
from proving.traffic.network.simulate import Run, prepared, prepared_together
from proving.traffic.sensing import Delayed
from proving.traffic.state import FREE_GAP_M, View

from .small_networks import crossing, straight

PEOPLE = (VehicleType(name="bcm", driver=Bcm()), VehicleType(name="late", driver=Delayed(law=Lacc(), step_count=3)))
FLOWS = tuple(Flow(name=kind.name, route=("ab",), veh_per_h=100.0, type=kind.name) for kind in PEOPLE)
RUN = Run(duration_s=10, capacity=16, controller=NonLocalFollowerStopper())
# Where they are and how fast: two worlds of one lane, the front first, and who they are.
POSITION_M = np.array([80.0, 60.0, 45.0, 90.0, 30.0])
SPEED_MPS = np.array([10.0, 8.0, 12.0, 6.0, 2.0])
WORLD = np.array([0, 0, 0, 1, 1])


def test_everybody_sees_who_is_behind_in_the_lane_and_the_mean_of_its_own_world() -> None:
    together = prepared_together(straight(), Demand(types=PEOPLE, flows=FLOWS), RUN, (1, 2))
    world, state = jax.tree.map(jnp.asarray, (together.world, together.state))
    count, lanes = len(POSITION_M), len(world.network.lanes.length_m)
    first_trip = np.flatnonzero(np.diff(np.asarray(world.trips.world), prepend=-1))[:2]
    vehicles = state.vehicles._replace(
        lane=state.vehicles.lane.at[:count].set(WORLD).at[count:].set(lanes - 1),
        position_m=state.vehicles.position_m.at[:count].set(POSITION_M),
        speed_mps=state.vehicles.speed_mps.at[:count].set(SPEED_MPS),
        trip=state.vehicles.trip.at[:count].set(first_trip[WORLD]),
    )
    nothing = jnp.zeros_like(vehicles.speed_mps)
    view = View(vehicles.speed_mps, nothing + FREE_GAP_M, nothing, nothing + 14.0, 0.5)
    seen = with_company(world, vehicles, places(world, vehicles), view, nothing > 0)
    assert seen.mean_speed_mps is not None
    assert seen.follower_gap_m is not None
    assert seen.follower_speed_mps is not None
    np.testing.assert_allclose(seen.mean_speed_mps[:count], [10.0, 10.0, 10.0, 4.0, 4.0])
    np.testing.assert_allclose(seen.follower_gap_m[:count], [15.0, 10.0, FREE_GAP_M, 55.0, FREE_GAP_M])
    np.testing.assert_allclose(seen.follower_speed_mps[:count], [8.0, 12.0, 12.0, 2.0, 2.0])


def test_the_last_in_a_lane_sees_who_comes_across_the_junction_but_not_who_is_held_before_it() -> None:
    placed = {"depart_s": 0, "depart_lane": 0}
    trips = (
        Trip(name="before", type="bcm", route=("in_major", "out_major"), **placed, depart_m=190.0, depart_speed=7.0),
        Trip(name="behind", type="bcm", route=("out_major",), **placed, depart_m=10.0, depart_speed=9.0),
    )
    world, state, names = prepared(crossing(), Demand(types=PEOPLE, trips=trips), RUN, 1)
    world, vehicles = jax.tree.map(jnp.asarray, (world, state.vehicles))
    last, comes = (
        int(np.flatnonzero(np.asarray(vehicles.trip) == names.index(name))[0]) for name in ("behind", "before")
    )
    nothing = jnp.zeros_like(vehicles.speed_mps)
    view = View(vehicles.speed_mps, nothing + FREE_GAP_M, nothing, nothing + 14.0, 0.5)
    for is_held, gap_m, speed_mps in ((False, 10.0 + 12.0 + 5.0, 7.0), (True, FREE_GAP_M, 9.0)):
        is_line = (nothing > 0).at[comes].set(is_held)
        seen = with_company(world, vehicles, places(world, vehicles), view, is_line)
        assert seen.follower_gap_m is not None
        assert seen.follower_speed_mps is not None
        np.testing.assert_allclose(seen.follower_gap_m[last], gap_m)
        np.testing.assert_allclose(seen.follower_speed_mps[last], speed_mps)
        assert float(seen.follower_gap_m[comes]) == FREE_GAP_M


def test_who_is_late_acts_on_what_was_there_first_until_it_has_seen_something_later() -> None:
    together = prepared_together(straight(), Demand(types=PEOPLE, flows=FLOWS), RUN, (1,))
    world, state = jax.tree.map(jnp.asarray, (together.world, together.state))
    vehicles = state.vehicles._replace(kind=jnp.ones_like(state.vehicles.kind))
    speed = jnp.full_like(vehicles.speed_mps, 10.0)
    wishes = []
    for gap_m in (14.0, 8.0, 8.0, 8.0, 8.0):
        view = View(speed, jnp.full_like(speed, gap_m), speed, jnp.full_like(speed, 30.0), 0.5)
        accel_mps2, habits = lawful_mps2(world, vehicles, view)
        vehicles = vehicles._replace(habits=habits)
        wishes.append(float(accel_mps2[0]))
    assert wishes[:4] == [0.0] * 4, "14 m is what the law wants at 10 m/s"
    assert wishes[4] < -1
