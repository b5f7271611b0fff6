"""Lane changes: MOBIL where a lane is better, and by plan where one's own lane does not lead on.

Every second step looks to the left, every other to the right, so two never take the same gap from both sides.

Source: Kesting, Treiber, Helbing (2007), "General lane-changing model MOBIL for car-following models", Transp. Res.
Rec. 1999, 86-94, eqs 2-4 (symmetric rule).
"""

from dataclasses import dataclass
from typing import NamedTuple

from proving.traffic.model.laws import Sight
from proving.traffic.model.network.ahead import Ahead
from proving.traffic.model.network.coming import zipper_m
from proving.traffic.model.network.plans import Leg
from proving.traffic.model.network.roads import Strip, Way
from proving.traffic.model.network.vehicles import FREE_GAP_M, Scene, Vehicle
from proving.traffic.network.state import Rules

# Gaps that a change leaves are never smaller than this.
TIGHT_M = 1.0
# Nor, by choice, than what it takes to stop behind whoever brakes so hard, if one sees it so much later.
REACTS_S, BRAKING_MPS2 = 0.5, 4.5
# How hard one brakes at most to let somebody in, or to fall behind whom one wants to follow.
COURTEOUS_MPS2 = 2.0
# The most urgent change by plan may cost the new follower so much more than what a change by choice may.
URGENT_SHARE = 0.5
# Slower than this nobody makes a gap beside one by braking.
CRAWLING_MPS = 1.0
# Nobody changes again so soon, not even by plan.
RESTED_S = 1.0
# The queues on so many edges beyond one's own are no room to change in.
EDGES_AHEAD = 3
# By choice one changes at no less than this speed, and only behind somebody this near.
ROLLING_MPS, NEAR_M, NEAR_S = 1.0, 20.0, 4.0
# A lane that leads on for this many planning distances, for each lane that one must go back, may be taken by choice.
WORTH_IT = 3


@dataclass
class Intent:
    """What somebody would do in its own lane, and what comes of it: a lower acceleration, or another lane."""

    ahead: Ahead
    limit_mps: float
    accel_mps2: float
    to: Strip | None = None
    position_m: float = 0.0


class Turn(NamedTuple):
    """The step: its number, its length, and whether it is one for changes to the left."""

    step: int
    dt_s: float

    @property
    def is_left(self) -> bool:
        """Return whether one changes to the left in this step."""
        return self.step % 2 == 0


class Need(NamedTuple):
    """What the route says about one's lane: it is time to leave it, how urgent (0-1), how far one plans per lane."""

    is_near: bool
    urgency: float
    plans_m: float


class Beside(NamedTuple):
    """The lane beside: one's place there, the new leader with its gap and speed, the new follower with its gap."""

    lane: Strip
    position_m: float
    leader: Vehicle | None
    gap_m: float
    leader_mps: float
    follower: Vehicle | None
    behind_m: float


def change_lanes(scene: Scene, intents: dict[Vehicle, Intent], rules: Rules, turn: Turn) -> None:
    """Let everybody think about the lane beside, all of the same moment; write down what comes of it."""
    asked: list[tuple[Vehicle, float]] = []
    for one in scene.everybody:
        if not one.is_inside and _thinks(one, scene, intents[one], rules, turn):
            asked += _judge(one, scene, intents, rules, turn)
    for follower, accel_mps2 in asked:
        intents[follower].accel_mps2 = min(intents[follower].accel_mps2, accel_mps2)


