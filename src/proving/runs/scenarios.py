"""What this room can run by itself: a small scenario to try pools and records with."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from proving.runs.scenario import Row, Scenario


@dataclass(frozen=True, kw_only=True)
class Coin:
    """A coin that is tossed; a fair one has a share of heads of 0.5.

    Attributes:
        tosses: How many times.
        heads_share: How likely heads are, 0-1.
    """

    tosses: int = 1000
    heads_share: float = 0.5

    def __post_init__(self) -> None:
        if self.tosses < 1:
            raise ValueError(f"tosses must be at least 1, got {self.tosses}")
        if not 0 <= self.heads_share <= 1:
            raise ValueError(f"heads_share must lie in 0-1, got {self.heads_share}")


def toss(config: Coin, seed: int) -> Row:
    """Return the share of heads, the longest run of one side, and how far the walk of +1 and -1 strays from zero."""
    is_heads = np.random.default_rng(seed).random(config.tosses) < config.heads_share
    walk = np.cumsum(np.where(is_heads, 1, -1))
    changes = np.flatnonzero(is_heads[1:] != is_heads[:-1]) + 1
    runs = np.diff(np.concatenate(([0], changes, [config.tosses])))
    return {
        "heads_share": float(is_heads.mean()),
        "longest_run": int(runs.max()),
        "farthest": int(np.abs(walk).max()),
    }


SCENARIOS: dict[str, Scenario[Any]] = {
    "runs.coin": Scenario(
        name="runs.coin",
        about="Toss a coin: share of heads, longest run, farthest point of the walk.",
        config=Coin(),
        run=toss,
    ),
}
