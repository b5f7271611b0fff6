"""The key pair that requests are checked against: from the environment or a small file, never a default."""

import hmac
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from proving.settings import settings_from
from proving.store.s3.errors import BadCredentials

ACCESS_KEY_VARIABLE = "PROVING_ACCESS_KEY"
SECRET_KEY_VARIABLE = "PROVING_SECRET_KEY"  # noqa: S105 - the name of a variable, no secret


class Secrets(Protocol):
    """Whoever knows secrets by access key: one pair, or all users."""

    def secret_of(self, access_key: str) -> str | None:
        """Return the secret of an access key; None where it is not known."""
        ...


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An access key and its secret; the secret is not shown by `repr`."""

    access_key: str
    secret_key: str = field(repr=False)

    def __post_init__(self) -> None:
        # The access key is a field of "Credential=KEY/date/region/s3/aws4_request, ...".
        if not self.access_key.isascii() or not self.access_key or set(self.access_key) & set("/,= \t\r\n"):
            raise BadCredentials("access_key must be ASCII without '/', ',', '=' or blanks, and not empty")
        if len(self.secret_key) < 8:
            raise BadCredentials("secret_key must have at least 8 characters")

    def secret_of(self, access_key: str) -> str | None:
        """Return the secret of an access key; None where it is another than this pair's."""
        is_known = hmac.compare_digest(access_key.encode("utf-8", "surrogateescape"), self.access_key.encode())
        return self.secret_key if is_known else None


def find_credentials(file: Path | None, environment: Mapping[str, str] | None = None) -> Credentials:
    """Return the pair in `file` (TOML, or JSON where the name ends in .json), else the one in the environment.

    Raises:
        BadCredentials: neither is there, only half of it is, or it is malformed.
        proving.settings.SettingsError: the file has an unknown or a missing key.
    """
    if file is not None:
        return _read_file(file)
    environment = os.environ if environment is None else environment
    access_key, secret_key = environment.get(ACCESS_KEY_VARIABLE, ""), environment.get(SECRET_KEY_VARIABLE, "")
    if not access_key or not secret_key:
        raise BadCredentials(
            f"no credentials: set {ACCESS_KEY_VARIABLE} and {SECRET_KEY_VARIABLE}, or give --credentials FILE "
            "(TOML or JSON with access_key and secret_key)"
        )
    return Credentials(access_key=access_key, secret_key=secret_key)


def _read_file(file: Path) -> Credentials:
    try:
        text = file.read_text(encoding="utf-8")
        table = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise BadCredentials(f"{file}: no such file") from None
    except (OSError, ValueError) as error:
        raise BadCredentials(f"{file}: cannot be read as TOML or JSON: {error}") from error
    if not isinstance(table, dict):
        raise BadCredentials(f"{file}: expected access_key and secret_key")
    return settings_from(table, Credentials, where=str(file))
