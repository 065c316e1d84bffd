"""Orders from the judge to the zygote: a frame as any other, and with it descriptors that go over the same socket."""

from __future__ import annotations

import socket
import struct

from .wire import decoded, encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_CHUNK = 1 << 12
_FD = struct.Struct("i")
_ROOM = socket.CMSG_SPACE(4 * _FD.size)


def pair() -> tuple[socket.socket, socket.socket]:
    """A socket for the judge, and one for the zygote."""
    return socket.socketpair()


def send(to: socket.socket, order: list[Any], fds: Sequence[int] = ()) -> None:
    """Sends an order and, as many as it says at its end, descriptors. OSError when nobody reads any more."""
    body = encoded([*order, len(fds)]).encode()
    socket.send_fds(to, [len(body).to_bytes(4, "big") + body], list(fds))


class Inbox:
    """Orders as they come in. A stream keeps neither orders nor descriptors apart, so both are counted."""

    __slots__ = ("_buffer", "_fds", "_socket")

    def __init__(self, from_: socket.socket) -> None:
        self._socket, self._buffer = from_, b""
        self._fds: list[int] = []

    @property
    def waiting(self) -> bool:
        """Whether something has been read that was not asked for yet."""
        return bool(self._buffer)

    def next(self) -> tuple[list[Any], list[int]] | None:
        """The next order and its descriptors, which are the caller's to close; nothing once the judge is gone."""
        buffer = self._buffer
        while len(buffer) < 4 or len(buffer) < 4 + int.from_bytes(buffer[:4], "big"):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_CHUNK, _ROOM)
            except OSError:
                return None
            if not data:
                return None
            buffer += data
            for _, _, body in ancillary:
                self._fds += [fd for (fd,) in _FD.iter_unpack(body)]
        end = 4 + int.from_bytes(buffer[:4], "big")
        *order, count = decoded(buffer[4:end].decode())
        self._buffer = buffer[end:]
        fds, self._fds = self._fds[:count], self._fds[count:]
        return order, fds
