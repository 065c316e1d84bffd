"""What a program might harm or find, set up around a sandbox, and looked at afterwards."""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from pathlib import Path

import pytest

from .corpus import Case, fresh_marks

LINUX = os.path.isdir("/proc/self/task")
_PLACES = ("/tmp", "/var/tmp", "/dev/shm")
_KEY = "CANARY_SERVICE_KEY"
_UNTOUCHED = "untouched"
_LATE = 2.5
"""Seconds by which a daemon has written, had it lived."""
_ROOM_MB = 700
"""What the sandbox's own processes may take beside a program."""


class Host:
    """A canary folder, a home with a key in it, and sockets that nobody should reach."""

    def __init__(self, folder: Path) -> None:
        self.canary, self.home = folder / "canary", folder / "home"
        self.canary.mkdir()
        (self.home / ".ssh").mkdir(parents=True)
        self.key = f"key-{secrets.token_hex(16)}"
        (self.home / ".ssh" / "id_ed25519").write_text(f"PRIVATE {self.key}")
        (self.canary / "canary.txt").write_text(_UNTOUCHED)
        self._modes = self._seen_modes()
        self.hits: list[str] = []
        self._late = 0.0
        self._others = len(descendants()) if LINUX else 0
        """Processes that other tests keep below this one."""

    @contextmanager
    def open(self) -> Iterator[Host]:
        """The sockets are open, and the key is in the environment and in an inheritable descriptor."""
        held = os.open(self.home / ".ssh" / "id_ed25519", os.O_RDONLY)
        os.set_inheritable(held, True)
        with pytest.MonkeyPatch.context() as patch, self._sockets():
            patch.setenv(_KEY, self.key)
            patch.setenv("HOME", str(self.home))
            try:
                yield self
            finally:
                os.close(held)

    @contextmanager
    def _sockets(self) -> Iterator[None]:
        self._abstract = f"abs{secrets.token_hex(5)}"
        sockets = [socket.socket(), socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)]
        sockets[0].bind(("127.0.0.1", 0))
        sockets[1].bind(("127.0.0.1", 0))
        with chdir(self.canary):  # a socket's path may not be as long as that of a test's folder
            sockets[2].bind("s.sock")
        if LINUX:
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[3].bind(f"\0{self._abstract}")
        for one in sockets:
            if one.type == socket.SOCK_STREAM:
                one.listen()
        self._tcp, self._udp = (one.getsockname()[1] for one in sockets[:2])
        done = threading.Event()
        listener = threading.Thread(target=self._listen, args=(sockets, done))
        listener.start()
        try:
            yield
        finally:
            done.set()
            listener.join()
            for one in sockets:
                one.close()

    def _listen(self, sockets: list[socket.socket], done: threading.Event) -> None:
        while not done.is_set():
            for one in select.select(sockets, [], [], 0.05)[0]:
                self.hits.append(f"{one.family.name} {one.type.name}")
                if one.type == socket.SOCK_STREAM:
                    one.accept()[0].close()
                else:
                    one.recv(100)

    def marks(self, case: Case) -> dict[str, str]:
        """What a program of this case has filled in."""
        marks = fresh_marks()
        if case.name == "network/unix-abstract":
            marks["$TOKEN$"] = self._abstract
        return {
            **marks,
            "$CANARY$": str(self.canary),
            "$HOME$": str(self.home),
            "$COMM$": f"c{secrets.token_hex(6)}",
            "$PORT$": str(self._tcp),
            "$UDP$": str(self._udp),
            "$BIND$": str(_free_port()),
            "$HOST_A$": self.key[:18],
            "$HOST_B$": self.key[18:],
        }

    # -- looking ------------------------------------------------------------------------

    @contextmanager
    def watching(self, case: Case, marks: Mapping[str, str], allowed: int) -> Iterator[None]:
        """Fails when the program has left or reached something.

        Args:
            allowed: processes that the sandbox itself keeps.
        """
        self.hits.clear()
        before = _segments()
        with _peak("memory" in case.checks) as peak:
            yield
        if "late" in case.checks:
            self._late = time.monotonic() + _LATE
        left = self._left(case, marks, allowed)
        if peak and max(peak) > case.limits.memory_mb + _ROOM_MB:
            left.append(f"took {max(peak)} MiB")
        if _segments() > before:
            left.append("a segment of shared memory")
        assert not left, "; ".join(left)

    def _left(self, case: Case, marks: Mapping[str, str], allowed: int) -> list[str]:
        found = [f"reached {hit}" for hit in self.hits]
        found += self.harmed()
        if LINUX:
            found += _processes(marks["$COMM$"], allowed + self._others)
        if "token" in case.checks:
            found += _files(marks["$TOKEN$"])
        if "port" in case.checks:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", int(marks["$BIND$"]))) == 0:
                    found.append("an open port")
        return found

    def harmed(self) -> list[str]:
        """Changes of the canary folder and the home."""
        if not self.canary.is_dir():
            return ["the canary folder is gone"]
        expected = {"canary.txt", "s.sock"}
        found = [f"canary: {name}" for name in sorted(set(os.listdir(self.canary)) ^ expected)]
        found += [f"home: {path}" for path in sorted(self.home.rglob("*")) if path.name not in (".ssh", "id_ed25519")]
        if (self.canary / "canary.txt").read_text() != _UNTOUCHED or self._seen_modes() != self._modes:
            found.append("canary.txt or a mode has changed")
        return found

    def _seen_modes(self) -> list[tuple[int, int, int]]:
        paths = [self.canary / "canary.txt", self.canary, self.home]
        return [(s.st_mode, s.st_uid, s.st_mtime_ns if s.st_size < 100 else 0) for s in map(os.stat, paths)]

    def wait_for_late_writes(self) -> list[str]:
        """What appeared after the verdicts; waits until daemons would have written."""
        time.sleep(max(0.0, self._late - time.monotonic()))
        return self.harmed()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _segments() -> int:
    with suppress(OSError):
        return Path("/proc/sysvipc/shm").read_text().count("\n")
    return 0


