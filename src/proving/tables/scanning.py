"""Where a table's rows lie, and the scan that reads those pieces of it that a query needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from proving.tables.engine import ArrowScan, FileScan, Scan
from proving.tables.predicates import Predicate
from proving.tables.pruning import Piece, matching, rows_of


@dataclass(frozen=True)
class Scannable:
    """Parquet files with their pruning index.

    Attributes:
        paths: The files.
        filesystem: Where they lie; None is this machine, which DuckDB reads itself.
        schema: Their columns.
        pieces: Every row group of every file.
        is_indexed: The index is ours and decides what is read; else it only counts, and DuckDB's own pruning decides.
    """

    paths: tuple[str, ...]
    filesystem: pafs.FileSystem | None
    schema: pa.Schema
    pieces: tuple[Piece, ...]
    is_indexed: bool

    @property
    def row_count(self) -> int:
        """Rows in all files."""
        return rows_of(self.pieces)

    def whole(self) -> Scan:
        """Return the scan that reads everything."""
        return FileScan(self.paths) if self.filesystem is None else self._whole_dataset

    def needed(self, predicate: Predicate) -> tuple[Scan, int]:
        """Return a scan that holds every row that meets the predicate, and how many rows its pieces have."""
        chosen = matching(self.pieces, predicate)
        if not self.is_indexed or len(chosen) == len(self.pieces):
            return self.whole(), rows_of(chosen)
        # An empty answer still needs the columns, and they come from a file.
        chosen = chosen or [min(self.pieces, key=lambda piece: piece.row_count)]
        if self.filesystem is None:
            indexes = sorted({piece.file_index for piece in chosen})
            return FileScan(tuple(self.paths[index] for index in indexes)), rows_of(chosen)
        return self._dataset(chosen), rows_of(chosen)

    @cached_property
    def _whole_dataset(self) -> ArrowScan:
        return ArrowScan(
            ds.FileSystemDataset(list(self._fragments), self.schema, ds.ParquetFileFormat(), self.filesystem)
        )

    @cached_property
    def _fragments(self) -> tuple[Any, ...]:
        # Fragments keep the footers that they have read, so each is fetched once per session.
        kind = ds.ParquetFileFormat()
        return tuple(kind.make_fragment(path, self.filesystem) for path in self.paths)

    def _dataset(self, chosen: Sequence[Piece]) -> ArrowScan:
        groups: dict[int, list[int]] = {}
        for piece in chosen:
            groups.setdefault(piece.file_index, []).append(piece.row_group)
        fragments = [self._fragments[index].subset(row_group_ids=ids) for index, ids in sorted(groups.items())]
        return ArrowScan(ds.FileSystemDataset(fragments, self.schema, ds.ParquetFileFormat(), self.filesystem))
