"""Instrumented roads, and the four kinds of machinery under them.

`proving.traffic`, `proving.video`, `proving.tables`, `proving.store` and `proving.check` each serve alone;
`proving.corridor` joins them on one road. `ARCHITECTURE.md` is the map.
"""

from proving.errors import Error, SettingsError

__version__ = "0.1.0"
__all__ = ["Error", "SettingsError", "__version__"]
