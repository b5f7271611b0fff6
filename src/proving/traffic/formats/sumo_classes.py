"""SUMO's vehicle classes: which we keep lanes for, and what SUMO takes for each when nothing is said."""

from dataclasses import dataclass

from proving.traffic.formats.xml_elements import Element

# Classes of motor vehicles; a lane that none of them may use (pavements, rails, water) is left out.
ROAD_CLASSES = frozenset(
    [
        *("passenger", "private", "emergency", "authority", "army", "vip", "hov", "taxi", "bus", "coach", "delivery"),
        *("truck", "trailer", "motorcycle", "moped", "evehicle", "custom1", "custom2"),
    ]
)
# What SUMO calls a vehicle that no lane is closed to.
IGNORING = "ignoring"


@dataclass(frozen=True, kw_only=True)
class ClassDefaults:
    """What SUMO takes for a vehicle class when nothing is said (read from SUMO 1.28.0 itself)."""

    length_m: float = 5.0
    top_mps: float = 200 / 3.6
    accel_mps2: float = 2.6
    braking_mps2: float = 4.5
    hardest_mps2: float = 9.0
    speed_spread: float = 0.1


DEFAULTS: dict[str, ClassDefaults] = {
    **{name: ClassDefaults() for name in ROAD_CLASSES},
    **{name: ClassDefaults(speed_spread=0.0) for name in ("authority", "army", IGNORING)},
    "emergency": ClassDefaults(length_m=6.5, speed_spread=0.0),
    "taxi": ClassDefaults(speed_spread=0.05),
    "delivery": ClassDefaults(length_m=6.5, speed_spread=0.05),
    "bus": ClassDefaults(
        length_m=12.0, top_mps=100 / 3.6, accel_mps2=1.2, braking_mps2=4.0, hardest_mps2=7.0, speed_spread=0.0
    ),
    "coach": ClassDefaults(
        length_m=14.0, top_mps=100 / 3.6, accel_mps2=2.0, braking_mps2=4.0, hardest_mps2=7.0, speed_spread=0.05
    ),
    "truck": ClassDefaults(
        length_m=7.1, top_mps=130 / 3.6, accel_mps2=1.3, braking_mps2=4.0, hardest_mps2=7.0, speed_spread=0.05
    ),
    "trailer": ClassDefaults(
        length_m=16.5, top_mps=130 / 3.6, accel_mps2=1.1, braking_mps2=4.0, hardest_mps2=7.0, speed_spread=0.05
    ),
    "motorcycle": ClassDefaults(length_m=2.2, accel_mps2=6.0, braking_mps2=10.0, hardest_mps2=10.0),
    "moped": ClassDefaults(
        length_m=2.1, top_mps=60 / 3.6, accel_mps2=1.1, braking_mps2=7.0, hardest_mps2=10.0, speed_spread=0.1
    ),
}


def open_to(lane: Element) -> frozenset[str] | None:
    """Return which classes may use a SUMO lane, empty for all; None where no vehicle that we keep may."""
    allow = lane.attributes.get("allow")
    if allow is not None and "all" not in allow.split():
        classes = frozenset(allow.split()) & ROAD_CLASSES
    else:
        disallow = frozenset(lane.words("disallow"))
        classes = frozenset[str]() if "all" in disallow else ROAD_CLASSES - disallow
    if not classes:
        return None
    return frozenset() if classes == ROAD_CLASSES else classes | {IGNORING}
