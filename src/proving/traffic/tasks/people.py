"""People who differ from world to world: law, parameters and reaction time are drawn for each world by itself."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, UInt32

from proving.traffic.drivers import BandoFtl, Idm, Ovm
from proving.traffic.errors import BadSettings
from proving.traffic.noise import uniform
from proving.traffic.sensing import Delayed
from proving.traffic.state import Array, HumanDriver, Memory, Traits, View

# Where a world's people are drawn with: this stream and the following ones, far from the engine's own.
STREAM_LAW, STREAM_REACTION, STREAM_PARAMETER = 110, 111, 120
HALVINGS = 24

Law = TypeVar("Law", Idm, BandoFtl, Ovm)


@dataclass(frozen=True, kw_only=True)
class People:
    """Who may drive on a road; each world draws one law, and every parameter between two corners.

    Attributes:
        law_shares: how often the law is IDM, Bando with follow-the-leader, OVM.
        idm: corners of IDM.
        bando_ftl: corners of Bando with follow-the-leader.
        ovm: corners of OVM.
        late_share: how often people react late.
        longest_reaction_steps: the longest reaction time of those who do, in engine steps, per law as in `law_shares`.
            Optimal velocity laws bear little: Davis (2003), Physica A 319, 557, finds that platoons of them collide
            unless people react unrealistically fast. With a second of 10 steps, people alone on rings of 200 to 300 m
            collide from 3 steps (Bando with follow-the-leader) and 2 steps (OVM) on, IDM at 6 does not.
    """

    law_shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    idm: tuple[Idm, Idm] = (
        Idm(
            desired_speed_mps=25,
            headway_s=0.8,
            accel_mps2=0.6,
            comfortable_mps2=1.2,
            min_gap_m=1.5,
            noise_intensity=0.03,
        ),
        Idm(
            desired_speed_mps=45,
            headway_s=1.7,
            accel_mps2=1.5,
            comfortable_mps2=2.2,
            min_gap_m=2.5,
            noise_intensity=0.1,
        ),
    )
    bando_ftl: tuple[BandoFtl, BandoFtl] = (
        BandoFtl(desired_speed_mps=8, gap_gain=0.4, speed_gain_m2_per_s=15, width_m=1.9, noise_intensity=0.03),
        BandoFtl(desired_speed_mps=14, gap_gain=0.7, speed_gain_m2_per_s=25, width_m=2.6, noise_intensity=0.1),
    )
    ovm: tuple[Ovm, Ovm] = (
        Ovm(desired_speed_mps=25, gap_gain=0.5, speed_gain=0.5, stop_gap_m=1.5, go_gap_m=14, noise_intensity=0.03),
        Ovm(desired_speed_mps=33, gap_gain=1.2, speed_gain=1.2, stop_gap_m=2.5, go_gap_m=35, noise_intensity=0.1),
    )
    late_share: float = 0.3
    longest_reaction_steps: tuple[int, int, int] = (6, 1, 1)

    def __post_init__(self) -> None:
        if min(self.law_shares) < 0 or abs(sum(self.law_shares) - 1) > 1e-6:
            raise BadSettings(f"law_shares must be 0 or more and sum to 1, not {self.law_shares}")
        if not 0 <= self.late_share <= 1 or min(self.longest_reaction_steps) < 1:
            raise BadSettings("late_share must be 0 to 1, each of longest_reaction_steps at least 1")

    def drawn(self, draw: UInt32[Array, " world"]) -> HumanDriver:
        """Return the people of these worlds: one law for the engine, whose parameters are arrays."""
        zero = jnp.zeros(draw.shape, dtype=jnp.int32)
        pick = uniform(draw, STREAM_LAW, zero, zero)
        first, second, _ = self.law_shares
        law = (pick >= first).astype(jnp.int32) + (pick >= first + second)
        crowd = Crowd(
            law=law,
            idm=_between(self.idm, draw),
            bando_ftl=_between(self.bando_ftl, draw),
            ovm=_between(self.ovm, draw),
        )
        late = uniform(draw, STREAM_REACTION, zero, zero)
        # The same number says whether somebody is late and, below the share, how late.
        longest = jnp.asarray(self.longest_reaction_steps)[law]
        steps = jnp.ceil(late / max(self.late_share, 1e-9) * longest).astype(jnp.int32)
        steps = jnp.where(late < self.late_share, steps, 0)
        return Delayed(law=crowd, step_count=max(self.longest_reaction_steps), late_steps=steps)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """One human law per world: all are computed, the world's own counts.

    Attributes:
        law: 0 IDM, 1 Bando with follow-the-leader, 2 OVM.
        idm: the first.
        bando_ftl: the second.
        ovm: the third.
    """

    law: Int[Array, " world"]
    idm: Idm
    bando_ftl: BandoFtl
    ovm: Ovm

    @property
    def noise_intensity(self) -> Array:
        """Return each world's own, [world]."""
        return self._own(self.idm.noise_intensity, self.bando_ftl.noise_intensity, self.ovm.noise_intensity)

    @property
    def desired_speed_mps(self) -> Array:
        """Return each world's own, [world]."""
        return self._own(self.idm.desired_speed_mps, self.bando_ftl.desired_speed_mps, self.ovm.desired_speed_mps)

    def equilibrium_gap_m(self, speed_mps: Array) -> Array:
        """Return the net gap at which this speed is kept, [world], up to 1 km."""
        zero = jnp.zeros(self.law.shape)
        low, high = zero, zero + 1000.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            is_tight = wish_at_rest_mps2(self, zero + speed_mps, middle) < 0
            low, high = jnp.where(is_tight, middle, low), jnp.where(is_tight, high, middle)
        return high

    def varied(self, traits: Traits) -> "Crowd":
        """Return the laws with each vehicle's own factors on them."""
        return dataclasses.replace(
            self, idm=self.idm.varied(traits), bando_ftl=self.bando_ftl.varied(traits), ovm=self.ovm.varied(traits)
        )

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: none of these laws remembers anything."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return what each world's own law wants, in m/s2, and the (empty) memory."""
        wishes = [law.drive(view, ())[0] for law in (self.idm, self.bando_ftl, self.ovm)]
        return self._own(*wishes), memory

    def _own(self, idm: Array, bando_ftl: Array, ovm: Array) -> Array:
        return jnp.where(self.law == 0, idm, jnp.where(self.law == 1, bando_ftl, ovm))


