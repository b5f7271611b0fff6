"""A signal's programme as SUMO writes it (`tlLogic`)."""

from proving.traffic.errors import BadNetwork
from proving.traffic.formats.xml_elements import Element
from proving.traffic.network import Phase, Signal
from proving.traffic.network.road_map import SignalKind

KIND_OF: dict[str, SignalKind] = {"static": "fixed", "actuated": "actuated", "delay_based": "actuated"}
# SUMO's letters that we do not have: red-yellow counts as red, the old big yellow as yellow.
COLOUR_OF = {"u": "r", "Y": "y", "R": "r"}
# SUMO's detector-gap is in seconds at the lane's limit; ours is in metres, so take the limit of a town.
TOWN_MPS = 13.89
SECONDS = ("max-gap", "detector-gap")


def signal_of(element: Element) -> Signal:
    """Return the signal; BadNetwork names file and line where the programme cannot be kept."""
    kind = element.text("type", "static")
    if kind not in KIND_OF:
        raise element.bad(f"programmes of type {kind!r} cannot be read; there are {', '.join(KIND_OF)}")
    phases = []
    for phase in (child for child in element.children if child.tag == "phase"):
        if "next" in phase.attributes:
            raise phase.bad(f"of tlLogic {element.text('id')!r}: phases that name the next one cannot be read")
        try:
            phases.append(
                Phase(
                    colours="".join(COLOUR_OF.get(letter, letter) for letter in phase.text("state")),
                    duration_s=phase.number("duration"),
                    shortest_s=phase.number("minDur", 0.0),
                    longest_s=phase.number("maxDur", 0.0),
                )
            )
        except BadNetwork as error:
            raise _named(phase, error) from None
    given = {one.text("key"): one.number("value") for one in element.children if one.text("key", "") in SECONDS}
    try:
        return Signal(
            name=element.text("id"),
            phases=tuple(phases),
            kind=KIND_OF[kind],
            offset_s=element.number("offset", 0.0),
            largest_gap_s=given.get("max-gap", 3.0),
            detector_m=given.get("detector-gap", 2.0) * TOWN_MPS,
        )
    except BadNetwork as error:
        raise _named(element, error) from None


def _named(element: Element, error: BadNetwork) -> BadNetwork:
    return error if str(error).startswith(str(element.file)) else element.bad(str(error))
