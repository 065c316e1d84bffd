"""Frames between the processes of a sandbox: a length in four bytes and then JSON, whatever the other side sends.

Never pickle, marshal or eval: the worst that a frame can do is to be refused.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LARGEST = 32 << 20
"""Bytes of a frame that a candidate may send."""
HUGE = (1 << 31) - 1
"""Bytes of any other frame."""
_MOST_CONTAINERS = 4_000_000
"""Lists and other containers in a frame of a candidate's: an empty one takes far more memory than text."""
_CHUNK = 1 << 12
"""Bytes read at once where it is not known how many will come; a larger room is not to be had without new pages."""

_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


def _quick_encoder() -> Callable[[Any], str]:
    """The standard encoder, set up once and not at each call."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _ENCODER.encode
    quote = json.encoder.encode_basestring_ascii
    encode = make(None, _ENCODER.default, quote, None, ":", ",", False, False, True)
    join = "".join
    return lambda message: join(encode(message, 0))


encoded = _quick_encoder()
"""What JSON can say, as its text."""


def decoded(text: str) -> Any:
    """The value of a JSON text without blanks around it; ValueError, RecursionError or StopIteration if it is none."""
    value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError("more than one value")
    return value


class Broken(Exception):
    """The other side sent what is no frame."""


class TooLarge(Exception):
    """What does not fit into a frame."""


class Ended(Exception):
    """The other side is gone."""


class Channel:
    """Frames over a descriptor, or over one to read and one to write.

    Args:
        sends: bytes of the largest frame that goes out.
        takes: bytes of the largest frame that is taken.
    """

    __slots__ = ("_buffer", "_sends", "_takes", "reading", "writing")

    def __init__(self, reading: int, writing: int | None = None, *, sends: int = HUGE, takes: int = HUGE) -> None:
        self.reading, self.writing = reading, reading if writing is None else writing
        self._sends, self._takes = sends, takes
        self._buffer = b""

    def send(self, message: Any) -> None:
        """Sends what JSON can say, values packed before.

        Raises:
            TooLarge: it is larger than a frame.
            Ended: nobody reads any more.
        """
        self.send_text(encoded(message))

    def send_text(self, message: str) -> None:
        """Sends a message that is JSON already; raises as `send` does."""
        text = message.encode()
        if len(text) > self._sends:
            raise TooLarge
        data: bytes | memoryview = len(text).to_bytes(4, "big") + text
        try:
            sent = os.write(self.writing, data)
            while sent < len(data):
                data = memoryview(data)[sent:]
                sent = os.write(self.writing, data)
        except OSError as error:
            raise Ended from error

    def receive(self, wait: Callable[[], None] | None = None) -> Any:
        """The next message.

        Args:
            wait: called before each read that might block.

        Raises:
            Broken: the frame is too large or no JSON.
            Ended: the other side has closed, or broke off within a frame.
        """
        head = self._take(4, wait)
        size = int.from_bytes(head, "big")
        if size > self._takes:
            raise Broken("a frame that is too large")
        body = self._take(size, wait)
        if self._takes <= LARGEST and body.count(b"[") + body.count(b"{") > _MOST_CONTAINERS:
            raise Broken("a frame that is small as text alone")
        try:
            return decoded(body.decode())
        except (ValueError, RecursionError, StopIteration) as error:
            raise Broken("a frame that is no JSON") from error

    def _take(self, size: int, wait: Callable[[], None] | None) -> bytes:
        buffer = self._buffer
        if len(buffer) < size:
            parts, have = [buffer], len(buffer)
            while have < size:
                if wait is not None:
                    wait()
                try:
                    part = os.read(self.reading, max(_CHUNK, min(size - have, LARGEST)))
                except OSError as error:
                    raise Ended from error
                if not part:
                    raise Ended
                parts.append(part)
                have += len(part)
            buffer = b"".join(parts)
        self._buffer = buffer[size:]
        return buffer[:size]

    def close(self) -> None:
        os.close(self.reading)
        if self.writing != self.reading:
            os.close(self.writing)
