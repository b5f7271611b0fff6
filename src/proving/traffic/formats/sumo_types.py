"""SUMO's vehicle types (vType, vTypeDistribution) as ours."""

import hashlib
from dataclasses import dataclass, field

from proving.traffic.drivers.idm import Idm
from proving.traffic.drivers.krauss import Krauss
from proving.traffic.drivers.krauss_original import KraussOriginal
from proving.traffic.errors import BadNetwork, BadSettings
from proving.traffic.formats.sumo_classes import DEFAULTS, ClassDefaults
from proving.traffic.formats.xml_elements import Element
from proving.traffic.network import VehicleType
from proving.traffic.state import HumanDriver

DEFAULT_TYPE = "DEFAULT_VEHTYPE"


@dataclass(frozen=True, kw_only=True)
class Types:
    """All vehicle types of a demand.

    Attributes:
        seed: chooses among the members of a distribution, together with the vehicle's name.
        by_name: the types.
        distributions: members and their shares by the distribution's name.
    """

    seed: int = 0
    by_name: dict[str, VehicleType] = field(default_factory=dict)
    distributions: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    def chosen(self, user: Element, name: str) -> VehicleType:
        """Return the type that a vehicle or flow of this name is of; BadNetwork where its type is not there."""
        asked = user.text("type", DEFAULT_TYPE)
        if asked in self.distributions:
            members = self.distributions[asked]
            return self.by_name[pick(members, f"{self.seed}:{name}")]
        if asked == DEFAULT_TYPE and asked not in self.by_name:
            self.by_name[asked] = VehicleType(
                name=asked, driver=Krauss(desired_speed_mps=200 / 3.6), speed_spread=0.1, top_mps=200 / 3.6
            )
        if asked not in self.by_name:
            raise user.bad(f"is of type {asked!r}, which is not there")
        return self.by_name[asked]

    def add(self, element: Element) -> None:
        """Take over a `vType` or `vTypeDistribution`."""
        if element.tag == "vType":
            self.by_name[element.text("id")] = vehicle_type(element)
            return
        members = []
        for child in (one for one in element.children if one.tag == "vType"):
            self.by_name[child.text("id")] = vehicle_type(child)
            members.append((child.text("id"), child.number("probability", 1.0)))
        named = element.words("vTypes")
        shares = [float(one) for one in element.words("probabilities")] or [1.0] * len(named)
        if len(shares) != len(named):
            raise element.bad(f"has {len(named)} types and {len(shares)} probabilities")
        for name, share in zip(named, shares, strict=True):
            if name not in self.by_name:
                raise element.bad(f"names type {name!r}, which is not there")
            members.append((name, share))
        if not members or sum(share for _, share in members) <= 0:
            raise element.bad("has no members")
        self.distributions[element.text("id")] = members


def pick(members: list[tuple[str, float]], key: str) -> str:
    """Return a member, by its share of all; the same key gives the same one."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    left = int.from_bytes(digest) / 2**64 * sum(share for _, share in members)
    for name, share in members:
        left -= share
        if left < 0:
            return name
    return members[-1][0]


def vehicle_type(element: Element) -> VehicleType:
    """Return the type; BadNetwork names file and line where a value is out of its range."""
    vehicle_class = element.text("vClass", "passenger")
    if vehicle_class not in DEFAULTS:
        raise element.bad(f"is of class {vehicle_class!r}; there are {', '.join(sorted(DEFAULTS))}")
    usual = DEFAULTS[vehicle_class]
    factor, spread = _speed_factor(element, usual)
    try:
        return VehicleType(
            name=element.text("id"),
            driver=_driver(element, usual),
            length_m=element.number("length", usual.length_m),
            top_mps=element.number("maxSpeed", usual.top_mps),
            speed_factor=factor,
            speed_spread=spread,
            vehicle_class=vehicle_class,
        )
    except (BadNetwork, BadSettings) as error:
        raise error if str(error).startswith(str(element.file)) else element.bad(str(error)) from None


def _speed_factor(element: Element, usual: ClassDefaults) -> tuple[float, float]:
    """Return mean and standard deviation; `normc(mean,deviation,...)` and `norm(...)` count as written."""
    text = element.text("speedFactor", "1")
    spread = element.number("speedDev", usual.speed_spread)
    if text.startswith(("normc(", "norm(")) and text.endswith(")"):
        try:
            mean, spread = (float(part) for part in text.split("(")[1][:-1].split(",")[:2])
        except ValueError:
            raise element.bad(f"speedFactor cannot be read: {text!r}") from None
        return mean, spread
    return element.number("speedFactor", 1.0), spread


def _driver(element: Element, usual: ClassDefaults) -> HumanDriver:
    law = element.text("carFollowModel", "Krauss")
    top_mps = element.number("maxSpeed", usual.top_mps)
    accel, braking = element.number("accel", usual.accel_mps2), element.number("decel", usual.braking_mps2)
    hardest = max(braking, element.number("emergencyDecel", usual.hardest_mps2))
    headway, gap = element.number("tau", 1.0), element.number("minGap", 2.5)
    if law in ("Krauss", "KraussOrig1", "carFollowing-Krauss"):
        kind = KraussOriginal if law == "KraussOrig1" else Krauss
        return kind(
            desired_speed_mps=top_mps,
            headway_s=headway,
            accel_mps2=accel,
            braking_mps2=braking,
            min_gap_m=gap,
            sigma=element.number("sigma", 0.5),
            hardest_mps2=hardest,
        )
    if law in ("IDM", "carFollowing-IDM"):
        return Idm(
            desired_speed_mps=top_mps,
            headway_s=headway,
            accel_mps2=accel,
            comfortable_mps2=braking,
            min_gap_m=gap,
            exponent=element.integer("delta", 4),
            hardest_mps2=hardest,
            noise_intensity=0.0,
        )
    raise element.bad(f"carFollowModel {law!r} cannot be read; there are Krauss, KraussOrig1 and IDM")
