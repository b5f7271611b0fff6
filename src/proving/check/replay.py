"""A failure as one short token, and the way back: the same operations again, in any process, on any machine.

A token is base32 of: version, fingerprint of the alphabet, seed, property, name of the check, then each step as its
id, and its fields where the shrinker changed them; a CRC-32 closes it. It holds plain values only, so reading one runs
nothing.
"""

import base64
import binascii
import dataclasses
import hashlib
import inspect
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from proving.check.errors import BadToken
from proving.check.same_as_model import Check, Failure, Step, draw_steps, run_steps

_VERSION = 1
_DRAWN, _CHANGED = 0, 1


@dataclass(frozen=True)
class Token:
    """What a token says, before its check is known.

    Attributes:
        fingerprint: Of the alphabet that made it, 4 bytes.
        steps: For each step its id, and its kind's name and fields if they are not as drawn.
    """

    check: str
    fingerprint: bytes
    seed: int
    property: str
    steps: tuple[tuple[int, tuple[str, tuple[object, ...]] | None], ...]


@dataclass(frozen=True)
class Replayed:
    """What came of a replay.

    Attributes:
        failure: What was found this time; None when the steps pass.
        wanted_property: What the token was made for.
        is_same_alphabet: False when the alphabet has changed since: the steps may mean something else.
    """

    steps: tuple[Step, ...]
    failure: Failure | None
    wanted_property: str
    is_same_alphabet: bool


def make_token(check: Check[Any, Any, Any], failure: Failure) -> str:
    """Return the token that repeats a failure."""
    drawn = draw_steps(check, failure.seed, [step.id for step in failure.steps])
    body = bytearray([_VERSION])
    body += fingerprint(check)
    _put(body, failure.seed)
    _put(body, failure.property)
    _put(body, check.name)
    for step, as_drawn in zip(failure.steps, drawn, strict=True):
        # By text, because True equals 1 and is still another value.
        is_changed = repr(step.operation) != repr(as_drawn.operation)
        _put_number(body, step.id << 1 | (_CHANGED if is_changed else _DRAWN))
        if is_changed:
            _put(body, type(step.operation).__name__)
            _put(body, _fields(step.operation))
    body += struct.pack("<I", zlib.crc32(body))
    return base64.b32encode(bytes(body)).decode().rstrip("=")


def read_token(text: str) -> Token:
    """Return what a token says.

    Raises:
        BadToken: it is damaged, cut short, or of another version.
    """
    plain = "".join(text.split()).upper()
    try:
        body = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except binascii.Error as error:
        raise BadToken("the replay token has characters that no token has; copy it whole, A-Z and 2-7 only") from error
    if len(body) < 9 or zlib.crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
        raise BadToken("the replay token is damaged or cut short (its checksum does not fit); copy it whole")
    if body[0] != _VERSION:
        raise BadToken(f"the replay token is of version {body[0]}, this proving reads version {_VERSION}")
    reader = _Reader(body[5:-4])
    seed, property_, check = reader.take(), reader.take(), reader.take()
    if not isinstance(seed, int) or not isinstance(property_, str) or not isinstance(check, str):
        raise BadToken("the replay token does not name a seed, a property and a check")
    steps = []
    while reader.is_left():
        number = reader.take_number()
        steps.append((number >> 1, _taken_operation(reader) if number & 1 == _CHANGED else None))
    return Token(check, body[1:5], seed, property_, tuple(steps))


def replay(check: Check[Any, Any, Any], token: Token) -> Replayed:
    """Run the steps of a token again.

    Raises:
        BadToken: the alphabet has changed so much that the steps cannot be made any more.
    """
    drawn = draw_steps(check, token.seed, [id_ for id_, _ in token.steps])
    steps = tuple(
        as_drawn if changed is None else Step(as_drawn.id, _operation(check, *changed))
        for as_drawn, (_, changed) in zip(drawn, token.steps, strict=True)
    )
    failure = run_steps(check, token.seed, steps)
    return Replayed(steps, failure, token.property, token.fingerprint == fingerprint(check))


