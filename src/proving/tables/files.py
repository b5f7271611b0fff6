"""Parquet files: what their footers say, their columns as plain numbers and words, and writing them.

Everything goes through a `pyarrow.fs.FileSystem`, so a table may lie on this machine or in an object store.
"""

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from proving.tables.errors import NoSuchFile, NotParquet, SchemaMismatch
from proving.tables.predicates import Value
from proving.tables.pruning import MOST_VALUES, Piece, Span

Kind = Literal[
    "integer",
    "float",
    "float32",
    "text",
    "date",
    "timestamp[s]",
    "timestamp[ms]",
    "timestamp[us]",
    "timestamp[ns]",
    "other",
]


@dataclass(frozen=True)
class Source:
    """One file as it was when it was registered; another size or time means it is not the same file."""

    path: str
    size_bytes: int
    modified_ns: int


def local() -> pafs.FileSystem:
    """Return the file system of this machine."""
    return pafs.LocalFileSystem()


def sources_of(paths: Sequence[str], filesystem: pafs.FileSystem) -> tuple[Source, ...]:
    """Return the files as they are now.

    Raises:
        NoSuchFile: one of them is not there, or is a folder.
    """
    found = filesystem.get_file_info(list(paths))
    for info in found:
        if info.type != pafs.FileType.File:
            what = "is a folder; name the files in it" if info.type == pafs.FileType.Directory else "no such file"
            raise NoSuchFile(f"{info.path}: {what}")
    return tuple(Source(info.path, int(info.size), int(info.mtime_ns or 0)) for info in found)


def read_footers(paths: Sequence[str], filesystem: pafs.FileSystem) -> tuple[pa.Schema, tuple[Piece, ...]]:
    """Return the columns that all files share, and every row group with what the footers say of it.

    Raises:
        NotParquet: a file is no Parquet file, or is cut short.
        SchemaMismatch: a file has other columns than the first.
    """
    first: pa.Schema | None = None
    pieces: list[Piece] = []
    for index, path in enumerate(paths):
        metadata = _footer(path, filesystem)
        schema = metadata.schema.to_arrow_schema()
        if first is None:
            first = schema
        elif not schema.remove_metadata().equals(first.remove_metadata()):
            raise SchemaMismatch(
                f"{path}: {_difference(first, schema)}; the files of one table have the same columns as {paths[0]}"
            )
        kinds = kinds_of(schema)
        pieces.extend(
            Piece(index, group, metadata.row_group(group).num_rows, _spans_from_footer(metadata, group, kinds))
            for group in range(metadata.num_row_groups)
        )
    assert first is not None, "a table has at least one file"
    return first, tuple(pieces)


def kinds_of(schema: pa.Schema) -> dict[str, Kind]:
    """Return how each column's values are compared; names that differ only in case are "other": SQL mixes them up."""
    lowered = [name.lower() for name in schema.names]
    return {field.name: _kind(field.type) if lowered.count(field.name.lower()) == 1 else "other" for field in schema}


