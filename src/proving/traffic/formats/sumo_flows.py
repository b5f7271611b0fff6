"""When the vehicles of a SUMO flow come."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from proving.traffic.formats.xml_elements import Element

RATES = ("vehsPerHour", "perHour", "period", "probability", "number")


@dataclass(frozen=True, kw_only=True)
class FlowTimes:
    """How many vehicles come, from when to when.

    Attributes:
        veh_per_h: how many.
        begin_s: the first comes then.
        end_s: none comes then or later; may be infinite.
        is_random: they come by chance, else evenly.
    """

    veh_per_h: float
    begin_s: float
    end_s: float
    is_random: bool

    def departures_s(self) -> Iterator[float]:
        """Yield when each vehicle of an even flow with an end departs."""
        period_s = 3600 / self.veh_per_h
        for index in range(math.ceil((self.end_s - self.begin_s) / period_s - 1e-9)):
            yield self.begin_s + index * period_s


def flow_times(element: Element, end_s: float) -> FlowTimes:
    """Return when a flow's vehicles come; BadNetwork where the flow does not say how many, or says it twice.

    A probability per second counts as chance arrivals (exponential gaps) of the same mean.
    """
    begin_s = element.number("begin", 0.0)
    end_s = element.number("end", end_s)
    given = [name for name in RATES if name in element.attributes]
    if not given or (len(given) > 1 and "number" not in given) or len(given) > 2:
        raise element.bad(f"must say once how many come ({', '.join(RATES)}); it says {', '.join(given) or 'nothing'}")
    rate = next((name for name in given if name != "number"), "number")
    is_random = rate == "probability" or element.text("period", "").startswith("exp(")
    if rate == "number":
        if math.isinf(end_s):
            raise element.bad("has a number and no end")
        per_s = element.number("number") / (end_s - begin_s) if end_s > begin_s else 0.0
    elif rate == "period":
        text = element.text("period")
        if is_random:
            per_s = _rate_of(element, text)
        else:
            period_s = element.number("period")
            per_s = 1 / period_s if period_s > 0 else 0.0
    else:
        per_s = element.number(rate) / (1.0 if rate == "probability" else 3600)
    if not 0 < per_s < math.inf or begin_s < 0 or begin_s >= end_s:
        raise element.bad("needs a rate above 0 and a begin of 0 or later, before its end")
    if "number" in given and rate != "number":
        end_s = min(end_s, begin_s + element.number("number") / per_s)
    return FlowTimes(veh_per_h=per_s * 3600, begin_s=begin_s, end_s=end_s, is_random=is_random)


def _rate_of(element: Element, text: str) -> float:
    """Return the rate of `exp(rate)`, in vehicles per second."""
    try:
        return float(text.removeprefix("exp(").removesuffix(")"))
    except ValueError:
        raise element.bad(f"period cannot be read: {text!r}") from None
