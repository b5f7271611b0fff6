"""The trial: logged queries run on the old form and the new, in turn, in random order; answers compared with the model.

A new form is kept only if it answers everything as the model does, reads fewer rows, and is not slower beyond doubt.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from proving.tables.catalog import Trial
from proving.tables.engine import Engine, Ran, Scan
from proving.tables.model import difference
from proving.tables.predicates import Predicate
from proving.tables.scanning import Scannable

FEWEST_PAIRS = 5
RESAMPLES = 2000


@dataclass(frozen=True)
class Question:
    """One logged query as the trial needs it: its text, what it needs of the table, its template, how often it came."""

    sql: str
    need: Predicate
    template: str
    times: int
    is_repeatable: bool


@dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """How much is tried, and what is good enough.

    Attributes:
        queries: Most distinct queries that are replayed.
        pairs: Fewest times that old and new run in turn, for the whole and for each template with weight.
        weight: A template with at least this share of the log must not lose, 0-1.
        worst_loss: How much slower such a template may be, 0-1.
        least_loss_s: A loss of less than this per query is no loss: nobody notices it.
        fewer_rows: The new form must read at most this share of the old form's rows, 0-1.
    """

    queries: int = 24
    pairs: int = FEWEST_PAIRS
    weight: float = 0.05
    worst_loss: float = 0.10
    least_loss_s: float = 0.001
    fewer_rows: float = 0.9

    def __post_init__(self) -> None:
        if self.queries < 1 or self.pairs < FEWEST_PAIRS:
            raise ValueError(f"a trial needs a query and {FEWEST_PAIRS} pairs, not {self.queries} and {self.pairs}")
        if not (
            0 < self.weight <= 1 and 0 <= self.worst_loss < 1 <= 1 + self.least_loss_s and 0 < self.fewer_rows <= 1
        ):
            raise ValueError(
                "weight and fewer_rows must be above 0 and up to 1, worst_loss in [0, 1), least_loss_s 0 or more"
            )


@dataclass(frozen=True)
class Bench:
    """What a trial runs on: two forms of one table, the other tables, an engine of its own, and the truth."""

    name: str
    old: Scannable
    new: Scannable
    others: Mapping[str, Scan]
    engine: Engine
    truth: Callable[[str], pa.Table]


@dataclass(frozen=True)
class Verdict:
    """What was measured, and why the new form may not stay; no reason means that it may."""

    measured: Trial | None
    reason: str


def choose(questions: Sequence[Question], settings: TrialSettings, seed: int) -> list[Question]:
    """Return the questions to replay: one of each template in turn, the most frequent first."""
    generator = random.Random(f"trial {seed}")
    by_template: dict[str, list[Question]] = {}
    for question in questions:
        if question.is_repeatable:
            by_template.setdefault(question.template, []).append(question)
    for same in by_template.values():
        generator.shuffle(same)
    queues = sorted(by_template.values(), key=lambda same: -sum(question.times for question in same))
    chosen: list[Question] = []
    while queues and len(chosen) < settings.queries:
        chosen.extend(same.pop() for same in queues[: settings.queries - len(chosen)])
        queues = [same for same in queues if same]
    return chosen


def hold_trial(bench: Bench, questions: Sequence[Question], settings: TrialSettings, seed: int) -> Verdict:
    """Replay the questions and judge; the first wrong answer ends the trial."""
    chosen = choose(questions, settings, seed)
    if not chosen:
        return Verdict(None, "no logged query has an answer that can be compared")
    for question in chosen:
        given = _run(bench, bench.new, question).answer
        if wrong := difference(given, bench.truth(question.sql)):
            return Verdict(None, f"wrong answer to {question.sql!r}: {wrong}")
        _run(bench, bench.old, question)  # Both forms are warm before the clock counts.
    times = _replay(bench, chosen, settings, seed)
    measured, by_template = _summary(bench, chosen, times, seed)
    return Verdict(measured, _objection(measured, by_template, questions, settings))


def _replay(
    bench: Bench, chosen: Sequence[Question], settings: TrialSettings, seed: int
) -> list[tuple[Question, float, float]]:
    """Return each question with its time on the old form and on the new, in seconds."""
    generator = random.Random(f"order {seed}")
    counts: dict[str, int] = {}
    for question in chosen:
        counts[question.template] = counts.get(question.template, 0) + 1
    rounds = [(question, -(-settings.pairs // counts[question.template])) for question in chosen]
    schedule = [question for question, repeats in rounds for _ in range(repeats)]
    generator.shuffle(schedule)
    times = []
    for question in schedule:
        order = [bench.old, bench.new]
        generator.shuffle(order)
        took = {id(form): _seconds(_run(bench, form, question), form) for form in order}
        times.append((question, took[id(bench.old)], took[id(bench.new)]))
    return times


def _run(bench: Bench, form: Scannable, question: Question) -> Ran:
    scan, _ = form.needed(question.need)
    return bench.engine.run(question.sql, {**bench.others, bench.name: scan})


def _seconds(ran: Ran, form: Scannable) -> float:
    # CPU time is what a layout saves, whatever else the machine does; waiting for a network shows only on the wall.
    return ran.cpu_s if form.filesystem is None else ran.wall_s


def _summary(
    bench: Bench, chosen: Sequence[Question], times: Sequence[tuple[Question, float, float]], seed: int
) -> tuple[Trial, dict[str, tuple[float, float, float]]]:
    """Return what was measured; by template the ratio new/old, its lower end, and the loss in seconds."""
    generator = np.random.default_rng([seed, len(times)])
    logs = np.array([np.log(max(new, 1e-9) / max(old, 1e-9)) for _, old, new in times])
    low, high = _interval(logs, generator)
    by_template = {}
    for template in sorted({question.template for question in chosen}):
        is_own = [question.template == template for question, _, _ in times]
        own, low_own = logs[is_own], _interval(logs[is_own], generator)[0]
        loss_s = float(np.mean([new - old for question, old, new in times if question.template == template]))
        by_template[template] = (float(np.exp(own.mean())), float(np.exp(low_own)), loss_s)
    measured = Trial(
        rows_total=bench.old.row_count,
        old_rows_read=sum(bench.old.needed(question.need)[1] for question in chosen),
        new_rows_read=sum(bench.new.needed(question.need)[1] for question in chosen),
        old_s=float(sum(old for _, old, _ in times)),
        new_s=float(sum(new for _, _, new in times)),
        pairs=len(times),
        ratio_low=float(np.exp(low)),
        ratio=float(np.exp(logs.mean())),
        ratio_high=float(np.exp(high)),
        worst_template_ratio=max(ratio for ratio, _, _ in by_template.values()),
    )
    return measured, by_template


def _interval(logs: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean."""
    means = logs[generator.integers(0, len(logs), size=(RESAMPLES, len(logs)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _objection(
    measured: Trial,
    by_template: Mapping[str, tuple[float, float, float]],
    questions: Sequence[Question],
    settings: TrialSettings,
) -> str:
    if measured.new_rows_read > settings.fewer_rows * measured.old_rows_read:
        return f"it reads {measured.new_rows_read} rows where the old form reads {measured.old_rows_read}"
    if measured.ratio_high >= 1:
        return f"it may be slower: {measured.ratio:.2f} of the old time, 95 % interval up to {measured.ratio_high:.2f}"
    total = sum(question.times for question in questions)
    for template, (ratio, low, loss_s) in by_template.items():
        share = sum(question.times for question in questions if question.template == template) / total
        # A loss counts where the template's own interval leaves no doubt that there is one.
        is_loss = ratio > 1 + settings.worst_loss and low > 1 and loss_s >= settings.least_loss_s
        if share >= settings.weight and is_loss:
            return f"template {template} ({share:.0%} of the log) takes {ratio:.2f} of its old time"
    return ""
