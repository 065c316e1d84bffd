"""A server with limits that notes when each request came: `python -m benchmarks.limited '{"models": {"m": {...}}}'`.

A process of its own, printing its base URL; it ends with its standard input. Limits are token buckets, as providers
have them: 429 with Retry-After and x-ratelimit headers. `/stats` gives `[seconds, tokens, taken]` of every request.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Bucket:
    """Holds `capacity`, is full at first, and fills at a steady rate."""

    per_minute: float
    capacity: float
    level: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def wait_for(self, cost: float, now: float) -> float:
        self.level = min(self.capacity, self.level + (now - self.at) * self.per_minute / 60)
        self.at = now
        return max(0.0, (min(cost, self.capacity) - self.level) / self.per_minute * 60)

    def headers(self, what: str) -> str:
        reset = (self.capacity - self.level) / self.per_minute * 60
        return (
            f"x-ratelimit-limit-{what}: {self.per_minute:.0f}\r\nx-ratelimit-remaining-{what}: {int(self.level)}\r\n"
            f"x-ratelimit-reset-{what}: {reset:.3f}s\r\n"
        )


class Model:
    """One model: `rpm`, `tpm`, `window` (seconds whose worth a bucket holds), `reply_s`, `words`; `says`: headers."""

    def __init__(
        self,
        rpm: float = 0,
        tpm: float = 0,
        window: float = 60.0,
        reply_s: float = 0.0,
        words: tuple[int, int] = (20, 40),
        says: bool = True,
    ) -> None:
        limits = {"requests": rpm, "tokens": tpm}
        self.buckets = {what: Bucket(most, max(1.0, most / 60 * window)) for what, most in limits.items() if most}
        self.reply_s, self.words, self.says, self.rng = reply_s, words, says, random.Random(5)
        self.came: list[tuple[float, int, bool]] = []

    def answer(self, body: Mapping[str, Any]) -> tuple[str, str, float]:
        """Status line with headers, body, and the seconds it takes."""
        now = time.monotonic()
        prompt = sum(len(message["content"]) for message in body["messages"]) // 4 + 4
        words = min(self.rng.randint(*self.words), body.get("max_tokens") or 10**9)
        costs = {"requests": 1, "tokens": prompt + words}
        wait = max((bucket.wait_for(costs[what], now) for what, bucket in self.buckets.items()), default=0.0)
        self.came.append((now, prompt + words, wait <= 0))
        if wait <= 0:
            for what, bucket in self.buckets.items():
                bucket.level -= costs[what]
        headers = "".join(b.headers(what) for what, b in self.buckets.items()) if self.says else ""
        if wait > 0:
            refusal = json.dumps({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}})
            return f"429 Too Many Requests\r\nretry-after: {math.ceil(wait)}\r\n{headers}", refusal, 0.0
        message = {"role": "assistant", "content": "word " * words}
        usage = {"prompt_tokens": prompt, "completion_tokens": words, "total_tokens": prompt + words}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        return f"200 OK\r\n{headers}", json.dumps({**reply, "usage": usage}), self.reply_s


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, models: dict[str, Model]) -> None:
        self.models, self.raw = models, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.raw += data
        head, end, rest = self.raw.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if len(rest) < length:
            return
        self.raw = rest[length:]
        if head.startswith(b"GET"):
            self._say("200 OK\r\n", json.dumps({name: model.came for name, model in self.models.items()}))
            return
        body = json.loads(rest[:length])
        status, text, seconds = self.models[body["model"]].answer(body)
        asyncio.get_running_loop().call_later(seconds, self._say, status, text)

    def _say(self, status: str, text: str) -> None:
        head = f"HTTP/1.1 {status}content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write((head + text).encode())


class Limited:
    """`with Limited({"m": {"rpm": 600}}) as server:` the server in a process of its own."""

    def __init__(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        self._command = [sys.executable, "-m", "benchmarks.limited", json.dumps(models)]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, cwd=_ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def came(self) -> dict[str, list[tuple[float, int, bool]]]:
        """When each request came, its tokens, and whether it was taken, by model."""
        with urllib.request.urlopen(f"{self.base_url}/stats", timeout=30) as reply:
            return {name: [tuple(one) for one in came] for name, came in json.load(reply).items()}


async def serve(models: dict[str, Model]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(models), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve({name: Model(**settings) for name, settings in json.loads(sys.argv[1]).items()}))
