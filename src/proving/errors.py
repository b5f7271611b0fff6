"""The root of every error that a caller may handle.

    Exception
    └── Error               whatever `proving` says is wrong; `str()` of it is one clear line
        ├── SettingsError   a TOML file or a flag is not what the settings want
        └── (each package's errors.py draws its own branch)

On the command line an `Error` becomes one line on stderr and exit code 2.
"""


class Error(Exception):
    """Something is wrong that the caller can mend; its text is one line that says what and how."""


class SettingsError(Error, ValueError):
    """A settings file has an unknown key, a value of the wrong kind, or is no TOML."""
