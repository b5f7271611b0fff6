"""Toy logs with one planted bug each; the tests of the tester demand that every one is found."""

import zlib

from proving.check.toy_check import toy_check
from proving.check.toy_log import _DELETE, _HEADER, ToyLog


class PointerBeforeData(ToyLog):
    """The pointer is durable before the bytes below it."""

    def append(self, kind: int, key: int, value: bytes) -> None:
        if self.frame_start(self.end) + _HEADER.size + len(value) > self.settings.extent_bytes:
            self.reclaim()
        self.write_frame(kind, key, value)
        self.write_pointer()
        self.disk.sync("pointer")
        self.disk.sync(self.extent)


class IndexBeforeData(ToyLog):
    """The root names copies that are not durable yet."""

    def persist_copies(self) -> None:
        self.write_root()
        self.disk.sync(self.extent)


class MissingSync(ToyLog):
    """A put returns before its pointer is durable."""

    def append(self, kind: int, key: int, value: bytes) -> None:
        if self.frame_start(self.end) + _HEADER.size + len(value) > self.settings.extent_bytes:
            self.reclaim()
        self.write_frame(kind, key, value)
        self.disk.sync(self.extent)
        self.write_pointer()


class LostTombstone(ToyLog):
    """A deleted key comes back when the log is opened again."""

    def scan(self, pointer: int) -> None:
        before = self.enter
        self.enter = lambda kind, *where: None if kind == _DELETE else before(kind, *where)
        super().scan(pointer)
        self.enter = before


class StaleCache(ToyLog):
    """Pages of the extent's last life stay in the cache."""

    def reclaim(self) -> None:
        pages = dict(self.cache)
        super().reclaim()
        self.cache = pages


class OffByOneAtPageEnd(ToyLog):
    """Recovery skips to the next page where exactly one header still fits."""

    def scan(self, pointer: int) -> None:
        right = self.frame_start

        def wrong(offset: int) -> int:
            left = -offset % self.settings.page_bytes
            return offset + left if left <= _HEADER.size else offset

        self.frame_start = wrong
        super().scan(pointer)
        self.frame_start = right


class WrongRange(ToyLog):
    """A range that ends with the value loses the last byte."""

    def get(self, key: int, start: int = 0, size: int | None = None) -> bytes | None:
        value = super().get(key, start, size)
        return value[:-1] if value and size is not None and start + size > self.index[key][1] else value


class RemovedTooEarly(ToyLog):
    """The old extent goes before the root points to the new one."""

    def persist_copies(self) -> None:
        self.disk.sync(self.extent)
        self.disk.remove(f"extent-{(self.epoch + 1) % 2}")
        self.write_root()
        self.disk.create(f"extent-{(self.epoch + 1) % 2}", 0)


class RaisesOnEmpty(ToyLog):
    """An empty value makes an undeclared error."""

    def put(self, key: int, value: bytes) -> None:
        zlib.crc32(bytes(value[0:1]) or value[0].to_bytes())
        super().put(key, value)


BUGS = {
    log.__name__: toy_check(f"toy_bugs:{log.__name__.upper()}", log.__doc__ or "", log)
    for log in (
        PointerBeforeData,
        IndexBeforeData,
        MissingSync,
        LostTombstone,
        StaleCache,
        OffByOneAtPageEnd,
        WrongRange,
        RemovedTooEarly,
        RaisesOnEmpty,
    )
}
globals().update({check.name.partition(":")[2]: check for check in BUGS.values()})
