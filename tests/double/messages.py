"""The double as Anthropic: messages that are answered at once, and message batches.

    Double(messages={"seconds": 0.2, "faults": {"overloaded_error": 0.1}})

A message is answered as the chat with the same texts would be, told in Anthropic's form. A batch is answered when
somebody looks at it once its time is over.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from .behaviour import unit
from .plan import Plan

Answering = Callable[[Mapping[str, Any]], tuple[int, Any]]
"""A body to the status and the body of its answer, counted."""

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STATUS = {
    400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


@dataclass
class MessageBatch:
    """One batch."""

    id: str
    number: int
    requests: list[dict[str, Any]]
    betas: str
    created: float
    made: datetime
    ended: bool = False
    cancelled: bool = False
    archived: bool = False
    results: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts = {kind: sum(each["result"]["type"] == kind for each in self.results) for kind in kinds}
        counts["processing"] = 0 if self.ended else len(self.requests)
        status = "ended" if self.ended else "canceling" if self.cancelled else "in_progress"
        made = self.made.isoformat().replace("+00:00", "Z")
        return {
            "id": self.id, "type": "message_batch", "processing_status": status, "request_counts": counts,
            "created_at": made, "expires_at": made, "ended_at": made if self.ended else None,
            "cancel_initiated_at": made if self.cancelled else None, "archived_at": made if self.archived else None,
            "results_url": f"https://api.anthropic.com/v1/messages/batches/{self.id}/results" if self.ended else None,
        }  # fmt: skip


@dataclass
class MessageDesk:
    """Takes message batches.

    What befalls a batch is said by its number, from 0, in the order of submission.
    """

    seconds: float = 0.0
    """That a batch takes."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Name of an error -> share of the requests that fail with it."""
    expires: tuple[int, ...] = ()
    """Batches that expire with half of their requests answered."""
    loses: tuple[int, ...] = ()
    """Batches that are created, but whose creator gets a reset."""
    breaks: tuple[int, ...] = ()
    """Batches that are created, but whose creator gets a 500."""
    busy: tuple[int, ...] = ()
    """Attempts to create a batch that get a 529."""
    crowds: int | None = None
    """Requests that may wait in all; a batch that is more gets a 429."""
    lasting: tuple[int, ...] = ()
    """Batches that never end by themselves."""
    most: int = 100_000
    """Requests of a batch."""
    size: int = 256_000_000
    """Bytes of a batch."""
    page: int = 1000
    """Batches of a page of the list, at the most."""
    strangers: tuple[int, ...] = ()
    """Numbers of requests of batches that another made just before the first of ours."""
    made: list[MessageBatch] = field(default_factory=list)
    attempts: int = 0
    """To create a batch."""

    def __post_init__(self) -> None:
        for name in ("expires", "loses", "breaks", "busy", "lasting", "strangers"):
            setattr(self, name, tuple(getattr(self, name)))

    def serve(
        self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes, answer: Answering
    ) -> Plan:
        """What happens with a request for a batch; `path` is what follows `/v1/messages/batches`."""
        if not headers.get("anthropic-version"):
            return error(400, "anthropic-version: header is required")
        match (method, [part for part in path.split("/") if part]):
            case ("POST", []):
                return self._create(json.loads(raw), len(raw), headers.get("anthropic-beta", ""))
            case ("GET", []):
                return self._list(parse_qs(query), answer)
            case ("GET", [name]):
                return self._with(name, lambda batch: self._advance(batch, answer))
            case ("GET", [name, "results"]):
                return self._results(name)
            case ("POST", [name, "cancel"]):
                return self._with(name, lambda batch: self._cancel(batch, answer))
        return error(404, "Not Found")

    def to_json(self) -> dict[str, Any]:
        """Requests by what follows the token in their ids: in how many batches each came, and was answered."""
        asked: dict[str, int] = {}
        answered: dict[str, int] = {}
        for batch in self.ours:
            for each in batch.requests:
                asked[each["custom_id"][32:]] = asked.get(each["custom_id"][32:], 0) + 1
            for each in batch.results:
                done = each["result"]["type"] == "succeeded"
                answered[each["custom_id"][32:]] = answered.get(each["custom_id"][32:], 0) + done
        batches = [batch.to_json() | {"status": batch.to_json()["processing_status"]} for batch in self.ours]
        return {"attempts": self.attempts, "batches": batches, "asked": asked, "answered": answered}

    @property
    def ours(self) -> list[MessageBatch]:
        """Those that were sent here."""
        return [batch for batch in self.made if batch.number >= 0]

    def add_stranger(self, requests: int, *, ended: bool = False, hours: float = 0.0) -> str:
        """Has another make a batch; returns its name.

        Args:
            hours: that it is made before now.
        """
        name, now = f"msgbatch_other{len(self.made)}", datetime.now(UTC)
        asked = [{"custom_id": f"theirs-{i}", "params": {}} for i in range(requests)]
        made = datetime.fromtimestamp(now.timestamp() - hours * 3600, UTC)
        batch = MessageBatch(name, -1, asked, "", float("inf"), made, ended)
        if ended:
            batch.results = [{**each, "result": {"type": "expired"}} for each in asked]
        self.made.append(batch)
        return name

    def _create(self, body: Mapping[str, Any], size: int, betas: str) -> Plan:
        self.attempts += 1
        if self.attempts - 1 in self.busy:
            return error(529, "Overloaded")
        if size > self.size:
            return error(413, "Request exceeds the maximum size")
        requests = body.get("requests") or []
        names = [each["custom_id"] for each in requests]
        if not requests or len(requests) > self.most:
            return error(400, f"requests: List should have 1 to {self.most} items")
        if bad := [name for name in names if not _ID.fullmatch(name)]:
            return error(400, f"requests.custom_id: '{bad[0]}' does not match ^[a-zA-Z0-9_-]{{1,64}}$")
        if len(set(names)) < len(names):
            return error(400, "requests.custom_id: must be unique")
        waiting = sum(len(batch.requests) for batch in self.ours if not batch.ended)
        if self.crowds is not None and waiting + len(requests) > self.crowds:
            return error(429, "Number of batch requests in the processing queue exceeds your limit")
        return self._made(requests, betas)

    def _made(self, requests: list[dict[str, Any]], betas: str) -> Plan:
        for count in self.strangers if not self.ours else ():
            self.add_stranger(count)
        number, now = len(self.ours), asyncio.get_running_loop().time()
        batch = MessageBatch(f"msgbatch_{number}", number, requests, betas, now, datetime.now(UTC))
        self.made.append(batch)
        if number in self.breaks:
            return error(500, "Internal server error")
        return Plan(200, batch.to_json(), how="reset" if number in self.loses else "whole")

    def _list(self, query: Mapping[str, list[str]], answer: Answering) -> Plan:
        """The newest first."""
        for batch in self.made:
            self._advance(batch, answer)
        newest = list(reversed(self.made))
        if "after_id" in query:
            names = [batch.id for batch in newest]
            newest = newest[names.index(query["after_id"][0]) + 1 :]
        most = min(self.page, int(query.get("limit", ["20"])[0]))
        shown = [batch.to_json() for batch in newest[:most]]
        ends = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
        return Plan(200, {"data": shown, "has_more": len(newest) > most, **ends})

    def _with(self, name: str, work: Callable[[MessageBatch], None]) -> Plan:
        batch = next((batch for batch in self.made if batch.id == name), None)
        if batch is None:
            return error(404, f"No message batch {name}")
        work(batch)
        return Plan(200, batch.to_json())

    def _results(self, name: str) -> Plan:
        batch = next((batch for batch in self.made if batch.id == name), None)
        if batch is None or batch.archived:
            return error(404, f"No results of {name}")
        if not batch.ended:
            return error(400, "The batch has not ended")
        return Plan(200, "".join(json.dumps(line) + "\n" for line in reversed(batch.results)))

    def _cancel(self, batch: MessageBatch, answer: Answering) -> None:
        self._advance(batch, answer)
        if not batch.ended:
            batch.cancelled = True
            self._work_off(batch, len(batch.requests) // 2, "canceled", answer)

    def _advance(self, batch: MessageBatch, answer: Answering) -> None:
        lasts = batch.number < 0 or batch.number in self.lasting
        if batch.ended or lasts or asyncio.get_running_loop().time() < batch.created + self.seconds:
            return
        expired = batch.number in self.expires
        count = len(batch.requests) // 2 if expired else len(batch.requests)
        self._work_off(batch, count, "expired", answer)

    def _work_off(self, batch: MessageBatch, count: int, rest: str, answer: Answering) -> None:
        """Answers the first `count` requests."""
        for number, each in enumerate(batch.requests):
            result: dict[str, Any] = {"type": rest}
            if number < count and (kind := self._fault(batch, each["custom_id"])) is not None:
                result = {"type": "errored", "error": _wrapped(kind, "It did not work.")}
            elif number < count:
                status, body = answer(each["params"])
                told = {"type": "errored", "error": body}
                result = {"type": "succeeded", "message": body} if status == 200 else told
            batch.results.append({"custom_id": each["custom_id"], "result": result})
        batch.ended = True

    def _fault(self, batch: MessageBatch, name: str) -> str | None:
        draw = unit("batch fault", batch.number, name[32:])
        for kind, share in self.faults.items():
            if draw < share:
                return kind
            draw -= share
        return None


def error(status: int, message: str) -> Plan:
    """An error in Anthropic's form."""
    return Plan(status, _wrapped(_STATUS.get(status, "api_error"), message))


def _wrapped(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body of Anthropic's would be in OpenAI's form, as far as it decides the answer."""
    system = body.get("system") or ""
    head = system if isinstance(system, str) else "".join(part["text"] for part in system)
    told = [{"role": "system", "content": head}] if head else []
    told += [{"role": each["role"], "content": _text(each["content"])} for each in body.get("messages") or []]
    chat: dict[str, Any] = {"model": body.get("model"), "messages": told, "max_tokens": body.get("max_tokens")}
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    if body.get("temperature") is not None:
        chat["temperature"] = body["temperature"]
    return chat


def as_message(plan: Plan) -> tuple[int, Any]:
    """An answer in OpenAI's form in Anthropic's."""
    if plan.status != 200:
        told = plan.body["error"]["message"] if isinstance(plan.body, dict) else str(plan.body)
        return plan.status, error(plan.status, told).body
    choice, usage = plan.body["choices"][0], plan.body["usage"]
    content: list[dict[str, Any]] = []
    if thoughts := choice["message"].get("reasoning_content"):
        content.append({"type": "thinking", "thinking": thoughts, "signature": "c2lnbmVk"})
    if choice["message"]["content"]:
        content.append({"type": "text", "text": choice["message"]["content"]})
    return 200, {
        "id": f"msg_{plan.body['id']}", "type": "message", "role": "assistant", "model": plan.body["model"],
        "content": content, "stop_reason": _STOPS[choice["finish_reason"]], "stop_sequence": None,
        "usage": {
            "input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"],
            "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
        },
    }  # fmt: skip


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
