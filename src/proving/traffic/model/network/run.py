"""The step: everybody decides on the same moment, then moves; then some arrive and others start.

A step, in the order of this file: look at who is where; see what the junctions allow; look ahead; want an
acceleration; think about the lane beside; move, change lane, cross; count; arrive; start; let the lights go on.
"""

import math
from dataclasses import replace

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.errors import BadSettings
from proving.traffic.model.chance import normal, uniform
from proving.traffic.model.laws import Law, Sight, follow
from proving.traffic.model.network.ahead import Ahead, across_behind, limit_ahead_mps, look_ahead
from proving.traffic.model.network.coming import Stopping
from proving.traffic.model.network.journeys import Entrances, Journey, Span, entered, journeys, placed
from proving.traffic.model.network.junctions import STOPS_AT_YELLOW_MPS2, Gate, Gates, Merging
from proving.traffic.model.network.lane_changes import Intent, Turn, change_lanes
from proving.traffic.model.network.lights import Light, go_on, lights_at
from proving.traffic.model.network.moving import Pace, count, cross, drive, has_arrived
from proving.traffic.model.network.overlaps import overlaps, runs_into
from proving.traffic.model.network.records import Arrival, History, Moment, Settings
from proving.traffic.model.network.roads import Roads, Strip, roads
from proving.traffic.model.network.stops import due, halt, stands_at, with_stop
from proving.traffic.model.network.vehicles import FREE_GAP_M, Scene, Vehicle, scene_of
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import RoadMap

# Harder braking than this is counted as an emergency.
EMERGENCY_MPS2 = 6.0
# Who falls behind somebody on another way into the same lane is so long behind it, at least, when they come together.
JOINS_AFTER_S = 0.5
# Nobody comes nearer to it than this by then because its law brakes softly, as far as brakes go.
JOINS_BEHIND_M, HARDEST_MPS2 = 0.5, 9.0
# Who brakes for a line brakes by so much harder than it takes, so that it surely still can a step later.
SURELY = 1.2
# Gaps to a line count as this much at least.
LEAST_ROOM_M = 0.02
# Who lies within the same quarter of a metre of a lane keeps the order that it had; vehicles that follow one another
# are farther apart.
ORDER_M = 0.25
# Streams of chance: the noise on an acceleration, and how much a driver dawdles.
STREAM_NOISE, STREAM_DAWDLE = 0, 5


def simulated(road_map: RoadMap, demand: Demand, settings: Settings, seed: int = 0) -> History:
    """Return what happens to everybody.

    Raises:
        BadSettings: the controller is not one of `CONTROLLERS`.
    """
    run = _Run(road_map, demand, settings, seed)
    for step in range(settings.step_count):
        run.step(step)
    return run.told()


