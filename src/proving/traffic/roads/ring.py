"""A single-lane ring."""

from proving.traffic.roads.road import Road


def ring_road(length_m: float = 260.0) -> Road:
    """Return the closed track of Sugiyama et al. (2008) and Stern et al. (2018)."""
    return Road(kind="ring", length_m=length_m)