def fingerprint(check: Check[Any, Any, Any]) -> bytes:
    """Return 4 bytes that change when the alphabet draws other operations: its rows, their fields, its draw code."""
    parts = [_source(check.setup)]
    for kind in check.kinds:
        fields = ",".join(f"{field.name}:{field.type}" for field in dataclasses.fields(kind.operation))
        parts.append(f"{kind.name}({fields})*{kind.weight}={_source(kind.draw)}")
    return hashlib.sha256("\n".join(parts).encode()).digest()[:4]


def _source(function: object) -> str:
    try:
        return inspect.getsource(function)  # pyrefly: ignore[bad-argument-type]  any callable; the rest raises TypeError
    except (OSError, TypeError):
        return getattr(function, "__qualname__", type(function).__qualname__)


def _fields(operation: Any) -> tuple[object, ...]:  # noqa: ANN401  any dataclass
    return tuple(getattr(operation, field.name) for field in dataclasses.fields(operation))


def _operation(check: Check[Any, Any, Any], name: str, values: tuple[object, ...]) -> object:
    kind = next((kind for kind in check.kinds if kind.name == name), None)
    if kind is None or len(dataclasses.fields(kind.operation)) != len(values):
        raise BadToken(f"the token's operation {name}{values!r} no longer fits the alphabet of {check.name}")
    try:
        return kind.operation(*values)
    except (TypeError, ValueError) as error:
        raise BadToken(f"the token's operation {name}{values!r} is refused: {error}") from error


def _taken_operation(reader: "_Reader") -> tuple[str, tuple[object, ...]]:
    name, values = reader.take(), reader.take()
    if not isinstance(name, str) or not isinstance(values, tuple):
        raise BadToken("the replay token holds an operation without name or fields")
    return name, values


def _put_number(body: bytearray, number: int) -> None:
    """Append a number >= 0 in groups of seven bits, lowest first."""
    while number > 0x7F:
        body.append(number & 0x7F | 0x80)
        number >>= 7
    body.append(number)


def _put(body: bytearray, value: object) -> None:
    """Append a tagged value; small numbers take one byte."""
    if value is None or isinstance(value, bool):
        body.append({None: 0x80, False: 0x81, True: 0x82}[value])
    elif isinstance(value, int):
        if 0 <= value < 0x80:
            body.append(value)
        else:
            body.append(0x83 if value >= 0 else 0x84)
            _put_number(body, abs(value))
    elif isinstance(value, float):
        body += b"\x85" + struct.pack("<d", value)
    elif isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        body.append(0x86 if isinstance(value, str) else 0x87)
        _put_number(body, len(data))
        body += data
    elif isinstance(value, tuple):
        body.append(0x88)
        _put_number(body, len(value))
        for inner in value:
            _put(body, inner)
    else:
        raise TypeError(f"an operation's field holds numbers, text, bytes, None and tuples, not {type(value).__name__}")


class _Reader:
    """Takes values from the bytes of a token, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def is_left(self) -> bool:
        return self._at < len(self._data)

    def take_bytes(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise BadToken("the replay token ends in the middle of a value")
        self._at += size
        return part

    def take_number(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self.take_bytes(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def take(self, depth: int = 0) -> object:
        tag = self.take_bytes(1)[0]
        if tag < 0x80:
            return tag
        if tag in (0x80, 0x81, 0x82):
            return (None, False, True)[tag - 0x80]
        if tag in (0x83, 0x84):
            return self.take_number() * (1 if tag == 0x83 else -1)
        if tag == 0x85:
            return struct.unpack("<d", self.take_bytes(8))[0]
        if tag in (0x86, 0x87):
            return self._text_or_bytes(tag)
        if tag == 0x88 and depth < 8:
            return tuple(self.take(depth + 1) for _ in range(min(self.take_number(), len(self._data))))
        raise BadToken(f"the replay token holds an unknown kind of value ({tag:#x})")

    def _text_or_bytes(self, tag: int) -> str | bytes:
        data = self.take_bytes(self.take_number())
        try:
            return data.decode() if tag == 0x86 else data
        except UnicodeDecodeError as error:
            raise BadToken("the replay token holds text that is no UTF-8") from error