class _Run:
    """A run so far."""

    def __init__(self, road_map: RoadMap, demand: Demand, settings: Settings, seed: int) -> None:
        if settings.controller not in CONTROLLERS:
            raise BadSettings(f"there is no controller {settings.controller!r}; there are {', '.join(CONTROLLERS)}")
        kind = CONTROLLERS[settings.controller]
        self.controller: Law = None if kind is None else kind()
        self.settings = settings
        self.pace = Pace(settings.dt_s, settings.at_new_speed)
        self.seed = seed
        self.ground: Roads = roads(road_map)
        self.lights: dict[str, Light] = lights_at(road_map, settings.start_s)
        end_s = settings.start_s + settings.step_count * settings.dt_s
        every = journeys(road_map, self.ground, demand, Span(settings.start_s, end_s, seed))
        self.history = History(names=tuple(journey.said.name for journey in every))
        self.everybody = [placed(journey, self.ground, seed) for journey in every if journey.is_placed]
        # Who waits, by the edge where it starts and the next one.
        self.queues: dict[tuple[str, ...], list[Journey]] = {}
        for journey in every:
            queue = self.queues.setdefault(journey.said.route[:2], [])
            if not journey.is_placed:
                queue.append(journey)
        self._put_in_order()

    def step(self, step: int) -> None:
        """Let one step pass."""
        dt_s, rules = self.settings.dt_s, self.settings.rules
        scene = scene_of(self.everybody)
        stopping = Stopping(dt_s, self.settings.at_new_speed)
        junctions = Gates(scene, self.lights, stopping)
        gates: dict[Vehicle, Gate] = {}
        mergings: dict[Vehicle, Merging] = {}
        aheads: dict[Vehicle, Ahead] = {}
        for one in scene.everybody:
            gates[one], mergings[one] = junctions.of(one)
            aheads[one] = with_stop(look_ahead(one, scene, gates[one], self.lights, stopping), one)
        behind = across_behind(aheads, scene)
        intents = {
            one: self._intent(one, (aheads[one], behind.get(one.strip)), mergings[one], scene, step)
            for one in scene.everybody
        }
        change_lanes(scene, intents, rules, Turn(step, dt_s))
        for one in scene.everybody:
            intent = intents[one]
            self.history.overlap_count += overlaps(one, scene) or runs_into(one, intent.ahead, scene)
            self.history.moments.append(
                Moment(step, one.trip, one.strip.number, one.position_m, one.speed_mps, intent.accel_mps2)
            )
        # Lights see the same moment, so they go on before anybody moves.
        go_on(self.lights, scene, dt_s)
        entrances = [lane for (edge, *_), queue in self.queues.items() if queue for lane in self.ground.lanes[edge]]
        headroom_m = {lane: scene.headroom_m(lane) for lane in entrances}
        for one in scene.everybody:
            self._move(one, intents[one], gates[one], step)
        self._arrive_and_start(headroom_m, step)
        self._put_in_order()

    def _intent(
        self, one: Vehicle, seen: tuple[Ahead, tuple[float, float] | None], merging: Merging, scene: Scene, step: int
    ) -> Intent:
        """Return what it would do in its own lane: by its law, or its controller's.

        What is seen is what is ahead, and who comes across a junction behind the last in its lane: the gap, its speed.
        """
        ahead, comes = seen
        dt_s, number = self.settings.dt_s, one.trip
        stopping = Stopping(dt_s, self.settings.at_new_speed)
        limit_mps = limit_ahead_mps(one, stopping)
        sight = Sight(one.speed_mps, ahead.gap_m, ahead.speed_mps, limit_mps, dt_s, mean=scene.mean_mps)
        behind = scene.behind(one)
        if behind is not None:
            sight.behind_gap, sight.behind = one.rear_m - behind.position_m, behind.speed_mps
        elif comes is not None:
            sight.behind_gap, sight.behind = comes
        dawdles = replace(sight, dawdle=uniform(self.seed, STREAM_DAWDLE, number, step))
        room_m = max(ahead.gap_m - one.kind.stand_m, LEAST_ROOM_M)
        takes_mps2 = one.speed_mps**2 / (2 * room_m)
        if one.kind.said.is_automated and self.controller is not None:
            accel_mps2 = follow(self.controller, dawdles, one.steering)
        else:
            noise = one.kind.said.driver.noise_intensity / math.sqrt(dt_s)
            accel_mps2 = follow(one.kind.said.driver, dawdles, one.habits)
            if ahead.is_line:
                # A line may turn up at any moment, and laws that fear for their gap would brake harder than it takes.
                accel_mps2 = max(accel_mps2, -max(SURELY * takes_mps2, one.kind.brake_mps2))
            accel_mps2 += noise * normal(self.seed, STREAM_NOISE, number, step)
        surely_mps2 = SURELY * takes_mps2 * room_m / (room_m + stopping.spared_m(one))
        if ahead.is_line and (surely_mps2 > one.kind.brake_mps2 or _is_late(one, room_m, accel_mps2, stopping)):
            # Nor does anybody roll over a line because a law, or noise, brakes softly in front of it.
            accel_mps2 = min(accel_mps2, -surely_mps2)
        if merging.gap_m < FREE_GAP_M:
            accel_mps2 = min(accel_mps2, _joining_mps2(one, merging, limit_mps, dt_s))
        return Intent(ahead, limit_mps, accel_mps2)

    def _move(self, one: Vehicle, intent: Intent, gate: Gate, step: int) -> None:
        """Let it drive, change lane, and cross; count what there is to count."""
        dt_s = self.settings.dt_s
        before_mps, before_m, stop = one.speed_mps, one.position_m, due(one)
        waited_s, lost_s = one.waited_s, one.lost_s
        is_held = gate.holds and gate.entrance_m <= one.rest_m
        one.since_change_s += dt_s
        if intent.to is not None:
            one.strip, one.position_m, one.since_change_s = intent.to, intent.position_m, 0.0
        drive(one, intent.accel_mps2, self.pace, gate.inside_m if gate.holds_inside else math.inf)
        cross(one, is_held=is_held)
        # Who was held and would have rolled over the line stands on it: counted, like any braking that hard.
        self.history.emergency_count += before_mps - one.speed_mps > EMERGENCY_MPS2 * dt_s
        count(one, dt_s)
        if stop is not None:
            halt(stop, before_m, one, step * dt_s + self.settings.start_s, dt_s)
            if stands_at(stop, before_m, one):
                # To stand at a halt is neither waiting nor lost time.
                one.waiting_s, one.waited_s, one.lost_s = 0.0, waited_s, lost_s

    def _arrive_and_start(self, headroom_m: dict[Strip, float], step: int) -> None:
        """Take those off the road who have arrived; let the first of each queue begin where there is room."""
        dt_s = self.settings.dt_s
        for one in self.everybody:
            if has_arrived(one):
                self.history.arrivals[one.trip] = Arrival(
                    one.departed_s, (step + 1) * dt_s, one.lost_s, one.waited_s, one.driven_m
                )
        self.everybody = [one for one in self.everybody if one.trip not in self.history.arrivals]
        seen = Entrances(self.ground, headroom_m, list(self.everybody), self.seed)
        starts: dict[Strip, tuple[Vehicle, list[Journey]]] = {}
        for queue in self.queues.values():
            one = entered(queue[0], step * dt_s, seen) if queue else None
            # Of those who would start in the same lane the one does that has been due for longest.
            if one is not None and (
                one.strip not in starts or queue[0].said.depart_s < starts[one.strip][1][0].said.depart_s
            ):
                starts[one.strip] = (one, queue)
        for one, queue in starts.values():
            queue.pop(0)
            self.everybody.append(one)

    def _put_in_order(self) -> None:
        """Put everybody in order: strip by strip, the front first."""

        def rank(one: Vehicle) -> tuple[int, int]:
            rest_m = min(max(one.rest_m, 0.0), one.strip.length_m)
            return one.strip.number, int(rest_m / ORDER_M)

        self.everybody.sort(key=rank)

    def told(self) -> History:
        """Return what there is to tell at the end."""
        end_s = self.settings.step_count * self.settings.dt_s
        waiting = [one for queue in self.queues.values() for one in queue if one.said.depart_s <= end_s]
        self.history.waiting = tuple(one.number for one in waiting)
        self.history.active_count = len(self.everybody)
        return self.history


