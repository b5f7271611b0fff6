"""Fuel laws: how much a vehicle burns at a speed and an acceleration.

They work on NumPy and on JAX arrays alike, so that a reward inside `jit` and a table of measures use one law.
"""

import difflib
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from jaxtyping import Float

from proving.traffic.errors import BadSettings

Array: TypeAlias = Any

GASOLINE_G_PER_L = 749.0
DIESEL_G_PER_L = 850.0
# Chemical power of burning gasoline at 1 g/s, and the constant share of it that the power law takes to reach the road.
GASOLINE_KW_PER_GPS = 42.36
POWER_LAW_EFFICIENCY = 0.25


class Energy(Protocol):
    """A fuel law of one vehicle class."""

    @property
    def fuel_g_per_l(self) -> float:
        """Return the density of the fuel."""
        ...

    def fuel_gps(
        self, speed_mps: Float[Array, "..."], accel_mps2: Float[Array, "..."], grade_rad: float = 0.0
    ) -> Float[Array, "..."]:
        """Return the fuel rate in g/s."""
        ...


@dataclass(frozen=True, kw_only=True)
class CirclesLaw:
    """The CIRCLES consortium's simplified fuel law, version 1.0 (2023-09-30), of one vehicle class.

    Source: CIRCLES-consortium/CIRCLES-ENERGY-MODELS at 8dd3c42; the numbers are those of
    fuel_model_<class>_simplified.m. An acceleration that the engine cannot give is lowered to what it can.

    Attributes:
        mass_kg: mass.
        idle_gps: fuel rate at rest.
        limits: b1..b6 of the largest feasible acceleration.
        cruise: c0..c3, powers of speed.
        linear: p0..p2, powers of speed, times acceleration.
        square: q0, q1, powers of speed, times acceleration squared.
        slope: z0..z2, powers of speed, times grade.
        fuel_cut: gasoline: a0..a4 of the acceleration below which fuel is cut; None for diesel.
        floor: gasoline: the speed below which fuel is never cut, and the least rate there; diesel: h0, h1 of the
            least rate, powers of speed.
    """

    mass_kg: float
    idle_gps: float
    limits: tuple[float, float, float, float, float, float]
    cruise: tuple[float, float, float, float]
    linear: tuple[float, float, float]
    square: tuple[float, float]
    slope: tuple[float, float, float]
    floor: tuple[float, float]
    fuel_cut: tuple[float, float, float, float, float] | None = None

    @property
    def fuel_g_per_l(self) -> float:
        """Return the density of the fuel."""
        return DIESEL_G_PER_L if self.fuel_cut is None else GASOLINE_G_PER_L

    def fuel_gps(
        self, speed_mps: Float[Array, "..."], accel_mps2: Float[Array, "..."], grade_rad: float = 0.0
    ) -> Float[Array, "..."]:
        """Return the fuel rate in g/s; `grade_rad` is the angle of the road, up is positive."""
        xp = speed_mps.__array_namespace__()
        v, g = xp.maximum(speed_mps, 0), grade_rad
        a = xp.minimum(accel_mps2, self.largest_accel_mps2(speed_mps, grade_rad))
        (p0, p1, p2), (q0, q1), (z0, z1, z2) = self.linear, self.square, self.slope
        per_accel, per_square = p0 + p1 * v + p2 * v**2, q0 + q1 * v
        # Braking harder than where the parabola in a is lowest burns no more; with no parabola there is no such point.
        lowest = -per_accel / (2 * xp.where(per_square > 0, per_square, 1e-12))
        c0, c1, c2, c3 = self.cruise
        fuel = c0 + c1 * v + c2 * v**2 + c3 * v**3 + per_accel * a + per_square * xp.maximum(a, lowest) ** 2
        fuel = fuel + (z0 + z1 * v + z2 * v**2) * g
        if self.fuel_cut is None:
            fuel = xp.maximum(fuel, self.floor[0] + self.floor[1] * v)
        else:
            slow_mps, least_gps = self.floor
            a0, a1, a2, a3, a4 = self.fuel_cut
            fuel = xp.maximum(fuel, xp.where(v <= slow_mps, least_gps, 0))
            is_cut = (v > slow_mps) & (a <= a0 + a1 * v + a2 * g + a3 * v**2 + a4 * v * g)
            fuel = xp.where(is_cut, 0, fuel)
        return xp.where((v < 0.1) & (xp.abs(a) < 0.01), self.idle_gps, fuel)

    def largest_accel_mps2(self, speed_mps: Float[Array, "..."], grade_rad: float = 0.0) -> Float[Array, "..."]:
        """Return the acceleration that the vehicle can give at this speed."""
        xp = speed_mps.__array_namespace__()
        v = xp.maximum(speed_mps, 0)
        b1, b2, b3, b4, b5, b6 = self.limits
        level = xp.minimum(b1, b2 / xp.maximum(v, 1e-6) - b3 * v**2)
        return level - xp.minimum(b4, b5 + b6 * v) * grade_rad


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """FLOW's power at the wheels turned into fuel: P = M v a + M g C_r v + 1/2 rho A C_a v^3, never below 0.

    Source: flow-project/flow, `rewards.energy_consumption`. Two differences: FLOW takes |a|, so that braking costs as
    much as accelerating, here a is signed; and its unit is energy, here fuel, through the heat of gasoline
    and one constant efficiency. There is no idling in this law.

    Attributes:
        mass_kg: mass M.
        rolling: rolling resistance C_r.
        drag: drag coefficient C_a.
        area_m2: frontal area A.
    """

    mass_kg: float
    rolling: float
    drag: float
    area_m2: float

    @property
    def fuel_g_per_l(self) -> float:
        """Return the density of the fuel."""
        return GASOLINE_G_PER_L

    def power_w(
        self, speed_mps: Float[Array, "..."], accel_mps2: Float[Array, "..."], grade_rad: float = 0.0
    ) -> Float[Array, "..."]:
        """Return the power at the wheels in W, 0 where the brakes take it."""
        xp = speed_mps.__array_namespace__()
        climb = self.mass_kg * 9.81 * (self.rolling + grade_rad) * speed_mps
        air = 0.5 * 1.225 * self.area_m2 * self.drag * speed_mps**3
        return xp.maximum(self.mass_kg * speed_mps * accel_mps2 + climb + air, 0)

    def fuel_gps(
        self, speed_mps: Float[Array, "..."], accel_mps2: Float[Array, "..."], grade_rad: float = 0.0
    ) -> Float[Array, "..."]:
        """Return the fuel rate in g/s."""
        power_kw = self.power_w(speed_mps, accel_mps2, grade_rad) / 1000
        return power_kw / (GASOLINE_KW_PER_GPS * POWER_LAW_EFFICIENCY)


