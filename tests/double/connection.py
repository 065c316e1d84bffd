"""HTTP/1.1 with keep-alive, where resets and cut bodies are under our own control."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import traceback
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .card import Ticket
from .plan import Plan, wanted
from .stats import Seen, Stats

if TYPE_CHECKING:
    from .server import Double

_ASKING = ("/chat/completions", "/completions", "/embeddings")
_DESK = ("/v1/files", "/v1/batches", "/v1/batch/jobs")


class Connection(asyncio.Protocol):
    """One client connection; serves one request after the other."""

    def __init__(self, double: Double) -> None:
        self.double = double
        self.buffer = bytearray()
        self.timers: list[asyncio.TimerHandle] = []
        self.open: tuple[str, str, Plan, Stats] | None = None
        """Model, body hash and plan of the request being served, and the counters it began in."""
        self.ticket: Ticket | None = None
        """Its place on the card, where models share one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.double._connections.add(self)
        self.double.stats.connections += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._advance()

    def eof_received(self) -> bool:
        self._abandoned()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._abandoned()
        self.double._connections.discard(self)

    def drop(self) -> None:
        """Ends the connection with a TCP reset, as a server that dies."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def _advance(self) -> None:
        while self.open is None and not self.timers and (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:head].decode("latin-1").split("\r\n")
            headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            end = head + 4 + int(headers.get("content-length", 0))
            if len(self.buffer) < end:
                return
            raw = bytes(self.buffer[head + 4 : end])
            del self.buffer[:end]
            method, target, _ = lines[0].split(" ", 2)
            path, _, query = target.partition("?")
            self._serve(method, path, query, headers, raw)

    def _hand_over(self, plan: Plan) -> None:
        if plan.how == "reset":
            self.drop()
        else:
            self._write(plan)

    def _serve(self, method: str, path: str, query: str, headers: dict[str, str], raw: bytes) -> None:
        double = self.double
        try:
            if method == "POST" and path.endswith(_ASKING):
                self._begin(path, headers, raw)
            elif double.desk is not None and path.startswith(_DESK):
                self._hand_over(double.answer_desk(method, path, query, headers, raw))
            elif double.message_desk is not None and path.startswith("/v1/messages"):
                self._hand_over(double.answer_messages(method, path, query, headers, raw))
            else:
                self._write(double.answer_plain(method, path, headers, raw))
        except Exception:
            double.stats.crashes.append(traceback.format_exc())
            self.drop()

    def _begin(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        double, loop = self.double, asyncio.get_running_loop()
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        model = str(body.get("model", "")) if isinstance(body, dict) else ""
        if double.keep_bodies:
            double.requests.append(Seen(path, headers, body, loop.time()))
        name = double.hash(path, body)
        double.stats.begin(model, name, wanted(body))
        plan = double.plan(path, headers, model, body)
        self.open = (model, name, plan, double.stats)
        if double.card is None:
            self._work()
        else:
            self.ticket = double.card.enter(model, self._work)

    def _work(self) -> None:
        """Generates the answer, once there is room for it."""
        assert self.open is not None
        model, _, plan, _ = self.open
        if plan.how == "hang":
            behaviour = self.double.models.get(model, self.double.behaviour)
            self._later(behaviour.hang_s, partial(self._finish, "hang"))
            return
        first = min(plan.first, plan.delay)
        if first > 0:
            self._later(first, self._begins)
        else:
            self._begins()
        if plan.delay > 0:
            self._later(plan.delay, self._send)
        else:
            self._send()

    def _begins(self) -> None:
        """The prompt is read: it is in the cache, and the first token is there."""
        assert self.open is not None
        plan = self.open[2]
        self.double.cache.keep(plan.warms)
        if plan.pieces and plan.how != "reset":
            self.transport.write(_stream_head() + _event(plan.pieces[0]))

    def _later(self, delay: float, call: Callable[[], object]) -> None:
        def run() -> None:
            self.timers.remove(handle)
            call()
            self._advance()

        handle = asyncio.get_running_loop().call_later(delay, run)
        self.timers.append(handle)

    def _send(self) -> None:
        assert self.open is not None
        model, _, plan, _ = self.open
        if plan.how == "reset":
            self._finish("reset")
        elif plan.how == "half":
            data = _encoded(plan)
            self.transport.write(data[: len(data) - len(_body(plan)) // 2] if not plan.pieces else _half(_rest(plan)))
            self._finish("cut")
        elif plan.how == "slow":
            seconds = self.double.models.get(model, self.double.behaviour).slow_s
            data = _rest(plan) if plan.pieces else _encoded(plan)
            step = -(-len(data) // 10)
            for i in range(9):
                self._later(seconds * i / 9, partial(self.transport.write, data[i * step : (i + 1) * step]))
            self._later(seconds, partial(self._send_last, data[9 * step :], str(plan.status)))
        else:
            self._write(plan)
            self._finish(str(plan.status))

    def _send_last(self, data: bytes, status: str) -> None:
        self.transport.write(data)
        self._finish(status)

    def _write(self, plan: Plan) -> None:
        self.transport.write(_rest(plan) if plan.pieces else _encoded(plan))

    def _finish(self, status: str) -> None:
        """Counts the request as over; `status` other than a code also ends the connection."""
        if self.open is None:
            return
        (model, name, plan, stats), self.open = self.open, None
        good = plan.good and status == "200"
        if (ticket := self.ticket) is not None and self.double.card is not None:
            self.ticket = None
            self.double.card.leave(ticket)
        self.double.ended(plan, good)
        stats.end(model, name, status, plan, good)
        if status in ("reset", "hang"):
            self.drop()
        elif status == "cut":
            self.transport.close()

    def _abandoned(self) -> None:
        """The client left: what was being generated for it is lost, and billed."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        self._finish("abort")


def _stream_head() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(piece: Any) -> bytes:
    data = f"data: {piece if isinstance(piece, str) else json.dumps(piece)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _rest(plan: Plan) -> bytes:
    """What of a streamed answer comes after its first token."""
    return b"".join(map(_event, (*plan.pieces[1:], "[DONE]"))) + b"0\r\n\r\n"


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _body(plan: Plan) -> bytes:
    return (plan.body if isinstance(plan.body, str) else json.dumps(plan.body)).encode()


def _encoded(plan: Plan) -> bytes:
    body = _body(plan)
    head = [
        f"HTTP/1.1 {plan.status} {_reason(plan.status)}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    head += [f"{name}: {value}" for name, value in plan.headers.items()]
    return "\r\n".join((*head, "", "")).encode() + body


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Fault"
