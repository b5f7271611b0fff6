"""FollowerStopper's regions: which speed is commanded at which gap, and how the vehicle gets to it."""

from jaxtyping import Float

from proving.traffic.state import Array, View

# Stern et al.'s three gap boundaries at rest, the braking rates that bend them, and CIRCLES' time headways.
REST_GAPS_M = (4.5, 5.25, 6.0)
BRAKING_MPS2 = (1.5, 1.0, 0.5)
HEADWAYS_S = (0.4, 0.6, 0.8)


def commanded_speed_mps(view: View, set_speed_mps: Float[Array, "..."], keeps_headway: bool) -> Float[Array, "..."]:
    """Return the speed that FollowerStopper commands; Stern et al. (2018), eqs 1-2."""
    xp = view.speed_mps.__array_namespace__()
    falling_back = xp.minimum(view.leader_speed_mps - view.speed_mps, 0)
    first, second, third = boundaries_m(view.speed_mps, falling_back, keeps_headway)
    follow = xp.minimum(xp.maximum(view.leader_speed_mps, 0), set_speed_mps)
    gap = view.gap_m
    slow = follow * xp.clip((gap - first) / (second - first), 0, 1)
    return slow + (set_speed_mps - follow) * xp.clip((gap - second) / (third - second), 0, 1)


def boundaries_m(
    speed_mps: Float[Array, "..."], falling_back_mps: Float[Array, "..."], keeps_headway: bool
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """Return the three gap boundaries; `falling_back_mps` is min(leader's speed - own speed, 0)."""
    xp = speed_mps.__array_namespace__()
    gaps = []
    for rest_m, braking_mps2, headway_s in zip(REST_GAPS_M, BRAKING_MPS2, HEADWAYS_S, strict=True):
        wanted = xp.maximum(headway_s * speed_mps, rest_m) if keeps_headway else rest_m
        gaps.append(wanted + falling_back_mps**2 / (2 * braking_mps2))
    return gaps[0], gaps[1], gaps[2]


def steered(
    command_mps: Float[Array, "..."], view: View, response_s: float, limits: tuple[float, float, float]
) -> Float[Array, "..."]:
    """Return the acceleration to a commanded speed, in m/s2, and the braking that is safe where that is harder.

    The limits: largest acceleration, hardest braking, hardest braking where the safe speed is exceeded.
    """
    xp = view.speed_mps.__array_namespace__()
    fastest, braking, emergency = limits
    wish = xp.clip((command_mps - view.speed_mps) / response_s, -braking, fastest)
    guard = (safe_speed_mps(view, braking, response_s) - view.speed_mps) / response_s
    return xp.minimum(wish, xp.maximum(guard, -emergency))


def safe_speed_mps(view: View, braking_mps2: float, reaction_s: float) -> Float[Array, "..."]:
    """Return the speed from which one can still stop 2.5 m behind a leader that brakes as hard (Krauss, SUMO)."""
    xp = view.speed_mps.__array_namespace__()
    room = xp.maximum(view.gap_m - 2.5, 0)
    lost = braking_mps2 * reaction_s
    return xp.sqrt(lost**2 + view.leader_speed_mps**2 + 2 * braking_mps2 * room) - lost