def _files(token: str) -> list[str]:
    found = []
    for place in (*_PLACES, os.getcwd()):
        for folder, folders, files in os.walk(place):
            found += [f"file {folder}/{name!r}" for name in (*files, *folders) if token in name]
            if folder.count("/") - place.count("/") > 2 or len(folders) > 500:
                folders.clear()
    return found[:5]


# -- processes ------------------------------------------------------------------------------


def _table() -> dict[int, tuple[str, str, int, int]]:
    """By number: name, state, parent, MiB."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError, ValueError, IndexError):
                text = Path(f"/proc/{entry}/stat").read_bytes().decode("latin-1")
                name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
                found[int(entry)] = (name, rest[0], int(rest[1]), int(rest[21]) >> 8)
    return found


def descendants() -> dict[int, tuple[str, str, int, int]]:
    """Processes below this one."""
    table, family = _table(), {os.getpid()}
    while more := {pid for pid, row in table.items() if row[2] in family} - family:
        family |= more
    return {pid: table[pid] for pid in family if pid in table and pid != os.getpid()}


def _processes(name: str, allowed: int) -> list[str]:
    """Those of that name, dead ones that nobody waits for, and more than the sandbox itself keeps."""
    end = time.monotonic() + 2.0
    while True:
        named = [pid for pid, row in _table().items() if row[0].startswith(name[:15]) and row[1] != "Z"]
        below = descendants()
        dead = [pid for pid, row in below.items() if row[1] == "Z"]
        if (not named and not dead and len(below) <= allowed) or time.monotonic() > end:
            break
        time.sleep(0.02)
    for pid in named:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    found = [f"{len(named)} processes of its own"] if named else []
    found += [f"{len(dead)} dead processes"] if dead else []
    return found + ([f"{len(below)} processes where {allowed} are kept"] if len(below) > allowed else [])


@contextmanager
def _peak(wanted: bool) -> Iterator[list[int]]:
    """MiB that the processes below this one take, looked at again and again."""
    peak: list[int] = []
    if not (wanted and LINUX):
        yield peak
        return
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            peak.append(sum(row[3] for row in descendants().values()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