@dataclass(frozen=True, kw_only=True)
class NoFuel:
    """What burns nothing: an electric vehicle, a bicycle."""

    @property
    def fuel_g_per_l(self) -> float:
        """Return the density of gasoline, of which it burns none."""
        return GASOLINE_G_PER_L

    def fuel_gps(
        self, speed_mps: Float[Array, "..."], accel_mps2: Float[Array, "..."], grade_rad: float = 0.0
    ) -> Float[Array, "..."]:
        """Return 0."""
        return 0 * speed_mps


ENERGY: dict[str, Energy] = {
    "Compact": CirclesLaw(
        mass_kg=1543,
        idle_gps=0.0972,
        limits=(3.3605, 41.6037, 0.00021189, 8.9362, 3.9757, 0.24476),
        cruise=(0.15918, 0.013463, 0, 3.1889e-05),
        linear=(0.047828, 0.086975, 6.825e-08),
        square=(0.0025557, 0.019099),
        slope=(0.13285, 0.77984, 0.0019733),
        floor=(5.04, 0.0972),
        fuel_cut=(-0.26981, -0.0023996, -9.0623, -0.00029215, -0.011899),
    ),
    "midBase": CirclesLaw(
        mass_kg=1743,
        idle_gps=0.1271,
        limits=(3.9218, 48.9891, 0.00013964, 8.9036, 6.1892, 0.10048),
        cruise=(0.19829, 0.021122, 0, 2.7801e-05),
        linear=(0.23956, 0.0080592, 0.0027737),
        square=(0, 0.050556),
        slope=(2.5227, 0.76464, 0.0060213),
        floor=(5.07, 0.1271),
        fuel_cut=(-0.15742, -0.00037876, -9.1124, -0.00022957, -0.011559),
    ),
    "midSUV": CirclesLaw(
        mass_kg=1897,
        idle_gps=0.1637,
        limits=(3.3377, 53.4583, 0.00023901, 9.1847, 8.1403, 0.034303),
        cruise=(0.22498, 0.021292, 0, 3.7654e-05),
        linear=(0.17419, 0.094617, 0.00071347),
        square=(0, 0.02884),
        slope=(2.3211, 0.74453, 0.013073),
        floor=(9.16, 0.1637),
        fuel_cut=(-0.26854, -0.0015267, -9.4305, -0.00032843, -0.0053817),
    ),
    "Pickup": CirclesLaw(
        mass_kg=2173,
        idle_gps=0.1999,
        limits=(3.0163, 60.3816, 0.00038328, 9.1334, 8.9129, 0.0063029),
        cruise=(0.26318, 0.023432, 0, 5.5207e-05),
        linear=(0.23805, 0.10287, 0.0012594),
        square=(0, 0.030277),
        slope=(3.766, 0.69241, 0.023785),
        floor=(11, 0.1999),
        fuel_cut=(-0.26463, -0.0013822, -9.4942, -0.00039814, -0.004408),
    ),
    "Class4PND": CirclesLaw(
        mass_kg=5943,
        idle_gps=0.1923,
        limits=(1.2639, 14.9616, 0.00049533, 9.5693, 7.5025, 0.099425),
        cruise=(0.24292, 0.03827, 0, 0.00018703),
        linear=(0.65006, 0.33381, 0.0025519),
        square=(0.36738, 0.042944),
        slope=(2.0694, 3.7719, 0),
        floor=(0, 0.031719),
    ),
    "Class8Tractor": CirclesLaw(
        mass_kg=25104,
        idle_gps=0.2384,
        limits=(2.4229, 8.4463, 0.00026269, 9.7395, 8.6171, 0.15762),
        cruise=(0.59448, 0.082609, 0, 0.00027278),
        linear=(0.20476, 1.1962, 0.019119),
        square=(0, 0.14424),
        slope=(0.88147, 11.1899, 0.18836),
        floor=(0.49109, 0.025152),
    ),
    # FLOW's one vehicle, and a heavier, squarer one of ours beside it: the mass is that of CIRCLES' Pickup, the rest
    # round numbers for such a body.
    "flow_sedan": PowerLaw(mass_kg=1200, rolling=0.005, drag=0.3, area_m2=2.6),
    "flow_pickup": PowerLaw(mass_kg=2173, rolling=0.008, drag=0.4, area_m2=3.3),
}


def energy_named(vehicle_class: str) -> Energy:
    """Return the fuel law of a vehicle class.

    Raises:
        BadSettings: there is none of that name.
    """
    if vehicle_class not in ENERGY:
        near = difflib.get_close_matches(vehicle_class, ENERGY, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(ENERGY)}"
        raise BadSettings(f"unknown vehicle class {vehicle_class!r}; {hint}")
    return ENERGY[vehicle_class]


# What heavy vehicles on a network burn by, by SUMO's classes of vehicles: the law of ours that is nearest in mass.
HEAVY = {
    **dict.fromkeys(("delivery", "bus", "coach", "truck"), "Class4PND"),
    "trailer": "Class8Tractor",
}
ELECTRIC = frozenset(["evehicle", "bicycle"])


def energy_on_network(kind: str, cars: str) -> Energy:
    """Return the fuel law of a vehicle of one of SUMO's classes, where cars (and motorcycles) burn as `cars` says.

    Raises:
        BadSettings: there is no law called `cars`.
    """
    if kind in ELECTRIC:
        return NoFuel()
    return energy_named(HEAVY.get(kind, cars))
