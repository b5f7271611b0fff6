"""Tables that re-arrange themselves to their own queries, each change verified before it stays."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.tables.catalog import Adjustment, Trial
    from proving.tables.engine import EngineSettings
    from proving.tables.session import Tables, TableStatus
    from proving.tables.workload import QueryRecord

__all__ = ["Adjustment", "EngineSettings", "QueryRecord", "TableStatus", "Tables", "Trial"]

_HOMES = {
    "Adjustment": "catalog",
    "EngineSettings": "engine",
    "QueryRecord": "workload",
    "TableStatus": "session",
    "Tables": "session",
    "Trial": "catalog",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module when it is first used, so that importing the package stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'proving.tables' has no attribute '{name}'")
    return getattr(importlib.import_module(f"proving.tables.{_HOMES[name]}"), name)