def plain_values(column: pa.ChunkedArray, kind: Kind) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return a column as numbers that sort as its values do.

    Returns:
        The numbers [row] (int64 or float64; for text, ranks in the third part), which rows are NULL [row], and for
        text its distinct words in order, else nothing. The number of a NULL row means nothing.
    """
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    if kind == "text":
        coded = column.cast(pa.large_string()).dictionary_encode().combine_chunks()
        coded = coded if isinstance(coded, pa.DictionaryArray) else pa.concat_arrays(coded.chunks)
        words = coded.dictionary.to_pylist()
        # Python orders text by code point, which is the order of UTF-8 bytes, which is DuckDB's.
        order = sorted(range(len(words)), key=words.__getitem__)
        rank = np.empty(len(words) + 1, dtype=np.int64)
        rank[order] = np.arange(len(words))
        rank[-1] = 0
        codes = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
        return rank[codes], is_null, [words[index] for index in order]
    if kind in ("float", "float32"):
        return pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(), is_null, []
    if kind == "date":
        column = column.cast(pa.int32())
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), is_null, []


def spans_of(columns: dict[str, tuple[np.ndarray, np.ndarray, list[str]]], rows: np.ndarray | slice) -> dict[str, Span]:
    """Return what each column holds in the chosen rows; `columns` are `plain_values`."""
    return {name: _span(numbers[rows], is_null[rows], words) for name, (numbers, is_null, words) in columns.items()}


def write_pieces(groups: Sequence[pa.Table], path: str, filesystem: pafs.FileSystem) -> None:
    """Write a Parquet file with one row group per table; on this machine it is durable when this returns."""
    filesystem.create_dir(posixpath.dirname(path), recursive=True)
    schema = groups[0].schema
    # A footer's bounds leave NaN out, and DuckDB 2.0 then misses NaN rows; without bounds it has to look.
    bounded = [name for name in schema.names if not any(_has_nan(group[name]) for group in groups)]
    with (
        filesystem.open_output_stream(path) as target,
        pq.ParquetWriter(target, schema, compression="snappy", write_statistics=bounded) as writer,
    ):
        for group in groups:
            writer.write_table(group, row_group_size=max(1, group.num_rows))
    if isinstance(filesystem, pafs.LocalFileSystem):
        sync_file(Path(path))


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`: after a crash the old content or the new is there, whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    sync_file(partial)
    partial.replace(path)
    sync_file(path.parent)


def sync_file(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _has_nan(column: pa.ChunkedArray) -> bool:
    return pa.types.is_floating(column.type) and any(
        bool(np.isnan(chunk.to_numpy(zero_copy_only=False)).any()) for chunk in column.chunks
    )


def _footer(path: str, filesystem: pafs.FileSystem) -> pq.FileMetaData:
    try:
        with filesystem.open_input_file(path) as opened:
            return pq.read_metadata(opened)
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: no such file") from None
    except pa.ArrowInvalid as error:
        with filesystem.open_input_file(path) as opened:
            is_cut = opened.size() >= 4 and opened.read(4) == b"PAR1"
        what = "is cut short, or damaged; fetch it again" if is_cut else "is no Parquet file"
        raise NotParquet(f"{path}: {what}") from error


def _difference(first: pa.Schema, other: pa.Schema) -> str:
    if missing := [name for name in first.names if name not in other.names]:
        return f"column '{missing[0]}' is missing"
    if more := [name for name in other.names if name not in first.names]:
        return f"column '{more[0]}' is too many"
    for field in first:
        if other.field(field.name).type != field.type:
            return f"column '{field.name}' is {other.field(field.name).type}, not {field.type}"
    return "the columns are in another order, or differ in whether they may be NULL"


def _kind(kind: pa.DataType) -> Kind:
    types = pa.types
    if types.is_dictionary(kind):
        return (
            _kind(kind.value_type)
            if types.is_large_string(kind.value_type) or types.is_string(kind.value_type)
            else "other"
        )
    if types.is_integer(kind) and not types.is_uint64(kind):
        return "integer"
    if types.is_float64(kind) or types.is_float32(kind):
        return "float" if types.is_float64(kind) else "float32"
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    if types.is_date32(kind):
        return "date"
    if types.is_timestamp(kind) and kind.tz is None:
        return f"timestamp[{kind.unit}]"  # pyrefly: ignore  # the unit is one of the four of Kind
    return "other"


def _span(numbers: np.ndarray, is_null: np.ndarray, words: list[str]) -> Span:
    null_count = int(is_null.sum())
    if null_count == len(numbers):
        return Span(None, None, null_count, is_all_null=True)
    present = numbers[~is_null] if null_count else numbers
    low, high = present.min(), present.max()
    if present.dtype.kind == "f" and np.isnan(low):  # a NaN anywhere makes both ends NaN
        known = present[~np.isnan(present)]
        if not len(known):
            return Span(None, None, null_count, is_all_null=True, has_nan=True)
        return Span(known.min().item(), known.max().item(), null_count, has_nan=True)
    if words:
        distinct = np.unique(present)
        values = tuple(words[index] for index in distinct) if len(distinct) <= MOST_VALUES else None
        return Span(words[low], words[high], null_count, values)
    values = None
    if present.dtype.kind == "i" and high - low < 4096:
        distinct = np.flatnonzero(np.bincount(present - low)) + low
        values = tuple(distinct.tolist()) if len(distinct) <= MOST_VALUES else None
    return Span(low.item(), high.item(), null_count, values)


def _spans_from_footer(metadata: pq.FileMetaData, group: int, kinds: dict[str, Kind]) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    row_group = metadata.row_group(group)
    for index in range(row_group.num_columns):
        column = row_group.column(index)
        kind = kinds.get(column.path_in_schema, "other")
        statistics = column.statistics
        if kind == "other" or statistics is None:
            continue
        nulls = statistics.null_count if statistics.has_null_count else row_group.num_rows
        if not statistics.has_min_max:
            is_all_null = bool(statistics.has_null_count) and nulls == row_group.num_rows
            spans[column.path_in_schema] = Span(None, None, nulls, is_all_null=is_all_null)
            continue
        low, high = _plain(statistics.min, kind), _plain(statistics.max, kind)
        spans[column.path_in_schema] = Span(low, high, nulls)
    return spans


def _plain(value: Any, kind: Kind) -> Value | None:  # noqa: ANN401 -- as the footer has it
    """Return a footer's bound as the number or word that `plain_values` gives, or None where it cannot be one."""
    if kind == "text":
        return value if isinstance(value, str) else None
    if kind in ("float", "float32"):
        return float(value)
    if kind == "date":
        return pa.scalar(value, pa.date32()).cast(pa.int32()).as_py()
    if kind.startswith("timestamp"):
        unit = kind.removeprefix("timestamp[").removesuffix("]")
        return pa.scalar(value, pa.timestamp(unit)).value
    return int(value)
