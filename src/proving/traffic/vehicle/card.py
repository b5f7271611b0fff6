"""What an exported policy says of itself: what it sees, and what its action means; of vehicles, in which units."""

from dataclasses import dataclass

FORMAT = 1

# What a vehicle knows by itself, by name, and the unit of each.
QUANTITIES: dict[str, str] = {
    "speed": "m/s",
    "leader_speed": "m/s",
    "leader_minus_own_speed": "m/s",
    "gap": "m",
    "action": "1",
    "mean_speed": "m/s",
    "mean_leader_speed": "m/s",
    "leader_speed_deviation": "m/s",
    "mean_gap": "m",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One number that a policy sees: (quantity + offset) / per, kept between low and high.

    Attributes:
        name: what the task calls it.
        quantity: one of `QUANTITIES`.
        unit: unit of the quantity.
        offset: added to the quantity.
        per: what the sum is divided by.
        low: smallest value.
        high: largest value.
        trained_mean: its mean in training.
        trained_spread: its standard deviation in training.
    """

    name: str
    quantity: str
    unit: str
    offset: float
    per: float
    low: float
    high: float
    trained_mean: float
    trained_spread: float


@dataclass(frozen=True, kw_only=True)
class VehicleCard:
    """What a vehicle must know about a policy.

    Attributes:
        task: what it was trained for.
        readings: what it sees, in order.
        actions: smallest and largest action.
        is_set_speed: an action is added to the mean own speed, in m/s; else it is an acceleration, in m/s2.
        decision_s: time for which an action holds.
        response_s: time in which a set speed is reached.
        memory_s: time constant of the means.
        farthest_m: a leader farther away counts as this far in the mean.
        graph_sha256: of the network as it lies in the file.
        command: what trained it.
        seed: seed of the training.
        decision_count: decisions it was trained on.
        format: version of this card.
    """

    task: str
    readings: tuple[Reading, ...]
    actions: tuple[float, float]
    is_set_speed: bool
    decision_s: float
    response_s: float
    memory_s: float
    farthest_m: float
    graph_sha256: str
    command: str
    seed: int
    decision_count: int
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class TaskCard:
    """What whoever acts by a policy of any other task must know: of signals, meters, or vehicles that see more.

    Attributes:
        task: what it was trained for.
        features: what each agent sees, in order, by the task's names.
        lows: smallest value of each.
        highs: largest value of each.
        actions: smallest and largest action.
        output_count: numbers that each agent decides on.
        decision_s: time for which an action holds.
        graph_sha256: of the network as it lies in the file.
        command: what trained it.
        seed: seed of the training.
        decision_count: decisions it was trained on.
        format: version of this card.
    """

    task: str
    features: tuple[str, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    actions: tuple[float, float]
    output_count: int
    decision_s: float
    graph_sha256: str
    command: str
    seed: int
    decision_count: int
    format: int = FORMAT
