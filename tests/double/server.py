"""The double: what it was told, what it counted, and what it decides for each request."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

from . import plan as plans
from .batches import Desk
from .behaviour import MODES, Behaviour, digest
from .caching import Cache
from .card import Card
from .connection import Connection
from .jobs import JobDesk
from .messages import MessageDesk, as_chat, as_message
from .plan import Plan
from .stats import Seen, Stats
from .streams import streamed


class Double:
    """A loopback server; `async with Double(...) as double: double.base_url`.

    Args:
        models: name -> settings that differ from the rest (fields of `Behaviour`).
        strict: a model that is not among `models` is 404.
        keep_bodies: keep every request in `requests`.
        port: 0 picks a free one.
        swap: models share a card: the fields of `Card`.
        batches: it takes files and batches: the fields of `Desk`.
        jobs: it takes files and batch jobs, as Mistral does: the fields of `Desk`.
        messages: it takes messages and batches of them, as Anthropic does: the fields of `MessageDesk`.
        settings: fields of `Behaviour`, and `mode`: the name of some of them.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, Mapping[str, Any]] | None = None,
        strict: bool = False,
        keep_bodies: bool = False,
        port: int = 0,
        swap: Mapping[str, Any] | None = None,
        batches: Mapping[str, Any] | None = None,
        jobs: Mapping[str, Any] | None = None,
        messages: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.message_desk = None if messages is None else MessageDesk(**messages)
        self.card = None if swap is None else Card(**swap)
        self.desk = Desk(**batches) if batches is not None else JobDesk(**jobs) if jobs is not None else None
        self.strict, self.keep_bodies, self.port = strict, keep_bodies, port
        self.stats, self.requests = Stats(), list[Seen]()
        self.cache = Cache()
        self._arrivals: deque[float] = deque()
        self._taken: dict[str, set[int]] = {}
        self._connections: set[Connection] = set()
        self.configure(models=models or {}, **settings)

    def configure(
        self, *, models: Mapping[str, Mapping[str, Any]] | None = None, mode: str | None = None, **settings: Any
    ) -> None:
        """Changes settings, also while running; counters stay. `mode` is one of `MODES`, for what is not given."""
        named = {} if mode is None else MODES[mode]
        self.behaviour = replace(getattr(self, "behaviour", Behaviour()), **{**named, **settings})
        self._own = {**getattr(self, "_own", {}), **(models or {})}
        self.models = {name: replace(self.behaviour, **own) for name, own in self._own.items()}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.drop()
        await asyncio.sleep(0)
        if self.stats.crashes and error is None:
            raise AssertionError("the double itself failed:\n" + "\n".join(self.stats.crashes))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def reset(self) -> None:
        """Counts from zero again."""
        self.stats, self.requests, self._taken, self.cache = Stats(), [], {}, Cache()

    def plan(self, path: str, headers: Mapping[str, str], model: str, body: Any) -> Plan:
        """What happens with one request for an answer."""
        behaviour = self.models.get(model, self.behaviour)
        if refused := plans.denied(behaviour, headers.get("authorization", "")):
            return refused
        if not isinstance(body, dict):
            return plans.refusal(400, "We could not parse the JSON body of your request.", None)
        if self.strict and model not in self.models:
            return plans.unknown(model)
        name, number = self.hash(path, body), self.stats.requests - 1
        seen, failed = self.stats.seen[name] - 1, self.stats.failed[name]
        if wait := self._over_rate(behaviour):
            return plans.limited(behaviour, "429", wait)
        ask = plans.asked(path, body)
        if refused := plans.invalid(behaviour, path, body, ask):
            return refused
        most = min(plans.wanted(body), behaviour.max_n or plans.wanted(body))
        talk = self.hash(path, {**body, "n": None}) if behaviour.vary_repeats else ""
        kept = self.cache.look(behaviour, model, body.get("messages") or ask.messages)
        answer = plans.answered(behaviour, path, body, ask, self._free_numbers(talk, most), kept)
        answer = streamed(replace(answer, delay=behaviour.delay(name, seen)), body)
        fault = behaviour.fault(number, name, seen, failed)
        answer = plans.faulty(behaviour, fault, answer, name) if fault else answer
        if talk and answer.good:
            self._taken.setdefault(talk, set()).update(answer.numbers)
            return replace(answer, talk=talk)
        return answer

    def ended(self, plan: Plan, good: bool) -> None:
        """A request is over: numbers of samples that were not delivered are free again."""
        if plan.talk and not good:
            self._taken[plan.talk].difference_update(plan.numbers)

    def _free_numbers(self, talk: str, count: int) -> list[int]:
        taken = self._taken.get(talk, ())
        return list(islice((number for number in itertools.count() if number not in taken), count))

    def hash(self, path: str, body: Any) -> str:
        """The name of a body in the counters."""
        return digest(path, body).hex()

    def _over_rate(self, behaviour: Behaviour) -> float:
        """Seconds to wait where a request is one too many, else 0."""
        if behaviour.rpm is None:
            return 0.0
        now, room = asyncio.get_running_loop().time(), max(1, int(behaviour.rpm * behaviour.rpm_window / 60))
        while self._arrivals and self._arrivals[0] <= now - behaviour.rpm_window:
            self._arrivals.popleft()
        if len(self._arrivals) >= room:
            return self._arrivals[0] + behaviour.rpm_window - now
        self._arrivals.append(now)
        return 0.0

    def answer_desk(self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes) -> Plan:
        """What happens with a request for a file or a batch."""
        assert self.desk is not None
        if refused := plans.denied(self.behaviour, headers.get("authorization", "")):
            return refused
        return self.desk.serve(method, path.removeprefix("/v1"), query, headers, raw, self._by_batch)

    def answer_messages(self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes) -> Plan:
        """What happens with a request for a message, or for a batch of them."""
        assert self.message_desk is not None
        if refused := plans.denied(self.behaviour, headers.get("x-api-key", "")):
            return Plan(*as_message(refused))
        if path == "/v1/messages":
            body = json.loads(raw)
            if self.keep_bodies:
                self.requests.append(Seen(path, dict(headers), body, asyncio.get_running_loop().time()))
            return Plan(*self._message(body))
        below = path.removeprefix("/v1/messages/batches")
        return self.message_desk.serve(method, below, query, headers, raw, self._message)

    def _message(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        return as_message(self._by_batch("/v1/chat/completions", as_chat(body)))

    def _by_batch(self, path: str, body: Mapping[str, Any]) -> Plan:
        """The answer to one request of a batch."""
        model = str(body.get("model", ""))
        name = self.hash(path, body)
        self.stats.begin(model, name, plans.wanted(body))
        key = self.models.get(model, self.behaviour).api_key
        plan = self.plan(path, {"authorization": f"Bearer {key}"}, model, body)
        self.stats.end(model, name, str(plan.status), plan, plan.good)
        return plan

    def answer_plain(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> Plan:
        """Everything that is not a request for an answer: models, counters, settings."""
        if method == "POST" and path == "/stats/reset":
            self.reset()
            return Plan(200, {})
        if method == "POST" and path == "/config":
            self.configure(**json.loads(raw))
            return Plan(200, {})
        if method != "GET":
            return plans.refusal(404, f"Unknown request: {method} {path}", "unknown_url")
        if path == "/stats":
            return Plan(200, self.stats.to_json() | ({} if self.card is None else {"loads": self.card.loads}))
        if path == "/desk":
            desk = self.desk or self.message_desk
            return Plan(200, {} if desk is None else desk.to_json())
        if path == "/bodies":
            return Plan(200, {"seen": dict(self.stats.seen), "answered": dict(self.stats.answered)})
        if path == "/prompts":
            return Plan(200, {text: tally.to_json() for text, tally in self.stats.prompts.items()})
        if path == "/requests":
            return Plan(200, [asdict(seen) for seen in self.requests])
        if path.endswith("/models"):
            names = dict.fromkeys((*self.models, *self.stats.models))
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "double"} for name in names]
            return plans.denied(self.behaviour, headers.get("authorization", "")) or Plan(
                200, {"object": "list", "data": data}
            )
        return plans.refusal(404, f"Unknown request: {method} {path}", "unknown_url")
