"""A server that answers after a set time and costs little: what it answered once it has in memory.

    with Remembering(behind="http://127.0.0.1:1/v1", latency=0.2) as server: server.base_url

Requests that it does not know go to the server behind it at once; the k-th time that a body comes, the k-th answer to
it is given. So what is measured is the client, whatever the server behind takes to think.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Memory:
    """Answers by request, as they went over the wire."""

    behind: str
    latency: float
    answers: dict[bytes, list[bytes]] = field(default_factory=dict)
    turns: Counter[bytes] = field(default_factory=Counter)
    """How often each request came since the last reset."""

    async def learned(self, path: str, body: bytes) -> bytes:
        """The answer of the server behind, which is kept."""
        answer = await fetched(self.behind, path, body)
        self.answers.setdefault(path.encode() + body, []).append(answer)
        return answer


async def fetched(behind: str, path: str, body: bytes) -> bytes:
    """The whole answer of a server, head and body."""
    at = urlsplit(behind)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = f"POST {path} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    writer.write(f"{head}\r\n\r\n".encode() + body)
    try:
        told = await reader.readuntil(b"\r\n\r\n")
        return told + await reader.readexactly(_length(told))
    finally:
        writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


class _Connection(asyncio.Protocol):
    """One client's; it has one request under way at a time."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self._buffer = memory, bytearray()
        self._asked: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self._timer, self._asked):
            if waiting is not None:
                waiting.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4 or len(self._buffer) < (whole := end + _length(bytes(self._buffer[:end]))):
            return
        path, body = self._buffer[:end].split(b" ", 2)[1].decode(), bytes(self._buffer[end:whole])
        del self._buffer[:whole]
        self._serve(path, body)

    def _serve(self, path: str, body: bytes) -> None:
        memory, key = self._memory, path.encode() + body
        if path.startswith("/latency/"):
            memory.latency = float(path.rpartition("/")[2])
            memory.turns.clear()
            self._write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        turn, known = memory.turns[key], memory.answers.get(key, ())
        memory.turns[key] += 1
        if turn < len(known):
            self._timer = asyncio.get_running_loop().call_later(memory.latency, self._write, known[turn])
        else:
            # Cancelled with the connection, which outlives it otherwise.
            self._asked = asyncio.ensure_future(self._ask(path, body))

    async def _ask(self, path: str, body: bytes) -> None:
        start = asyncio.get_running_loop().time()
        answer = await self._memory.learned(path, body)
        await asyncio.sleep(max(0.0, start + self._memory.latency - asyncio.get_running_loop().time()))
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        self._transport.write(answer)


class Remembering:
    """The server as a process of its own."""

    def __init__(self, behind: str, latency: float) -> None:
        self._command = [sys.executable, "-m", "benchmarks.remembering", behind, str(latency)]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self._command, cwd=_ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdout is not None
        self.base_url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.process.communicate()

    def again(self, latency: float) -> None:
        """Counts requests anew, and answers after so many seconds."""
        url = self.base_url.removesuffix("/v1") + f"/latency/{latency}"
        with urllib.request.urlopen(url, timeout=30):
            pass


async def _serve(behind: str, latency: float) -> None:
    memory, loop, over = Memory(behind, latency), asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(lambda: _Connection(memory), "127.0.0.1", 0, backlog=4096)
    loop.add_reader(0, lambda: None if os.read(0, 1) else over.set())
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("behind", help="base URL of the server that knows the answers")
    parser.add_argument("latency", type=float, help="seconds")
    asked = parser.parse_args()
    asyncio.run(_serve(asked.behind, asked.latency))
