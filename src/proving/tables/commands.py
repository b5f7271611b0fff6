"""`proving tables`: register Parquet files, ask them, read the log, let them re-arrange themselves."""

import json as json_format
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, validators

if TYPE_CHECKING:
    import pyarrow as pa

    from proving.tables.session import Tables

app = App(name="tables", help="Tables that re-arrange themselves to their own queries.")

Flag = Annotated[bool, Parameter(negative="")]
MOST_SHOWN = 40


@app.command
def register(folder: Path, name: str, files: tuple[Path, ...], /) -> int:
    """Give Parquet files a name that queries use; the files are only ever read.

    Args:
        folder: The session folder, made if it is not there.
        name: A plain word.
        files: Parquet files with the same columns.
    """
    from proving.tables.session import Tables

    with Tables.open(folder) as tables:
        tables.register(name, files)
        [status] = [status for status in tables.status() if status.name.lower() == name.lower()]
    print(f"{status.name}: {status.rows} rows in {status.files} file{'s' if status.files > 1 else ''}")
    return 0


@app.command
def query(folder: Path, sql: str, /, *, json: Flag = False, csv: Flag = False) -> int:
    """Run one SELECT, and log it.

    Args:
        folder: The session folder.
        sql: The query.
        json: Print one JSON document, a list of rows.
        csv: Print CSV.
    """
    if json and csv:
        from proving.tables.errors import QueryError

        raise QueryError("choose one of --json and --csv")
    with _opened(folder) as tables:
        answer = tables.query(sql)
    if csv:
        import pyarrow.csv as pacsv

        pacsv.write_csv(answer, sys.stdout.buffer)
    elif json:
        print(json_format.dumps(_rows_of(answer), default=str))
    else:
        _print_table(answer.schema.names, [list(row.values()) for row in _rows_of(answer.slice(0, MOST_SHOWN))])
        if answer.num_rows > MOST_SHOWN:
            print(f"... {answer.num_rows - MOST_SHOWN} more rows; --csv or --json print all", file=sys.stderr)
    return 0


@app.command
def log(
    folder: Path, /, *, last: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20, json: Flag = False
) -> int:
    """Print what was asked, what it took and what it read.

    Args:
        folder: The session folder.
        last: How many queries, the newest.
        json: Print one JSON document.
    """
    with _opened(folder) as tables:
        rows = [record.row() for record in tables.log()[-last:]]
    if json:
        print(json_format.dumps(rows))
        return 0
    shown = [
        [
            row["template"],
            f"{row['wall_s']:.4f}",
            row["rows_read"],
            row["rows_total"],
            row["adjustment"],
            f"{row['sql']}  -- {row['error']}" if row["error"] else row["sql"],
        ]
        for row in rows
    ]
    _print_table(["template", "wall_s", "rows_read", "rows_total", "adjustment", "sql"], shown)
    return 0


@app.command
def rearrange(folder: Path, name: str, /, *, seed: int = 0, json: Flag = False) -> int:
    """Learn from the log, rewrite a table, verify and try it; keep it only if it is better.

    Args:
        folder: The session folder.
        name: The table.
        seed: The same data, log and seed give the same layout.
        json: Print one JSON document.
    """
    with _opened(folder) as tables:
        adjustment = tables.rearrange(name, seed=seed, at=lambda step: print(step.replace("_", " "), file=sys.stderr))
    _print_row(adjustment.row(), json=json)
    return 0


@app.command
def rollback(folder: Path, name: str, /, *, json: Flag = False) -> int:
    """Let the form before the present one answer again.

    Args:
        folder: The session folder.
        name: The table.
        json: Print one JSON document.
    """
    with _opened(folder) as tables:
        adjustment = tables.rollback(name)
    _print_row(adjustment.row(), json=json)
    return 0


@app.command
def status(folder: Path, /, *, json: Flag = False) -> int:
    """Print how each table stands, and every adjustment that was proposed.

    Args:
        folder: The session folder.
        json: Print one JSON document.
    """
    with _opened(folder) as tables:
        standing = [each.row() for each in tables.status()]
        adjustments = [each.row() for each in tables.adjustments()]
    if json:
        print(json_format.dumps({"tables": standing, "adjustments": adjustments}))
        return 0
    if not standing:
        print("no table is registered", file=sys.stderr)
        return 0
    _print_table(list(standing[0]), [list(row.values()) for row in standing])
    if adjustments:
        columns = ["id", "state", "predicted_gain", "leaf_count", "old_rows_read", "new_rows_read", "ratio", "reason"]
        _print_table(columns, [[row[column] for column in columns] for row in adjustments])
    return 0


def _opened(folder: Path) -> "Tables":
    """Return the session in a folder that is one already: a mistyped path makes no new folder."""
    from proving.tables.errors import NoSuchFile
    from proving.tables.session import Tables

    if not (folder / "log.jsonl").is_file():
        raise NoSuchFile(f"{folder}: no tables here; make some with: proving tables register FOLDER NAME FILES...")
    return Tables.open(folder)


def _rows_of(answer: "pa.Table") -> list[dict[str, Any]]:
    # Two columns of an answer may share a name; the second gets a number.
    names: list[str] = []
    for name in answer.schema.names:
        names.append(name if name not in names else f"{name}_{names.count(name) + len(names)}")
    return answer.rename_columns(names).to_pylist()


def _print_row(row: Mapping[str, object], *, json: bool) -> None:
    if json:
        print(json_format.dumps(row))
        return
    for name, value in row.items():
        if value is not None:
            print(f"{name:22} {value:.4g}" if isinstance(value, float) else f"{name:22} {value}")


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    texts = [
        [
            f"{value:.6g}" if isinstance(value, float) else "" if value is None else " ".join(str(value).split())
            for value in row
        ]
        for row in rows
    ]
    widths = [max([len(name), *(len(row[index]) for row in texts)]) for index, name in enumerate(columns)]
    for row in [list(columns), *texts]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
