"""Decode multipart/form-data as it arrives: a few short fields, then one file, whatever the pieces it comes in.

Source: RFC 7578 and RFC 2046, section 5.1; what comes behind the file is read and passed over, as S3 does.
"""

import re
from email.message import Message

from proving.store.s3.errors import Refused

FIELDS_LIMIT_BYTES = 20 * 1024
"""What the fields may take in all, with their headers; S3's own limit."""
_HEAD_LIMIT_BYTES = 4096
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")
_START, _HEAD, _FIELD, _FILE, _DONE = range(5)


class FormDecoder:
    """Decodes one form.

    Attributes:
        fields: by lower-case name, as far as they have come.
        file_name: as the browser tells it, without folders; None until the file begins.
        is_done: Whether the file has ended.
    """

    def __init__(self, content_type: str) -> None:
        """Start with the request's Content-Type.

        Raises:
            Refused: it names no boundary.
        """
        message = Message()
        message["Content-Type"] = content_type
        boundary = message.get_boundary() or ""
        if not _BOUNDARY.fullmatch(boundary):
            raise Refused("MalformedPOSTRequest")
        self._mark = f"\r\n--{boundary}".encode()
        # As if a line had just ended: then the first boundary is like the others.
        self._held = bytearray(b"\r\n")
        # The line break before a file belongs to its head; it stays, because it may begin the boundary of an empty one.
        self._skipped = 2
        self._state = _START
        self._name = ""
        self._fields_bytes = 0
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the file has ended."""
        return self._state == _DONE

    def feed(self, data: bytes) -> bytes:
        """Return what of the file is in `data`, or was held back before.

        Raises:
            Refused: this is no form, or its fields are too large.
        """
        if self._state == _DONE:
            return b""
        self._held += data
        while self._step():
            pass
        if self._state < _FILE:
            if self._fields_bytes + len(self._held) > FIELDS_LIMIT_BYTES:
                raise Refused("MaxPostPreDataLengthExceededError")
            return b""
        return self._file_bytes()

    def _step(self) -> bool:
        """Take one boundary, head or field from what is held; return whether there may be another."""
        if self._state == _START:
            return self._take_boundary(self._held.find(self._mark))
        if self._state == _HEAD:
            end = self._held.find(b"\r\n\r\n")
            if end > _HEAD_LIMIT_BYTES or (end < 0 and len(self._held) > _HEAD_LIMIT_BYTES):
                raise Refused("MalformedPOSTRequest", "The head of a field is too large.")
            if end < 0:
                return False
            self._take_head(bytes(self._held[:end]))
            # The line break that ends the head may begin the boundary behind an empty value.
            del self._held[: end + 2]
            self._fields_bytes += end
            return self._state == _FIELD
        if self._state == _FIELD:
            at = self._held.find(self._mark)
            if at < 0:
                return False
            self._take_field(bytes(self._held[2:at]))
            return self._take_boundary(at)
        return False

    def _take_boundary(self, at: int) -> bool:
        behind = at + len(self._mark)
        if at < 0 or len(self._held) < behind + 2:
            return False
        end = bytes(self._held[behind : behind + 2])
        if end != b"\r\n" or (self._state == _START and at > 0):
            # A form that ends before a file has none.
            if end == b"--":
                raise Refused("InvalidArgument", "POST requires exactly one file upload per request.")
            raise Refused("MalformedPOSTRequest")
        del self._held[: behind + 2]
        self._state = _HEAD
        return True

    def _take_head(self, head: bytes) -> None:
        headers = Message()
        for line in head.split(b"\r\n"):
            name, colon, value = line.decode("utf-8", "replace").partition(":")
            if not colon:
                raise Refused("MalformedPOSTRequest")
            headers[name] = value.strip()
        name = headers.get_param("name", None, "content-disposition")
        if headers.get_content_disposition() != "form-data" or not isinstance(name, str):
            raise Refused("MalformedPOSTRequest")
        self._name = name.lower()
        if self._name == "file":
            file_name = headers.get_filename("")
            self.file_name = re.split(r"[/\\]", file_name)[-1]
            self._state = _FILE
        elif self._name in self.fields:
            raise Refused("InvalidArgument", f"The field {name} is given twice.")
        else:
            self._state = _FIELD

    def _take_field(self, value: bytes) -> None:
        self._fields_bytes += len(value)
        if self._fields_bytes > FIELDS_LIMIT_BYTES:
            raise Refused("MaxPostPreDataLengthExceededError")
        try:
            self.fields[self._name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("InvalidArgument", f"The field {self._name} is no valid UTF-8.") from None

    def _file_bytes(self) -> bytes:
        held = self._held
        at = held.find(self._mark)
        if at >= 0:
            found = bytes(held[self._skipped : at])
            self._held = bytearray()
            self._state = _DONE
            return found
        # What may be the beginning of the boundary stays.
        end = len(held) - len(self._mark) + 1
        if end <= self._skipped:
            return b""
        found = bytes(held[self._skipped : end])
        del held[:end]
        self._skipped = 0
        return found
