"""What automated vehicles tell one another: who hears whom, what gets lost on the way, and how late it is."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from proving.traffic.errors import BadSettings
from proving.traffic.noise import uniform

STREAM_MESSAGE = 102
# So many messages in a row may be lost before one thinks that nobody sends: more are less likely than this.
UNLIKELY_SHARE = 0.01
LONGEST_DECISIONS = 20
FIELDS = ("is_heard", "distance", "speed", "mean_speed", "leader_speed_deviation")
HEARD_NAMES = tuple(f"{side}_{name}" for side in ("ahead", "behind") for name in FIELDS)


@dataclass(frozen=True, kw_only=True)
class Messages:
    """How automated vehicles hear the next one ahead and behind; each sends once a decision.

    Attributes:
        range_m: from farther away nothing is heard.
        loss_share: probability that a message is lost; the last one is then held for `held_decisions`.
        delay_decisions: how many decisions a message takes.
    """

    range_m: float = 300.0
    loss_share: float = 0.0
    delay_decisions: int = 0

    def __post_init__(self) -> None:
        if not self.range_m > 0:
            raise BadSettings(f"range_m must be above 0, not {self.range_m}")
        if not 0 <= self.loss_share < 1:
            raise BadSettings(f"loss_share must be 0 or more and below 1, not {self.loss_share}")
        if not 0 <= self.delay_decisions <= LONGEST_DECISIONS:
            raise BadSettings(f"delay_decisions must be 0 to {LONGEST_DECISIONS}, not {self.delay_decisions}")

    @property
    def held_decisions(self) -> int:
        """Return for how many decisions the last message is held when none comes; then nobody is heard.

        Who hears nothing cannot know whether a message was lost or nobody sends any more, and thinks the first for as
        long as so many losses in a row happen at least once in a hundred times, and never for more than 20.
        """
        if self.loss_share == 0:
            return 0
        # A hair more, so that a tenth lost is two in a row in any arithmetic.
        in_a_row = math.log(UNLIKELY_SHARE) / math.log(self.loss_share) + 1e-9
        return min(int(in_a_row), LONGEST_DECISIONS)


class Mail(NamedTuple):
    """What was heard last, what is on its way, oldest first, and for how many decisions nothing has come."""

    heard: Float[Array, "field agent world"]
    under_way: tuple[Float[Array, "field agent world"], ...]
    missed: Int[Array, "side agent world"]


def first_mail(messages: Messages, agent_count: int, world_count: int) -> Mail:
    """Return silence."""
    nothing = jnp.zeros((len(HEARD_NAMES), agent_count, world_count))
    missed = jnp.zeros((2, agent_count, world_count), dtype=jnp.int32)
    return Mail(nothing, (nothing,) * messages.delay_decisions, missed)


def delivered(
    messages: Messages,
    mail: Mail,
    said: Float[Array, "said agent world"],
    place_m: tuple[Float[Array, "agent world"], Float[Array, " world"]],
    when: tuple[UInt32[Array, " world"], Int[Array, " world"]],
) -> Mail:
    """Return the mail after one more decision.

    Args:
        messages: how they hear one another.
        mail: the mail so far.
        said: own speed, own mean speed and the leader's unrest, in the units of the sight.
        place_m: where each automated vehicle is, front first, and how long the ring is.
        when: the world's seed and decision.
    """
    position_m, length_m = place_m
    sent = jnp.concatenate([_from(messages, said, position_m, length_m, side) for side in (1, -1)])
    return passed_on(messages, mail, sent, when)


def passed_on(
    messages: Messages,
    mail: Mail,
    sent: Float[Array, "field agent *world"],
    when: tuple[UInt32[Array, " *world"], Int[Array, " *world"]],
) -> Mail:
    """Return the mail after this was sent: as late as messages are, and some of it lost on the way.

    Args:
        messages: how they hear one another.
        mail: the mail so far.
        sent: what would be heard by each at once, half the fields from ahead and half from behind; the first field
            of each half says whether anything is, and all are 0 where nothing is.
        when: the world's seed and decision.
    """
    arrived, under_way = sent, mail.under_way
    if under_way:
        arrived, under_way = under_way[0], (*under_way[1:], sent)
    seed, decision = when
    agent = jnp.arange(sent.shape[1], dtype=jnp.int32).reshape(-1, *(1,) * (sent.ndim - 2))
    half = sent.shape[0] // 2
    kept = [uniform(seed, STREAM_MESSAGE, 2 * agent + side, decision) >= messages.loss_share for side in (0, 1)]
    comes = jnp.stack(kept) & (arrived[::half] > 0)
    missed = jnp.where(comes, 0, jnp.minimum(mail.missed + 1, LONGEST_DECISIONS + 1))
    held = jnp.where(jnp.repeat(missed <= messages.held_decisions, half, axis=0), mail.heard, 0)
    return Mail(jnp.where(jnp.repeat(comes, half, axis=0), arrived, held), under_way, missed)


def _from(messages: Messages, said: Array, position_m: Array, length_m: Array, side: int) -> Array:
    """Return what the next automated vehicle ahead (1) or behind (-1) says, zeros where it is out of range."""
    other_m, other = jnp.roll(position_m, side, axis=0), jnp.roll(said, side, axis=1)
    # One alone would hear itself from once around the ring.
    distance_m = jnp.mod(side * (other_m - position_m), length_m)
    is_near = (distance_m <= messages.range_m) & (position_m.shape[0] > 1)
    parts = [jnp.ones_like(distance_m), distance_m / 100, *other]
    return jnp.stack(parts) * is_near
