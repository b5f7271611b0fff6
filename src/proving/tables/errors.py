"""What can go wrong with tables, and what the caller can do about it.

Error:
├── NoSuchTable        (KeyError)           no table of that name is registered
├── NoSuchFile         (FileNotFoundError)  a table's file is not there
├── NotParquet         (ValueError)         a file is no Parquet file, or is cut short
├── SchemaMismatch     (ValueError)         the files of one table have different columns
├── BadTableName       (ValueError)         a name that SQL could not say without quotes
├── QueryError         (ValueError)         DuckDB cannot run the query; says where
│   └── NotAQuestion                        the statement is not exactly one SELECT
├── NotAttached        (LookupError)        the table lies on a file system that this session was not given
├── FolderInUse        (BlockingIOError)    another process re-arranges tables in the same folder
├── DamagedCatalog     (ValueError)         the folder's catalog is not what this version wrote
└── WrongRewrite       (ValueError)         a re-arranged table is not the same table; never shown to queries
"""

from proving.errors import Error


class NoSuchTable(Error, KeyError):
    """No table of that name is registered."""

    # KeyError would put the text in quotes.
    # pyrefly: ignore [missing-override-decorator] -- typing.override came with Python 3.12
    def __str__(self) -> str:
        return Exception.__str__(self)


class NoSuchFile(Error, FileNotFoundError):
    """A table's file is not there."""


class NotParquet(Error, ValueError):
    """A file is no Parquet file, or is cut short."""


class SchemaMismatch(Error, ValueError):
    """The files of one table have different columns."""


class BadTableName(Error, ValueError):
    """A table's name must be a plain word."""


class QueryError(Error, ValueError):
    """DuckDB cannot run the query; the text says why and where."""


class NotAQuestion(QueryError):
    """The statement is not exactly one SELECT: tables are read here, never written."""


class NotAttached(Error, LookupError):
    """The table lies on a file system that this session was not given."""


class FolderInUse(Error, BlockingIOError):
    """Another process re-arranges tables in the same folder."""


class DamagedCatalog(Error, ValueError):
    """The folder's catalog is not what this version wrote."""


class WrongRewrite(Error, ValueError):
    """A re-arranged table does not hold the rows of the table it was made from."""