def _is_late(one: Vehicle, room_m: float, accel_mps2: float, stopping: Stopping) -> bool:
    """Return whether, a step of this acceleration later, it could no longer stop within this room softly."""
    later = replace(one)
    drive(later, accel_mps2, Pace(stopping.dt_s, stopping.at_new_speed), math.inf)
    left_m = room_m - (later.position_m - one.position_m)
    return not stopping.is_possible(later, left_m, max(one.kind.brake_mps2, STOPS_AT_YELLOW_MPS2))


def _joining_mps2(one: Vehicle, merging: Merging, limit_mps: float, dt_s: float) -> float:
    """Return the most at which one still falls behind whoever is nearer on a way that joins one's own.

    As long as the ways are apart that is what takes one to a short gap behind it when it gets to where they come
    together; from then on, or where the law asks for less, one follows by law. A law that takes a leader beside it
    for one that it need not fear is helped: it would be beside it there, too.
    """
    by_law = one.wants_mps2(Sight(one.speed_mps, merging.gap_m, merging.speed_mps, limit_mps, dt_s))
    if merging.apart_m <= 0:
        return by_law
    apart_s = max(merging.apart_s, dt_s)
    room_m = merging.apart_m + merging.gap_m - one.speed_mps * apart_s
    by_plan = 2 * (room_m - one.kind.stand_m - JOINS_AFTER_S * one.speed_mps) / apart_s**2
    at_most = 2 * (room_m - JOINS_BEHIND_M) / apart_s**2
    return min(max(by_law, by_plan), max(at_most, -HARDEST_MPS2))
