"""What is seen of everybody through sensors with flaws: where they seem to be, how fast, and how long ago that was."""

import jax.numpy as jnp
from jaxtyping import Array, UInt32

from proving.traffic.noise import Draws
from proving.traffic.sensing import Sensing
from proving.traffic.streams import STREAM_SEEN_AGE, STREAM_SEEN_PLACE, STREAM_SEEN_SPEED
from proving.traffic.tasks.on_networks.moment import NetworkMoment

# No number that is drawn is nearer to 0 than this, save 0 itself.
LEAST_DRAWN = 2.0**-24


def as_sensed(now: NetworkMoment, sensing: Sensing, seed: UInt32[Array, ""]) -> NetworkMoment:
    """Return the moment as whoever looks at others gets it; what a vehicle knows of itself stays exact.

    Every vehicle seems further along its lane by the gap's bias and noise, and as much faster as leaders do. What is
    seen is `latency_s` old and, where measurements were lost one after the other, older by the time of so many; until
    then a vehicle is taken to have driven at the speed that it has now. Where lanes end nobody is put onto another.
    """
    vehicles, dt_s = now.traffic.vehicles, now.built.world.dt_s
    chance = Draws(seed, vehicles.trip, now.traffic.step)
    drawn = jnp.maximum(chance.uniform(STREAM_SEEN_AGE), LEAST_DRAWN)
    # n measurements in a row are lost with the n-th power of the probability that one is.
    lost = jnp.floor(jnp.log(drawn) / jnp.log(jnp.asarray(sensing.dropout_share, dtype=drawn.dtype)))
    age_s = sensing.latency_s + dt_s / sensing.per_step(dt_s, jnp) * lost
    off_m = sensing.gap_bias_m + sensing.gap_noise_m * chance.normal(STREAM_SEEN_PLACE) - age_s * vehicles.speed_mps
    error_mps = sensing.speed_bias_mps + sensing.speed_noise_mps * chance.normal(STREAM_SEEN_SPEED)
    seems = vehicles._replace(
        position_m=vehicles.position_m + jnp.where(now.is_there, off_m, 0),
        speed_mps=jnp.where(now.is_there, jnp.maximum(vehicles.speed_mps + error_mps, 0), vehicles.speed_mps),
    )
    return now._replace(traffic=now.traffic._replace(vehicles=seems), along_m=now.along_m + off_m)
