"""One run of a whole program on one input."""

from __future__ import annotations

import os
import socket

from . import memory
from .exam import told
from .failures import Gone
from .processes import Processes
from .remote import Remote
from .wire import LARGEST, Channel, Ended, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 1 << 16


class ProgramRun:
    """One run of a whole program on one input: real pipes, a cap on what it prints, and a clean end required."""

    def __init__(self, processes: Processes, job: dict[str, Any], given: str) -> None:
        self.output = ""
        self.ruling: tuple[str, str, str, int | None] | None = None
        reading, writing = os.pipe()
        stdin = _filled(given)
        ours, theirs = socket.socketpair()
        try:
            fds = [theirs.fileno(), stdin, writing]
            exit_ = processes.start(job, "program", fds)
        finally:
            theirs.close()
            os.close(writing)
            os.close(stdin)
        channel = Channel(ours.fileno(), takes=LARGEST)
        try:
            channel.send(job["program"])
            whole = self._read(reading, job["output"] << 20, processes.waiting(reading))
        except (Ended, TooLarge, Gone):
            whole = False
        os.close(reading)
        self.usage = exit_.awaited() if whole else exit_.end()
        if whole is None:
            self.ruling = ("output", f"more than {job['output']} MiB of output", "", None)
        elif self.usage["status"] != 0:
            self.ruling = self._ended(channel)
        ours.close()

    def _read(self, reading: int, most: int, wait: Any) -> bool | None:
        """Whether the output was read to its end; `None` where it is too long."""
        parts: list[bytes] = []
        have = 0
        while True:
            wait()
            part = os.read(reading, _CHUNK)
            if not part:
                break
            parts.append(part)
            have += len(part)
            if have > most:
                return None
        self.output = b"".join(parts).decode(errors="replace")
        return True

    def _ended(self, channel: Channel) -> tuple[str, str, str, int | None]:
        """Why the program did not end well; what it raised, if it still could tell."""
        verdict, detail = self.usage["ruling"]
        if verdict == "error" and self.usage["status"] is not None:
            remote = Remote(channel)
            try:
                remote.value(remote.receive())
            except Gone:
                if remote.too_large:
                    return "output", "more than it may write", "", None
            except BaseException as error:
                return told(error)
        return verdict, detail, "", None


def _filled(text: str) -> int:
    """A file without a name that holds the text."""
    fd = memory.file("input")
    try:
        data = memoryview(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # surrogates that stand for no byte
        data = memoryview(text.encode("utf-8", "surrogatepass"))
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
