"""What can be run with a seed: a made-up table, skewed questions, and what re-arranging does for new ones."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proving.runs import Row, Scenario
from proving.tables.engine import EngineSettings
from proving.tables.model import PlainTable, answer, difference
from proving.tables.session import Tables

US_PER_DAY = 86_400_000_000
DAYS = 181
START_US = 978_307_200_000_000  # 2001-01-01


@dataclass(frozen=True, kw_only=True)
class FlightsLike:
    """A table like the US flights of 2001, and five kinds of questions about it.

    Attributes:
        rows: Of the table.
        airports: How many; traffic is spread over them as 1/rank.
        training: Queries before the table re-arranges itself.
        unseen: Other queries of the same kinds, before and after.
    """

    rows: int = 1_000_000
    airports: int = 120
    training: int = 120
    unseen: int = 30

    def __post_init__(self) -> None:
        if self.rows < 1000 or self.airports < 2 or self.training < 1 or self.unseen < 1:
            raise ValueError("rows must be at least 1000, airports at least 2, training and unseen at least 1")


def flights_table(config: FlightsLike, seed: int) -> pa.Table:
    """Return the table, in order of time: date, delay (minutes, some NULL), distance (miles), origin, destination."""
    generator = np.random.default_rng([seed, 1])
    names = np.array(airport_names(config))
    traffic = 1 / np.arange(1, config.airports + 1)
    places = generator.random((config.airports, 2)) * 2500
    origin, destination = generator.choice(config.airports, size=(2, config.rows), p=traffic / traffic.sum())
    date_us = np.sort(generator.integers(0, DAYS * US_PER_DAY, config.rows)) + START_US
    delay = generator.gamma(1.2, 20, config.rows).astype(np.int64) - 12
    distance = np.hypot(*(places[origin] - places[destination]).T).astype(np.int64) + 50
    return pa.table(
        {
            "date": pa.array(date_us, pa.timestamp("us")),
            "delay": pa.array(delay, mask=generator.random(config.rows) < 0.02),
            "distance": distance,
            "origin": names[origin],
            "destination": names[destination],
        }
    )


def airport_names(config: FlightsLike) -> list[str]:
    """Return the airports' names, the busiest first, in no order of the alphabet."""
    return [f"{chr(65 + index * 7 % 26)}{chr(65 + index * 11 % 26)}{index:03}" for index in range(config.airports)]


def questions(config: FlightsLike, count: int, generator: np.random.Generator, table: str = "flights") -> list[str]:
    """Return queries of five kinds: airports by traffic, dates skewed to the recent, as dashboards ask.

    Origin and week 35 %, destination and delay 25 %, distance and month 20 %, origin and destination 10 %, delay 10 %.
    """
    names, weights = airport_names(config), 1 / np.arange(1, config.airports + 1)
    found = []
    for kind in generator.choice(5, size=count, p=[0.35, 0.25, 0.20, 0.10, 0.10]):
        one, other = generator.choice(names, size=2, p=weights / weights.sum())
        day = int(DAYS * (1 - generator.beta(1, 3)))
        if kind == 0:
            where = f"origin = '{one}' AND date >= {_day(day - 7)} AND date < {_day(day)}"
        elif kind == 1:
            where = f"destination = '{one}' AND delay > {int(generator.integers(45, 120))}"
        elif kind == 2:
            low = int(generator.integers(100, 2500))
            where = f"distance BETWEEN {low} AND {low + 50} AND date >= {_day(day - 30)} AND date < {_day(day)}"
        elif kind == 3:
            where = f"origin = '{one}' AND destination = '{other}'"
        else:
            low = int(generator.integers(90, 200))
            where = f"delay BETWEEN {low} AND {low + 20}"
        what = ("count(*)", "count(*), avg(delay)", "count(*), sum(distance), max(delay)")[int(generator.integers(3))]
        found.append(f"SELECT {what} FROM {table} WHERE {where}")  # noqa: S608 -- our own words
    return found


def run_flights_like(config: FlightsLike, seed: int) -> Row:
    """Ask, re-arrange, ask anew.

    The layout, and the rows that it would read, are the same for the same seed; `time_ratio` is this machine's, and
    whether the form is kept depends on such times too.
    """
    generator = np.random.default_rng([seed, 2])
    training = questions(config, config.training, generator)
    unseen = questions(config, config.unseen, generator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.parquet"
        pq.write_table(flights_table(config, seed), path, row_group_size=max(1000, config.rows // 12))
        with Tables.open(Path(folder) / "session", EngineSettings(threads=1)) as tables:
            tables.register("flights", [path])
            for sql in training:
                tables.query(sql)
            before_share, before_s, _ = _ask(tables, unseen, path)
            adjustment = tables.rearrange("flights", seed=seed)
            after_share, after_s, wrong = _ask(tables, unseen, path)
    return {
        "state": adjustment.state,
        "reason": adjustment.reason,
        "leaf_count": adjustment.leaf_count,
        "predicted_gain": adjustment.predicted_gain,
        "rows_read_share_before": before_share,
        "rows_read_share_after": after_share,
        "time_ratio": after_s / before_s,
        "wrong_answers": wrong,
    }


def _ask(tables: Tables, sqls: list[str], path: Path) -> tuple[float, float, int]:
    """Return the share of rows read, CPU seconds, and how many answers differ from the model's."""
    wrong = 0
    for sql in sqls:
        wrong += bool(difference(tables.query(sql), answer(sql, {"flights": PlainTable([str(path)])})))
    records = tables.log()[-len(sqls) :]
    share = sum(record.rows_read for record in records) / sum(record.rows_total for record in records)
    return share, sum(record.cpu_s for record in records), wrong


def _day(day: int) -> str:
    return f"TIMESTAMP '{np.datetime64('2001-01-01') + day}'"


SCENARIOS = {
    "tables.flights_like": Scenario(
        name="tables.flights_like",
        about="A made-up table of flights re-arranges itself to skewed questions; what new questions then read.",
        config=FlightsLike(),
        run=run_flights_like,
    )
}
