"""What signals do from step to step: by the clock, by who comes, or by command."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.places import Places
from proving.traffic.network.state import Lights, Vehicles, World, pick
from proving.traffic.network.tables import ACTUATED, COMMANDED, GREEN, PERMISSIVE, YELLOW

Array: TypeAlias = Any


def lights_after(
    world: World, lights: Lights, vehicles: Vehicles, here: Places, colour: Array, next_phase: Array | None
) -> Lights:
    """Return the signals one step later."""
    signals = world.network.signals
    row = signals.first_phase + lights.phase
    is_timed = signals.longest_s[row] <= signals.shortest_s[row]
    # A yellow phase goes by the clock whoever rules the signal.
    is_changing = (signals.colour[row] == YELLOW).any(axis=1)
    elapsed_s = lights.elapsed_s + world.dt_s
    is_actuated = signals.kind == ACTUATED
    # Where no signal listens to its detectors nobody looks at them.
    is_seen = jax.lax.cond(
        is_actuated.any(),
        lambda: _is_seen(world, vehicles, here, colour),
        lambda: jnp.zeros_like(is_actuated),
    )
    quiet_s = jnp.where(is_seen, 0, lights.quiet_s + world.dt_s)
    by_clock = elapsed_s >= signals.duration_s[row] - 1e-3
    is_empty = (elapsed_s >= signals.shortest_s[row]) & (quiet_s > signals.largest_gap_s)
    by_need = jnp.where(is_timed, by_clock, is_empty | (elapsed_s >= signals.longest_s[row] - 1e-3))
    commanded = jnp.zeros_like(by_clock) if next_phase is None else next_phase
    ends = jnp.where(
        is_changing,
        by_clock,
        jnp.where(is_actuated, by_need, jnp.where(signals.kind == COMMANDED, commanded, by_clock)),
    )
    phase = jnp.where(ends, (lights.phase + 1) % signals.phase_count, lights.phase)
    return Lights(phase, jnp.where(ends, 0, elapsed_s), jnp.where(ends, 0, quiet_s))


def _is_seen(world: World, vehicles: Vehicles, here: Places, colour: Array) -> Array:
    """Return per signal whether a vehicle that has green is over one of its detectors in this step."""
    connections, signals = world.network.connections, world.network.signals
    signal = pick(connections.signal, here.way)
    shown = pick(colour, here.way)
    reach_m = pick(signals.detector_m, signal) - here.rest_m
    is_over = (reach_m >= 0) & (reach_m < here.length_m + vehicles.speed_mps * world.dt_s)
    counts = here.exists & ~here.is_inside & is_over & ((shown == GREEN) | (shown == PERMISSIVE))
    seen = jnp.zeros(signals.kind.shape[0], dtype=bool)
    return seen.at[jnp.where(counts, signal, signals.kind.shape[0])].set(True, mode="drop")
