"""Who may do what: users with a key pair each and rights by bucket, from a file; never a default."""

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TypeAlias

from proving.settings import settings_from
from proving.store.s3.credentials import Credentials, find_credentials
from proving.store.s3.errors import BadCredentials

Right: TypeAlias = Literal["read", "write", "manage"]

_BUCKET_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-*")
# What changes a bucket itself and not its objects.
_MANAGES = frozenset(
    ("CreateBucket", "DeleteBucket", "PutBucketVersioning", "PutBucketAcl", "PutBucketCors", "DeleteBucketCors",
     "PutBucketLifecycle", "DeleteBucketLifecycle", "GetBucketPolicy", "GetBucketPolicyStatus",
     "PutBucketPolicy", "DeleteBucketPolicy", "PutBucketTagging", "DeleteBucketTagging")
)  # fmt: skip
# Whoever uploads may ask how far the upload is.
_WRITES_THOUGH_IT_READS = frozenset(("ListParts",))


@dataclass(frozen=True, kw_only=True)
class User:
    """A key pair and what it is good for; each right is a list of bucket names, in which * stands for any text.

    Attributes:
        access_key: told with every request.
        secret_key: signs them; not shown by `repr`.
        read: buckets whose objects may be read and listed.
        write: buckets whose objects may be put and deleted.
        manage: buckets that may be made, deleted and set up.
    """

    access_key: str
    secret_key: str = field(repr=False)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    manage: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Credentials(access_key=self.access_key, secret_key=self.secret_key)
        for pattern in (*self.read, *self.write, *self.manage):
            if not pattern or not set(pattern) <= _BUCKET_SIGNS:
                raise BadCredentials(f"user {self.access_key}: {pattern!r} is no bucket name, with or without *")

    def may_see(self, bucket: str) -> bool:
        """Return whether the user has any right on a bucket."""
        return any(_names(patterns, bucket) for patterns in (self.read, self.write, self.manage))


@dataclass(frozen=True, kw_only=True)
class _File:
    users: tuple[User, ...]


class Users:
    """All users of a server, by access key."""

    def __init__(self, users: Iterable[User]) -> None:
        """Know `users`.

        Raises:
            BadCredentials: there is none, or two have the same access key.
        """
        given = list(users)
        self._users = {user.access_key: user for user in given}
        if not given or len(self._users) < len(given):
            raise BadCredentials("there must be at least one user, and each needs an access_key of its own")

    @classmethod
    def of(cls, pair: "Credentials | Users") -> "Users":
        """Return users as they are; a single key pair may do everything."""
        if isinstance(pair, Users):
            return pair
        everything = ("*",)
        return cls(
            [
                User(
                    access_key=pair.access_key,
                    secret_key=pair.secret_key,
                    read=everything,
                    write=everything,
                    manage=everything,
                )
            ]
        )

    def secret_of(self, access_key: str) -> str | None:
        """Return the secret of a user; None where there is no such user."""
        user = self._users.get(access_key)
        return None if user is None else user.secret_key

    def named(self, access_key: str) -> User:
        """Return the user of a verified signature."""
        return self._users[access_key]


def find_users(file: Path | None, environment: Mapping[str, str] | None = None) -> Users:
    """Return the users that a TOML file lists as [[users]]; else the one key pair of `find_credentials`.

    Each of [[users]] has access_key, secret_key, read, write and manage; the last three may be left out.

    Raises:
        BadCredentials: there is none, the file cannot be read, or a user is malformed.
        proving.settings.SettingsError: it has an unknown or a missing key.
    """
    table = _table(file) if file is not None and file.suffix != ".json" else {}
    if "users" not in table:
        return Users.of(find_credentials(file, environment))
    return Users(settings_from(table, _File, where=str(file)).users)


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCredentials(f"{file}: no such file") from None
    except (OSError, ValueError) as error:
        raise BadCredentials(f"{file}: cannot be read as TOML: {error}") from error


@functools.cache
def right_for(operation: str) -> Right:
    """Return which of a user's rights an operation needs."""
    if operation in _MANAGES:
        return "manage"
    if operation.startswith(("Get", "Head", "List")) and operation not in _WRITES_THOUGH_IT_READS:
        return "read"
    return "write"


def has_right(user: User, operation: str, bucket: str) -> bool:
    """Return whether a user has the right that an operation on a bucket needs."""
    return _names(getattr(user, right_for(operation)), bucket)


def _names(patterns: tuple[str, ...], bucket: str) -> bool:
    return (
        "*" in patterns
        or bucket in patterns
        or any(pattern == bucket or fnmatchcase(bucket, pattern) for pattern in patterns)
    )