jax.tree_util.register_dataclass(Crowd)


def equilibrium_mps(people: HumanDriver, gap_m: Float[Array, " world"], limit_mps: float) -> Float[Array, " world"]:
    """Return the speed that people keep if every gap is this one, whatever their law; by bisection."""
    law = people.law if isinstance(people, Delayed) else people
    slow, fast = jnp.zeros_like(gap_m), jnp.full_like(gap_m, limit_mps)
    for _ in range(HALVINGS):
        middle = 0.5 * (slow + fast)
        is_slower = wish_at_rest_mps2(law, middle, gap_m) > 0
        slow, fast = jnp.where(is_slower, middle, slow), jnp.where(is_slower, fast, middle)
    return slow


def wish_at_rest_mps2(
    law: HumanDriver, speed_mps: Float[Array, " world"], gap_m: Float[Array, " world"]
) -> Float[Array, " world"]:
    """Return the acceleration that a law wants behind a leader of the same speed, were there no chance."""
    view = View(speed_mps, gap_m, speed_mps, jnp.full_like(speed_mps, 1e3), 0.1)
    return law.drive(view, law.first_memory(speed_mps))[0]


def _between(corners: tuple[Law, Law], draw: UInt32[Array, " world"]) -> Law:
    """Return the law with every number drawn evenly between the two corners, per world."""
    first, second = corners
    zero = jnp.zeros(draw.shape, dtype=jnp.int32)
    drawn = {}
    for index, part in enumerate(dataclasses.fields(first)):
        low, high = getattr(first, part.name), getattr(second, part.name)
        if isinstance(low, float | int) and low != high:
            drawn[part.name] = low + (high - low) * uniform(draw, STREAM_PARAMETER + index, zero, zero)
    return dataclasses.replace(first, **drawn)
