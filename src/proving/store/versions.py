"""Which entries change in a bucket that keeps versions: decisions on a view of the index, nothing else.

A key's current object lies under its usual name, so what knows nothing of versions works as ever. Older versions and
delete markers lie in its history:

    "v" bucket 0 key-with-zeros-escaped 0 1 (2^63 - 1 - order, 8 bytes, big-endian)

so a key's history sorts newest first. The order of a version rises by one with each version of its key and never
changes; a version id is the order and a random number, both in 16 hex digits, or "" for the version that S3 calls null.
Where there is no current object, the newest of the history is a delete marker.
"""

from collections.abc import Sequence

from proving.errors import Error
from proving.store import entries
from proving.store.entries import Entry, Facts, Name, Value
from proving.store.index import View

ENABLED, SUSPENDED = "Enabled", "Suspended"
ID_CHARACTERS = 32
_HISTORY = b"v"
_MOST = (1 << 63) - 1
_ORDER_BYTES = 8
# A zero byte in a key becomes 00 FF, its end 00 01: so longer keys sort behind their beginnings, as in listings.
_ESCAPED, _END = b"\0\xff", b"\0\x01"


class Outgrown(Error, ValueError):
    """A change needs more room in its batch than was asked for; it is tried again with that much."""

    def __init__(self, size_bytes: int) -> None:
        """Tell how much it needs."""
        self.size_bytes = size_bytes
        super().__init__(f"the change needs {size_bytes} bytes")


def histories(bucket: str, key_beginning: str = "") -> Name:
    """Return what the history names of all keys of a bucket begin with that themselves begin so."""
    return b"".join((_HISTORY, bucket.encode(), b"\0", key_beginning.encode().replace(b"\0", _ESCAPED)))


def history(bucket: str, key: str) -> Name:
    """Return what the history names of one key begin with."""
    return histories(bucket, key) + _END


def history_name(bucket: str, key: str, order: int) -> Name:
    """Return the name of one older version or delete marker."""
    return history(bucket, key) + (_MOST - order).to_bytes(_ORDER_BYTES, "big")


def key_of(name: Name, bucket: str) -> bytes:
    """Return the key that a history name is for, as UTF-8."""
    return name[len(bucket.encode()) + 2 : -_ORDER_BYTES - len(_END)].replace(_ESCAPED, b"\0")


def order_of(version: str) -> int:
    """Return the order that a version id tells; -1 where it tells none."""
    try:
        order = int(version[:16], 16) if len(version) == ID_CHARACTERS else -1
    except ValueError:
        return -1
    return order if order <= _MOST else -1


def put(view: View, bucket: str, key: str, value: Value, token: str) -> tuple[list[Entry], str]:
    """Return what changes when `value` becomes the current object, and its version id.

    Args:
        view: The index as it will be before.
        bucket: Where; it may keep versions or not.
        key: Under what.
        value: An object's entry that says nothing of versions.
        token: 16 hex digits for the version id.
    """
    name = entries.object_name(bucket, key)
    state = _state(view, bucket)
    if not state:
        return [(name, value)], ""
    made, order = _make_way(view, bucket, key, state)
    version = _version(order, token) if state == ENABLED else ""
    return [*made, (name, entries.with_version(value, order, version))], version


def delete(view: View, bucket: str, key: str, token: str, now_s: float) -> tuple[list[Entry], Facts | None]:
    """Return what changes when a key is deleted without naming a version, and the delete marker if one is made."""
    name = entries.object_name(bucket, key)
    state = _state(view, bucket)
    if not state:
        return ([] if view.get(name) is None else [(name, None)]), None
    made, order = _make_way(view, bucket, key, state)
    version = _version(order, token) if state == ENABLED else ""
    marker = Facts(0, "", now_s, "", {}, version, order, is_delete_marker=True)
    made.append((history_name(bucket, key, order), entries.object_value((), marker)))
    if view.get(name) is not None:
        made.append((name, None))
    return made, marker


def remove(view: View, bucket: str, key: str, version: str) -> tuple[list[Entry], Facts | None]:
    """Return what changes when one version is removed for good, and what it was; None where there was none.

    What was below the newest becomes the current object, unless it is a delete marker.
    """
    name = entries.object_name(bucket, key)
    found = find(view, bucket, key, version)
    if found is None:
        return [], None
    gone, value = found
    facts = entries.facts_of(value)
    below = [other for other in view.names(history(bucket, key), 2) if other != gone]
    is_newest = gone == name or (view.get(name) is None and not any(other < gone for other in below))
    promoted = view.get(below[0]) if is_newest and below else None
    if promoted is None or entries.facts_of(promoted).is_delete_marker:
        return [(gone, None)], facts
    made: list[Entry] = [(name, promoted), (below[0], None)]
    return (made if gone == name else [*made, (gone, None)]), facts


def find(view: View, bucket: str, key: str, version: str) -> tuple[Name, Value] | None:
    """Return the name and entry of one version of a key, delete markers included."""
    current = entries.object_name(bucket, key)
    order = order_of(version)
    if not version:
        candidates = [current, *view.names(history(bucket, key))]
    else:
        candidates = [current, history_name(bucket, key, order)] if order >= 0 else []
    for name in candidates:
        value = view.get(name)
        if value is not None and entries.facts_of(value).version == version:
            return name, value
    return None


def newest(view: View, bucket: str, key: str) -> Facts | None:
    """Return what is said of a key's newest version, a delete marker included; None where there is none."""
    value = view.get(entries.object_name(bucket, key))
    if value is None:
        names = view.names(history(bucket, key), 1)
        value = view.get(names[0]) if names else None
    return None if value is None else entries.facts_of(value)


def room_bytes(made: Sequence[Entry]) -> int:
    """Return how long entries are as they are written."""
    size_bytes = 0
    for name, value in made:
        size_bytes += len(name) + len(value or b"") + entries.PAIR_BYTES
    return size_bytes


def _version(order: int, token: str) -> str:
    if not token:
        # Whoever asked did not know that the bucket keeps versions.
        raise Outgrown(0)
    return f"{order:016x}{token}"


def _state(view: View, bucket: str) -> str:
    value = view.get(entries.bucket_name(bucket))
    return "" if value is None else entries.versioning_of(value)


def _make_way(view: View, bucket: str, key: str, state: str) -> tuple[list[Entry], int]:
    """Return what moves to the history for a new version, and the new version's order.

    What comes into the history stands before what leaves, so that no chunk is ever without a name.
    """
    top = newest(view, bucket, key)
    order = 1 if top is None else top.order + 1
    made: list[Entry] = []
    old = view.get(entries.object_name(bucket, key))
    if old is not None:
        facts = entries.facts_of(old)
        if state == ENABLED or facts.version:
            made.append((history_name(bucket, key, facts.order), old))
    if state == SUSPENDED:
        null = find(view, bucket, key, "")
        if null is not None and null[0] != entries.object_name(bucket, key):
            made.append((null[0], None))
    return made, order
