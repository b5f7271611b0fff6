"""Learn a task, keep what was learned, and say how good it is."""

from proving.traffic.learn.evaluate import Verdict, evaluate
from proving.traffic.learn.evolution import Evolution, Searcher
from proving.traffic.learn.law import Learned, as_driver, shipped_controller, shipped_policy
from proving.traffic.learn.policy import Card, Policy, card_of, load, policy_of, save
from proving.traffic.learn.ppo import Curve, Learner, Ppo, first_learner, learn
from proving.traffic.learn.training import Algorithm, Trained, Training, train

ALGORITHMS: dict[str, type[Ppo] | type[Evolution]] = {"ppo": Ppo, "es": Evolution}

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Card",
    "Curve",
    "Evolution",
    "Learned",
    "Learner",
    "Policy",
    "Ppo",
    "Searcher",
    "Trained",
    "Training",
    "Verdict",
    "as_driver",
    "card_of",
    "evaluate",
    "first_learner",
    "learn",
    "load",
    "policy_of",
    "save",
    "shipped_controller",
    "shipped_policy",
    "train",
]