def _thinks(one: Vehicle, scene: Scene, intent: Intent, rules: Rules, turn: Turn) -> bool:
    """Return whether it has a reason to think about a change."""
    if not one.kind.said.changes_lanes or one.since_change_s < RESTED_S:
        return False
    # Not while one's rear is still on the edge before, where somebody may be beside it; of short edges half will do.
    if one.position_m < min(one.length_m, one.strip.length_m / 2):
        return False
    if _need(one, scene, rules).is_near:
        return True
    # Nobody changes by choice so near a zipper that one already falls behind somebody there.
    way = one.advice.way
    if way is not None and any(foe.is_equal for foe in way.foes) and one.rest_m < zipper_m(one.speed_mps):
        return False
    # Nor while standing, without anybody near ahead, or twice in a while.
    is_slowed = not intent.ahead.is_line and intent.ahead.gap_m < NEAR_M + NEAR_S * one.speed_mps
    has_reason = is_slowed or rules.keep_right_mps2 != 0
    is_free = one.speed_mps >= ROLLING_MPS and one.since_change_s >= rules.refractory_s
    # Short steps need no more thinking: by choice everybody looks to either side every two seconds.
    is_turn = (one.trip + turn.step // 2) % max(round(1 / turn.dt_s), 1) == 0
    return has_reason and is_free and is_turn


def _judge(
    one: Vehicle, scene: Scene, intents: dict[Vehicle, Intent], rules: Rules, turn: Turn
) -> list[tuple[Vehicle, float]]:
    """Decide about the lane beside; return who is asked to drive how because of it."""
    intent = intents[one]
    need = _need(one, scene, rules)
    # Who must change looks to that side all the time, to be let in, but goes only when it is that side's turn.
    to_left = one.advice.offset > 0 if need.is_near else turn.is_left
    lane = one.strip.left if to_left else one.strip.right
    if lane is None:
        return []
    beside = _beside(one, lane, scene)
    is_right_way = one.advice.offset > 0 if to_left else one.advice.offset < 0
    urgency = need.urgency if is_right_way else 0.0
    theirs = one.leg.advice[lane.index]
    their_reach_m = theirs.reach_m - beside.position_m
    # From the end of a lane, too, one changes into one that leads no farther, on the way to the next.
    is_wanted = is_right_way and need.is_near and theirs.reach_m > 0
    taken_m = _taken_m(one, lane, scene) + _beyond_taken_m(one.leg, theirs.way, scene)
    # A lane that the class may not use reaches nowhere at all.
    is_barred = (
        their_reach_m <= 0
        or their_reach_m - taken_m < WORTH_IT * abs(theirs.offset) * need.plans_m
        or (need.is_near and not is_right_way)
    )
    new_mps2 = one.wants_mps2(Sight(one.speed_mps, beside.gap_m, beside.leader_mps, intent.limit_mps, turn.dt_s))
    pressed_mps2, lost_mps2 = 0.0, 0.0
    if beside.follower is not None:
        them = beside.follower
        sight = Sight(them.speed_mps, beside.behind_m, one.speed_mps, intents[them].limit_mps, turn.dt_s)
        pressed_mps2 = them.wants_mps2(sight)
        lost_mps2 = min(pressed_mps2 - _lawful_mps2(them, intents[them], turn.dt_s), 0.0)
    # MOBIL: one's own gain and, politely, that of the new follower and of the old one.
    gain_mps2 = (
        new_mps2
        - _lawful_mps2(one, intent, turn.dt_s, sees_lines=False)
        + rules.politeness * (lost_mps2 + _relief_mps2(one, scene, intents, turn.dt_s))
    )
    gain_mps2 += -rules.keep_right_mps2 if to_left else rules.keep_right_mps2
    safe_mps2 = rules.safe_mps2 * (1 + urgency * URGENT_SHARE)
    their_mps = 0.0 if beside.follower is None else beside.follower.speed_mps
    is_safe = (
        min(pressed_mps2, new_mps2) >= -safe_mps2
        and beside.gap_m > (TIGHT_M if is_wanted else _least_gap_m(one.speed_mps, beside.leader_mps))
        and beside.behind_m > (TIGHT_M if is_wanted else _least_gap_m(their_mps, one.speed_mps))
    )
    is_better = gain_mps2 > rules.threshold_mps2 and not is_barred and one.speed_mps >= ROLLING_MPS
    by_choice = is_better and one.since_change_s >= rules.refractory_s
    if is_safe and (is_wanted or by_choice) and to_left == turn.is_left:
        intent.to, intent.position_m = lane, beside.position_m
        intent.accel_mps2 = min(intent.accel_mps2, new_mps2)
        # Who is cut in on brakes at once, as far as was judged safe.
        return [] if beside.follower is None else [(beside.follower, pressed_mps2)]
    if not is_wanted or urgency <= 0:
        return []
    # It must, and cannot yet: it falls behind whom it wants to follow, and asks the follower to open a gap.
    if beside.behind_m > 0 and not _passes(one, beside, scene):
        intent.accel_mps2 = min(intent.accel_mps2, max(new_mps2, -COURTEOUS_MPS2))
    # Who stands beside a standing one cannot open a gap by waiting; the next one can.
    opens = beside.gap_m > 0 and (beside.behind_m > TIGHT_M or one.speed_mps > CRAWLING_MPS)
    if beside.follower is None or not opens:
        return []
    return [(beside.follower, max(pressed_mps2, -COURTEOUS_MPS2))]


def _least_gap_m(speed_mps: float, leader_mps: float) -> float:
    """Return the gap that a change leaves at least between one who is so fast and its leader."""
    closing_m = max(speed_mps**2 - leader_mps**2, 0.0) / (2 * BRAKING_MPS2)
    return max(TIGHT_M, REACTS_S * speed_mps + closing_m)


def _passes(one: Vehicle, beside: Beside, scene: Scene) -> bool:
    """Return whether it must go right and drives on past one who stands beside it, must go left and leaves room."""
    them = beside.leader
    if them is None or one.advice.offset >= 0 or beside.gap_m >= 0:
        return False
    return them.speed_mps < CRAWLING_MPS and scene.before(them) is None and them.advice.offset > 0


def _need(one: Vehicle, scene: Scene, rules: Rules) -> Need:
    """Return what the route says about the lane that it is in.

    What others take up ahead, in this lane or the one beside and on the next edges, is no room to change in.
    """
    beside = one.strip.left if one.advice.offset > 0 else one.strip.right
    next_m = _beyond_taken_m(one.leg, one.advice.way, scene)
    reach_m = one.advice.reach_m - one.position_m - _taken_m(one, beside, scene) - next_m
    plans_m = max(one.speed_mps * rules.plan_s, rules.plan_m)
    needed_m = abs(one.advice.offset) * plans_m
    urgency = (2 * needed_m - reach_m) / max(needed_m, 1e-3)
    return Need(one.advice.offset != 0 and reach_m < 2 * needed_m, min(max(urgency, 0.0), 1.0), plans_m)


def _taken_m(one: Vehicle, beside: Strip | None, scene: Scene) -> float:
    """Return how much all those in its lane or in the one beside take up, in the fuller one."""
    return max(scene.taken_m(one.strip), scene.taken_m(beside))


def _beyond_taken_m(leg: Leg, way: Way | None, scene: Scene) -> float:
    """Return how much others take up of the lanes of the next edges on its way."""
    taken_m = 0.0
    for _ in range(EDGES_AHEAD):
        if way is None or leg.after is None:
            break
        taken_m += scene.taken_m(way.after)
        leg = leg.after
        way = leg.advice[way.after.index].way
    return taken_m


def _lawful_mps2(one: Vehicle, intent: Intent, dt_s: float, *, sees_lines: bool = True) -> float:
    """Return what its law alone says about its own lane, without chance; a line there is in other lanes, too."""
    gap_m, leader_mps = intent.ahead.gap_m, intent.ahead.speed_mps
    if intent.ahead.is_line and not sees_lines:
        gap_m, leader_mps = FREE_GAP_M, one.speed_mps
    return one.wants_mps2(Sight(one.speed_mps, gap_m, leader_mps, intent.limit_mps, dt_s))


def _beside(one: Vehicle, lane: Strip, scene: Scene) -> Beside:
    """Return whom it would have before and behind itself on the lane beside; lanes may differ in length."""
    position_m = one.position_m * (lane.length_m / one.strip.length_m)
    row = scene.vehicles(lane)
    before = [other for other in row if other.position_m > position_m]
    behind = row[len(before) :]
    gap_m, leader_mps = FREE_GAP_M, one.speed_mps
    way = one.leg.advice[lane.index].way
    if before:
        gap_m, leader_mps = before[-1].rear_m - position_m, before[-1].speed_mps
    elif way is not None:
        # Nobody ahead in that lane: whoever is last behind its end counts.
        rest_m = lane.length_m - position_m
        across, beyond = scene.last(way.strip), scene.last(way.after)
        if across is not None:
            gap_m, leader_mps = rest_m + across.rear_m, across.speed_mps
        elif beyond is not None:
            gap_m, leader_mps = rest_m + beyond.rear_m + way.strip.length_m, beyond.speed_mps
    # Nor may anybody stand across the end of that lane, whatever its way.
    over_m = scene.over_m(lane) - position_m
    if not before and over_m < gap_m:
        leader_mps = 0.0 if gap_m >= FREE_GAP_M else leader_mps
        gap_m = over_m
    follower = behind[0] if behind else None
    behind_m = scene.headroom_m(lane) if follower is None else -follower.position_m
    leader = before[-1] if before else None
    return Beside(lane, position_m, leader, gap_m, leader_mps, follower, behind_m + position_m - one.length_m)


def _relief_mps2(one: Vehicle, scene: Scene, intents: dict[Vehicle, Intent], dt_s: float) -> float:
    """Return what the present follower gains when it is gone and it has its leader instead."""
    them = scene.behind(one)
    if them is None:
        return 0.0
    ahead, limit_mps = intents[one].ahead, intents[them].limit_mps
    now_m = one.rear_m - them.position_m
    then_m = FREE_GAP_M if ahead.gap_m >= FREE_GAP_M else now_m + one.length_m + ahead.gap_m
    now_mps2 = them.wants_mps2(Sight(them.speed_mps, now_m, one.speed_mps, limit_mps, dt_s))
    then_mps2 = them.wants_mps2(Sight(them.speed_mps, then_m, ahead.speed_mps, limit_mps, dt_s))
    return then_mps2 - now_mps2
