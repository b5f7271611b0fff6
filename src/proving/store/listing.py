"""One page of a listing, from names in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Page:
    """What a page holds: keys, common prefixes, and whether there is more."""

    keys: list[str] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    is_truncated: bool = False
    next_after: str = ""


def page_of(keys_from: Callable[[bytes], Iterator[bytes]], prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """Return the first `limit` keys and common prefixes behind `after`.

    A common prefix stands for all keys that begin with it and counts once. It is listed when one of its keys comes
    behind `after`, unless `after` is the common prefix itself: then the page before ended with it.

    Args:
        keys_from: Gives the keys, as UTF-8 and in that order, from one that need not be there on.
        prefix: Only keys that begin so.
        delimiter: Roll keys up that have it behind the prefix; "" for none.
        after: Only what comes behind it.
        limit: Keys and common prefixes together.
    """
    page = Page()
    if limit == 0:
        return page
    start, mark = prefix.encode(), delimiter.encode()
    behind = after.encode()
    todo = keys_from(max(start, behind + b"\0" if behind else b""))
    last = ""
    while (key := next(todo, None)) is not None and key.startswith(start):
        at = key.find(mark, len(start)) if mark else -1
        rolled = key[: at + len(mark)] if at >= 0 else None
        if rolled is not None and rolled == behind:
            todo = keys_from(rolled + b"\xff")
            continue
        if len(page.keys) + len(page.common_prefixes) == limit:
            page.is_truncated, page.next_after = True, last
            break
        last = (key if rolled is None else rolled).decode()
        if rolled is None:
            page.keys.append(last)
        else:
            page.common_prefixes.append(last)
            # No UTF-8 text contains this byte, so it comes behind every key with the prefix.
            todo = keys_from(rolled + b"\xff")
    return page
