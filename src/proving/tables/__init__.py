"""Tables that re-arrange themselves to their own queries, each change verified before it stays."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.tables.catalog import Adjustment, Trial
    from proving.tables.engine import EngineSettings
    from proving.tables.rearrange import Rearranging
    from proving.tables.session import Tables, TableStatus
    from proving.tables.workload import QueryRecord

__all__ = ["Adjustment", "EngineSettings", "QueryRecord", "Rearranging", "TableStatus", "Tables", "Trial"]


def __getattr__(name: str) -> object:
    # Lazy (PEP 562), so that importing the package costs neither DuckDB nor pyarrow.
    match name:
        case "Adjustment" | "Trial":
            module = "catalog"
        case "EngineSettings":
            module = "engine"
        case "QueryRecord":
            module = "workload"
        case "Rearranging":
            module = "rearrange"
        case "TableStatus" | "Tables":
            module = "session"
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
