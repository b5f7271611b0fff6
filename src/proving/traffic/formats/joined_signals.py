"""One signal for each junction, as SUMO wants it: what several signals show there, told by a single one."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from proving.traffic.errors import BadNetwork
from proving.traffic.network import Phase, RoadMap, Signal

# A programme of more phases than this is nobody's.
MOST_PHASES = 2000


def one_signal_per_junction(road_map: RoadMap) -> RoadMap:
    """Return the network with the signals of each junction as one, which shows at every time what they showed.

    Raises:
        BadNetwork: signals of one junction wait for vehicles, or fit together only after thousands of phases.
    """
    at: dict[str, list[str]] = {}
    for way in road_map.connections:
        if way.signal and way.signal not in at.setdefault(road_map.edge(way.from_edge).end, []):
            at[road_map.edge(way.from_edge).end].append(way.signal)
    several = {junction: names for junction, names in at.items() if len(names) > 1}
    if not several:
        return road_map
    known = {signal.name: signal for signal in road_map.signals}
    place: dict[str, tuple[str, int]] = {}
    joined: list[Signal] = []
    for junction, names in several.items():
        parts = [known.pop(name) for name in names]
        if any(part.kind == "actuated" for part in parts):
            raise BadNetwork(f"junction {junction!r} has several signals that wait for vehicles; SUMO has one for each")
        first = 0
        for part in parts:
            place[part.name] = (junction, first)
            first += len(part.phases[0].colours)
        joined.append(Signal(name=junction, phases=_phases(junction, parts)))
    ways = [
        dataclasses.replace(way, signal=place[way.signal][0], signal_index=place[way.signal][1] + way.signal_index)
        if way.signal in place
        else way
        for way in road_map.connections
    ]
    return dataclasses.replace(road_map, connections=tuple(ways), signals=(*known.values(), *joined))


def _phases(junction: str, parts: Sequence[Signal]) -> tuple[Phase, ...]:
    """Return what all of them show together, from time 0 until it begins anew."""
    cycles = [sum((_exact(phase.duration_s) for phase in part.phases), Fraction(0)) for part in parts]
    cycle_s = cycles[0]
    for one in cycles[1:]:
        cycle_s = Fraction(
            math.lcm(cycle_s.numerator * one.denominator, one.numerator * cycle_s.denominator),
            cycle_s.denominator * one.denominator,
        )
    count = sum(int(cycle_s / own_s) * len(part.phases) for part, own_s in zip(parts, cycles, strict=True))
    if count > MOST_PHASES:
        raise BadNetwork(f"the signals of junction {junction!r} show the same again only after {float(cycle_s):.0f} s")
    changes: dict[Fraction, dict[int, str]] = {Fraction(0): {}}
    for i, (part, own_s) in enumerate(zip(parts, cycles, strict=True)):
        begin_s = _exact(part.offset_s) % own_s - own_s
        while begin_s < cycle_s:
            for phase in part.phases:
                end_s = begin_s + _exact(phase.duration_s)
                if end_s > 0 and begin_s < cycle_s:
                    changes.setdefault(max(begin_s, Fraction(0)), {})[i] = phase.colours
                begin_s = end_s
    shown: dict[int, str] = {}
    phases = []
    times = [*sorted(changes), cycle_s]
    for now_s, next_s in itertools.pairwise(times):
        shown |= changes[now_s]
        phases.append(Phase(colours="".join(shown[i] for i in range(len(parts))), duration_s=float(next_s - now_s)))
    return tuple(phases)


def _exact(time_s: float) -> Fraction:
    """Return a time in whole milliseconds, which is as exact as SUMO's are."""
    return Fraction(round(time_s * 1000), 1000)
