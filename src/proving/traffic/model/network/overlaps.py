"""Who overlaps somebody: inside a junction, on a way that crosses or joins its own, or ahead."""

from proving.traffic.model.network.ahead import Ahead
from proving.traffic.model.network.roads import Foe
from proving.traffic.model.network.shapes import WIDTH_M
from proving.traffic.model.network.vehicles import Scene, Vehicle


def overlaps(one: Vehicle, scene: Scene) -> bool:
    """Return whether it overlaps the first or the last on such a way; of two, who is on the earlier way says so."""
    mine = one.strip.way
    if mine is None:
        return False
    for foe in mine.foes:
        row = scene.vehicles(foe.way.strip)
        says_so = mine.strip.number < foe.way.strip.number
        if says_so and any(_covers_it_with(one, foe, them.position_m, them.rear_m) for them in (*row[:1], *row[-1:])):
            return True
        # Who has left by the only way into its lane is on that way with its rear; its front is anywhere beyond.
        gone = scene.last(foe.way.after)
        if gone is not None and gone.rear_m < 0 and foe.way.is_sole and not foe.merges:
            length_m = foe.way.strip.length_m
            if _covers_it_with(one, foe, length_m + gone.position_m, length_m + gone.rear_m):
                return True
    return False


def runs_into(one: Vehicle, ahead: Ahead, scene: Scene) -> bool:
    """Return whether it overlaps the one ahead.

    Whoever is first before a junction sees those behind it, too, who came there by another way, on which the rear of a
    long one still lies, and not across one's own line. Where ways meet inside, `overlaps` sees it.
    """
    if ahead.is_line or ahead.gap_m >= 0:
        return False
    if scene.before(one) is not None or one.is_inside:
        return True
    way = one.advice.way
    return (way is not None and way.is_sole) or scene.over_m(one.strip) < one.position_m


def _covers_it_with(one: Vehicle, foe: Foe, front_m: float, rear_m: float) -> bool:
    """Return whether both cover the place where their ways cross; of ways that join: whether they overlap there.

    Args:
        one: on one's own way.
        foe: the other way.
        front_m: the other's front bumper, from the start of that way.
        rear_m: and its rear bumper.
    """
    if foe.merges:
        if one.position_m <= foe.own_met_m or front_m <= foe.met_m:
            return False
        # Seen from the end of either way.
        their_rest_m, length_m = foe.way.strip.length_m - front_m, front_m - rear_m
        return one.rest_m < their_rest_m + length_m and their_rest_m < one.rest_m + one.length_m
    half_m = WIDTH_M / 2
    mine_covers = one.position_m > foe.own_met_m - half_m and one.rear_m < foe.own_met_m + half_m
    return mine_covers and front_m > foe.met_m - half_m and rear_m < foe.met_m + half_m
