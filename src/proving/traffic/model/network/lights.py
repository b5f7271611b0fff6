"""Traffic lights: what they show, and when they go on."""

from dataclasses import dataclass

from proving.traffic.model.network.roads import Way
from proving.traffic.model.network.vehicles import Scene
from proving.traffic.network.road_map import Phase, RoadMap, Signal

# Clocks are added up from steps: a phase may end so much before its time.
SLACK_S = 1e-3


@dataclass
class Light:
    """One signal: in which phase, since when, and since when nobody came over its detectors."""

    said: Signal
    phase: int
    elapsed_s: float
    quiet_s: float = 0.0

    @property
    def shows(self) -> Phase:
        """Return the present phase."""
        return self.said.phases[self.phase]


def lights_at(road_map: RoadMap, start_s: float) -> dict[str, Light]:
    """Return the signals as they are at this time of day, by name."""
    lights = {}
    for signal in road_map.signals:
        at_s = (start_s - signal.offset_s) % sum(phase.duration_s for phase in signal.phases)
        number = 0
        while number + 1 < len(signal.phases) and at_s >= signal.phases[number].duration_s:
            at_s -= signal.phases[number].duration_s
            number += 1
        lights[signal.name] = Light(signal, number, at_s)
    return lights


def colour(way: Way, lights: dict[str, Light]) -> str:
    """Return what is shown to a way: one of G, g (go, but yield), y, r, s (stop, then g); without a signal g."""
    if not way.said.signal:
        return "g"
    letter = lights[way.said.signal].shows.colours[way.said.signal_index]
    return "g" if letter in "oO" else letter


def go_on(lights: dict[str, Light], scene: Scene, dt_s: float) -> None:
    """Let a step pass for every signal, given who was where at its start."""
    seen = {name for name in lights if _is_anybody_seen(name, lights, scene, dt_s)}
    for name, light in lights.items():
        phase = light.shows
        shortest_s, longest_s = phase.shortest_s or phase.duration_s, phase.longest_s or phase.duration_s
        light.elapsed_s += dt_s
        light.quiet_s = 0.0 if name in seen else light.quiet_s + dt_s
        by_clock = light.elapsed_s >= phase.duration_s - SLACK_S
        # Yellow goes by the clock whoever rules the signal.
        if light.said.kind == "fixed" or "y" in phase.colours:
            ends = by_clock
        elif light.said.kind == "commanded":
            ends = False
        elif longest_s <= shortest_s:
            ends = by_clock
        else:
            is_empty = light.elapsed_s >= shortest_s and light.quiet_s > light.said.largest_gap_s
            ends = is_empty or light.elapsed_s >= longest_s - SLACK_S
        if ends:
            light.phase = (light.phase + 1) % len(light.said.phases)
            light.elapsed_s = light.quiet_s = 0.0


def _is_anybody_seen(name: str, lights: dict[str, Light], scene: Scene, dt_s: float) -> bool:
    """Return whether somebody who may go is over one of the signal's detectors, or comes over it in this step."""
    for one in scene.everybody:
        way = one.advice.way
        if one.is_inside or way is None or way.said.signal != name or colour(way, lights) not in "Gg":
            continue
        past_m = lights[name].said.detector_m - one.rest_m
        if 0 <= past_m < one.length_m + one.speed_mps * dt_s:
            return True
    return False
