"""What every operation is given: the store, the uploads in progress, and the settings."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proving.store.s3.authority import Authority
from proving.store.s3.head import Answer
from proving.store.s3.http import Shared
from proving.store.s3.intake import Received
from proving.store.s3.multipart import Uploads
from proving.store.s3.recent import Recent
from proving.store.s3.requests import Request

if TYPE_CHECKING:
    from proving.store import Store


@dataclass(frozen=True)
class Context:
    """What an operation works on."""

    store: "Store"
    uploads: Uploads
    now_s: Callable[[], float]
    grants_by_acl: bool = False

    @functools.cached_property
    def authority(self) -> Authority:
        """Return what decides who may do what."""
        return Authority(self.store, grants_by_acl=self.grants_by_acl)

    @functools.cached_property
    def recent(self) -> Recent:
        """Return what reads small objects; on the event loop only."""
        return Recent(self.store)


Operation = Callable[[Context, Request, Received], Answer]
"""Does one verified request; may raise the store's errors and `Refused`."""


@dataclass(frozen=True)
class Handler:
    """An operation and how it is served.

    Attributes:
        run: the operation.
        is_quick: whether it may run on the event loop: it waits for no disk write.
        takes_object: whether its body is an object's bytes, staged in blocks; else a small document.
        sums_body: whether checksum headers are of the body that is sent; else they are of the object that it makes.
        check: refuses early, before a body is asked for.
        share: where the body is small, returns what is to be done together with other requests, instead of `run`.
    """

    run: Operation
    is_quick: bool = False
    takes_object: bool = False
    sums_body: bool = True
    check: Callable[[Context, Request], None] | None = None
    share: Callable[[Context, Request, Received], Shared] | None = None
