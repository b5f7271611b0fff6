"""Ask the tables what operators and researchers ask, and let them re-arrange themselves to those questions."""

import hashlib
import json
import random
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proving.corridor.errors import StudyError
from proving.corridor.keeping import Keeper
from proving.corridor.study import Ask, Question
from proving.runs import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from proving.tables import Tables

TABLE = "tracks"
PLACEHOLDER = re.compile(r"\{(\w+)\.(low|high|value)\}")

QUESTIONS = (
    Question(
        name="How fast is a stretch of road at a time of day?",
        sql="""SELECT count(*) AS samples, avg(speed_mps) AS mean_speed_mps FROM tracks
               WHERE position_m BETWEEN {position_m.low} AND {position_m.high}
               AND time_s BETWEEN {time_s.low} AND {time_s.high}""",
    ),
    Question(
        name="Where do vehicles nearly stand, and how long?",
        sql="""SELECT floor(position_m / 100) * 100 AS stretch_m, count(*) AS samples FROM tracks
               WHERE speed_mps < 3 AND position_m BETWEEN {position_m.low} AND {position_m.high}
               GROUP BY stretch_m ORDER BY stretch_m""",
    ),
    Question(
        name="How often is there hard braking in a stretch?",
        sql="""SELECT count(*) AS samples FROM tracks
               WHERE accel_mps2 < -1 AND position_m BETWEEN {position_m.low} AND {position_m.high}""",
    ),
    Question(
        name="How did one vehicle's trip go in a stretch?",
        sql="""SELECT min(speed_mps) AS slowest_mps, max(speed_mps) AS fastest_mps, count(*) AS samples FROM tracks
               WHERE vehicle = {vehicle.value} AND position_m BETWEEN {position_m.low} AND {position_m.high}""",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question, put with one window.

    Attributes:
        question: Its name.
        sql: As put.
        answer: The rows, as JSON.
        rows_read, rows_total: What the scan touched, of how many.
        wall_s: How long it took.
        is_rearranged: Whether the tables had learned by then.
    """

    question: str
    sql: str
    answer: str
    rows_read: int
    rows_total: int
    wall_s: float
    is_rearranged: bool


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the tables said, and what they learned; read from and written to one JSON file.

    Attributes:
        fingerprint: Of the tracks and the questions; another one means the file is stale.
        asked: Every question as put, in order.
        adjustment: What became of the new layout: its state, gain and reason, one flat row.
    """

    fingerprint: str
    asked: tuple[Asked, ...]
    adjustment: dict[str, Any]


def ask_tables(
    settings: Ask, tracks: "pa.Table", keeper: Keeper, folder: Path, progress: Progress = silent, seed: int = 0
) -> Answers:
    """Write the tracks into the store, ask, let the tables learn, ask anew; done once, then read from `folder`.

    The second round puts windows that the tables have not seen.

    Raises:
        StudyError: a question names no column, or is no SQL that the tables understand.
    """
    import msgspec
    import pyarrow.parquet as pq

    from proving.tables import Tables

    file = folder / "answers.json"
    fingerprint = _fingerprint(settings, tracks, seed)
    if file.is_file():
        answers = msgspec.json.decode(file.read_bytes(), type=Answers)
        if answers.fingerprint == fingerprint:
            return answers
    questions = settings.questions or QUESTIONS
    _refuse_unknown_columns(questions, tracks)
    # A table half learned is not worth mending: it is made anew from the tracks.
    shutil.rmtree(folder / TABLE, ignore_errors=True)
    place = keeper.name(f"tables/{fingerprint}")
    keeper.filesystem.delete_dir_contents(place, missing_dir_ok=True)
    with keeper.filesystem.open_output_stream(f"{place}/{TABLE}.parquet") as target:
        pq.write_table(tracks, target, row_group_size=1 << 16)
    generator = random.Random(f"questions {seed}")
    progress.start(2 * settings.times + 1, 0, "ask")
    with Tables.open(folder / TABLE) as tables:
        tables.register(
            TABLE, [f"{place}/{TABLE}.parquet"], filesystem=keeper.filesystem, keep_under=f"{place}/rearranged"
        )
        ask = Asking(tables, settings, questions, tracks, generator, progress)
        before = ask.round(is_rearranged=False)
        adjustment = tables.rearrange(TABLE, seed=seed)
        progress.advance()
        after = ask.round(is_rearranged=True)
    progress.stop()
    answers = Answers(fingerprint=fingerprint, asked=(*before, *after), adjustment=dict(adjustment.row()))
    partial = file.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(answers))
    partial.replace(file)
    return answers


def put_windows(sql: str, tracks: "pa.Table", window_share: float, generator: random.Random) -> str:
    """Return the question with a window, or a value, of the table's own in place of each placeholder.

    All placeholders of one column belong to one window.
    """
    windows: dict[str, tuple[str, str]] = {}

    def fill(match: re.Match[str]) -> str:
        column, part = match.groups()
        if part == "value":
            return _literal(tracks[column][generator.randrange(tracks.num_rows)].as_py())
        if column not in windows:
            windows[column] = _window(tracks, column, window_share, generator)
        return windows[column][part == "high"]

    return PLACEHOLDER.sub(fill, " ".join(sql.split()))


@dataclass(frozen=True)
class Asking:
    """Everything that one round of questions needs."""

    tables: "Tables"
    settings: Ask
    questions: tuple[Question, ...]
    tracks: "pa.Table"
    generator: random.Random
    progress: Progress

    def round(self, *, is_rearranged: bool) -> list[Asked]:
        """Put every question `settings.times` times, each time with other windows."""
        asked: list[Asked] = []
        for _ in range(self.settings.times):
            asked += [self._put(question, is_rearranged) for question in self.questions]
            self.progress.advance()
        return asked

    def _put(self, question: Question, is_rearranged: bool) -> Asked:
        sql = put_windows(question.sql, self.tracks, self.settings.window_share, self.generator)
        answer = self.tables.query(sql)
        record = self.tables.log()[-1]
        return Asked(
            question=question.name,
            sql=sql,
            answer=json.dumps(answer.to_pylist(), default=str),
            rows_read=record.rows_read,
            rows_total=self.tracks.num_rows,
            wall_s=record.wall_s,
            is_rearranged=is_rearranged,
        )


def _window(tracks: "pa.Table", column: str, share: float, generator: random.Random) -> tuple[str, str]:
    values = tracks[column].to_numpy()
    low, high = float(values.min()), float(values.max())
    start = low + generator.random() * (1 - share) * (high - low)
    return f"{start:.3f}", f"{start + share * (high - low):.3f}"


def _literal(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("'", "''")
        return f"'{escaped}'"
    return str(value)


def _refuse_unknown_columns(questions: tuple[Question, ...], tracks: "pa.Table") -> None:
    import pyarrow as pa

    for question in questions:
        for column, part in PLACEHOLDER.findall(question.sql):
            if column not in tracks.column_names:
                known = ", ".join(tracks.column_names)
                raise StudyError(f"question '{question.name}': '{TABLE}' has no column '{column}'; it has {known}")
            if part != "value" and not pa.types.is_floating(tracks.schema.field(column).type):
                raise StudyError(f"question '{question.name}': a window needs numbers, and '{column}' is text")


def _fingerprint(settings: Ask, tracks: "pa.Table", seed: int) -> str:
    content = hashlib.sha256(json.dumps([asdict(settings), seed]).encode())
    for column in tracks.columns:
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                content.update(buffer or b"")
    return content.hexdigest()[:16]
