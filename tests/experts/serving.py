"""What the tests of experts ask, and a server with one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.types import Labels, Message, Request, Sampling


@dataclass
class Canned:
    """A server that gives one answer to everything, and keeps what it was sent."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Canned:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}
                raw = await reader.readexactly(int(fields.get("content-length", 0)))
                self.paths.append(head[0].split(" ")[1])
                self.heads.append(fields)
                file = fields.get("content-type", "").startswith("multipart/")
                self.bodies.append(raw if file else json.loads(raw) if raw else None)
                writer.write(self._answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self) -> bytes:
        body = self.body.encode()
        fields = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Canned", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
        return "\r\n".join(lines).encode() + body


def request(text: str = "What is 6 x 7?", *, sample: int = 0, **fields: Any) -> Request:
    """A request with a cap, as a run makes it."""
    known = {"sampling", "tools", "response_format", "salt", "messages", "labels", "expert", "model"}
    sampling = {name: value for name, value in fields.items() if name not in known}
    given = {
        "expert": "e",
        "model": "openai/m",
        "messages": (Message("user", text),),
        "sampling": Sampling(**{"max_tokens": 500, **sampling}),
        "labels": Labels("p/1"),
        **{name: value for name, value in fields.items() if name in known},
    }
    return Request(**given, sample_index=sample)


def batch(*samples: int, text: str = "What is 6 x 7?", **fields: Any) -> list[Request]:
    """Requests that differ only in their sample index."""
    first = request(text, sample=samples[0], **fields)
    return [first.sample(i) for i in samples]


def completion(*messages: Mapping[str, Any], usage: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The body of a chat completion; each message may name its own `finish_reason` and `logprobs`."""
    choices = []
    for i, message in enumerate(messages):
        said = {"role": "assistant", **message}
        finish, logprobs = said.pop("finish_reason", "stop"), said.pop("logprobs", None)
        choices.append({"index": i, "message": said, "finish_reason": finish, "logprobs": logprobs})
    body: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": choices}
    return body | ({"usage": usage} if usage else {}) | fields
