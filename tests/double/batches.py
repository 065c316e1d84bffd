"""The double's files and batches, as OpenAI has them: uploads, batches that take their time, results as files.

    Double(batches={"seconds": 0.2, "faults": {"500": 0.1}})

A batch is answered when somebody looks at it once its time is over, by the rules of calls that are answered at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

from .behaviour import unit
from .plan import Plan, refusal

Answering = Callable[[str, Mapping[str, Any]], Plan]
"""Path and body of a request to the plan of its answer, counted."""

_ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass
class Batch:
    """One batch."""

    id: str
    number: int
    input: str
    endpoint: str
    window: str
    metadata: Mapping[str, str]
    created: float
    state: str = "validating"
    lines: int = 0
    done: int = 0
    failed: int = 0
    output: str | None = None
    error: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "object": "batch", "endpoint": self.endpoint, "input_file_id": self.input,
            "completion_window": self.window, "status": self.state, "output_file_id": self.output,
            "error_file_id": self.error, "created_at": 0, "metadata": dict(self.metadata),
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "request_counts": {"total": self.lines, "completed": self.done, "failed": self.failed},
        }  # fmt: skip


@dataclass
class Desk:
    """Takes batches.

    What befalls a batch is said by its number, from 0, in the order of submission.
    """

    seconds: float = 0.0
    """That a batch takes."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Status -> share of the requests that fail with it."""
    expires: tuple[int, ...] = ()
    """Batches that expire with half of their requests answered."""
    fails: tuple[int, ...] = ()
    """Batches that are refused as a whole, once they are looked at."""
    too_much: tuple[int, ...] = ()
    """Batches that fail because too many tokens are waiting."""
    loses: tuple[int, ...] = ()
    """Batches that are created, but whose creator gets a reset."""
    busy: tuple[int, ...] = ()
    """Attempts to create a batch that get a 503."""
    most: int = 50_000
    """Requests of a batch."""
    size: int = 200_000_000
    """Bytes of a file."""
    page: int = 100
    """Batches of a page of the list, at the most."""
    files: dict[str, bytes] = field(default_factory=dict)
    made: list[Batch] = field(default_factory=list)
    attempts: int = 0
    """To create a batch."""
    asked: dict[str, int] = field(default_factory=dict)
    """By custom id, in how many batches it came."""
    answered: dict[str, int] = field(default_factory=dict)
    """By custom id, how often it was answered."""

    def __post_init__(self) -> None:
        for name in ("expires", "fails", "too_much", "loses", "busy"):
            setattr(self, name, tuple(getattr(self, name)))

    def serve(
        self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes, answer: Answering
    ) -> Plan:
        """What happens with a request for a file or a batch; `path` is what follows the version."""
        match (method, path.strip("/").split("/")):
            case ("POST", ["files"]):
                return self._upload(headers, raw)
            case ("GET", ["files", name, "content"]):
                return Plan(200, self.files[name].decode()) if name in self.files else _unknown("file", name)
            case ("POST", ["batches"]):
                return self._create(json.loads(raw))
            case ("GET", ["batches"]):
                return self._list(parse_qs(query))
            case ("GET", ["batches", name]):
                return self._with(name, lambda batch: self._advance(batch, answer))
            case ("POST", ["batches", name, "cancel"]):
                return self._with(name, lambda batch: self._cancel(batch, answer))
        return refusal(404, f"Unknown request: {method} {path}", "unknown_url")

    def to_json(self) -> dict[str, Any]:
        return {
            "attempts": self.attempts, "batches": [batch.to_json() for batch in self.made],
            "asked": self.asked, "answered": self.answered,
        }  # fmt: skip

    def _upload(self, headers: Mapping[str, str], raw: bytes) -> Plan:
        head = f"content-type: {headers.get('content-type', '')}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + raw)
        given = {part.get_param("name", header="content-disposition"): part for part in parts.iter_parts()}
        if "file" not in given or given["purpose"].get_payload(decode=True).strip() != b"batch":
            return refusal(400, "A file and the purpose 'batch' are needed.", "invalid_value", "purpose")
        data = given["file"].get_payload(decode=True)
        if len(data) > self.size:
            return refusal(400, f"File is too large: {len(data)} > {self.size} bytes.", "file_too_large", "file")
        name = f"file-{len(self.files)}"
        self.files[name] = data
        return Plan(200, _file(name, data))

    def _create(self, body: Mapping[str, Any]) -> Plan:
        self.attempts += 1
        if self.attempts - 1 in self.busy:
            return refusal(503, "The server is overloaded.", None)
        if body.get("input_file_id") not in self.files:
            return _unknown("file", str(body.get("input_file_id")))
        if not str(body.get("completion_window", "")).endswith("h"):
            return refusal(400, "Invalid completion_window.", "invalid_value", "completion_window")
        number = len(self.made)
        batch = Batch(
            f"batch_{number}", number, str(body["input_file_id"]), str(body["endpoint"]),
            str(body["completion_window"]), body.get("metadata") or {}, asyncio.get_running_loop().time(),
        )  # fmt: skip
        lines = self._lines(batch)
        batch.lines = len(lines)
        for line in lines:
            self.asked[line["custom_id"]] = self.asked.get(line["custom_id"], 0) + 1
        self.made.append(batch)
        return Plan(200, batch.to_json(), how="reset" if number in self.loses else "whole")

    def _list(self, query: Mapping[str, list[str]]) -> Plan:
        """The newest first."""
        newest = list(reversed(self.made))
        if "after" in query:
            names = [batch.id for batch in newest]
            newest = newest[names.index(query["after"][0]) + 1 :]
        most = min(self.page, int(query.get("limit", ["20"])[0]))
        shown = [batch.to_json() for batch in newest[:most]]
        return Plan(200, {"object": "list", "data": shown, "has_more": len(newest) > most})

    def _with(self, name: str, work: Callable[[Batch], None]) -> Plan:
        batch = next((batch for batch in self.made if batch.id == name), None)
        if batch is None:
            return _unknown("batch", name)
        work(batch)
        return Plan(200, batch.to_json())

    def _cancel(self, batch: Batch, answer: Answering) -> None:
        self._advance(batch, answer)
        if batch.state not in _ENDED:
            self._work_off(batch, batch.lines // 2, "cancelled", answer)

    def _advance(self, batch: Batch, answer: Answering) -> None:
        if batch.state in _ENDED:
            return
        batch.state = "in_progress"
        if batch.number in self.fails or batch.lines > self.most:
            batch.state = "failed"
            batch.errors.append({"code": "invalid_request", "message": "The file does not hold.", "line": 1})
        elif batch.number in self.too_much:
            batch.state = "failed"
            batch.errors.append({"code": "token_limit_exceeded", "message": "Enqueued token limit reached."})
        elif asyncio.get_running_loop().time() >= batch.created + self.seconds:
            expired = batch.number in self.expires
            count = batch.lines // 2 if expired else batch.lines
            self._work_off(batch, count, "expired" if expired else "completed", answer)

    def _work_off(self, batch: Batch, count: int, state: str, answer: Answering) -> None:
        """Answers the first `count` requests."""
        good, bad = [], []
        for number, line in enumerate(self._lines(batch)):
            name, plan = line["custom_id"], None
            if number < count and (status := self._fault(batch, name)) is None:
                plan = answer(line["url"], line["body"])
            elif number < count:
                plan = refusal(int(status or 500), "The server had an error.", None)
            if plan is None:
                code = f"batch_{state}"
                bad.append({"custom_id": name, "response": None, "error": {"code": code, "message": "Not done."}})
                continue
            reply = {"custom_id": name, "error": None, "response": {"status_code": plan.status, "body": plan.body}}
            (good if plan.status == 200 else bad).append(reply)
            if plan.status == 200:
                self.answered[name] = self.answered.get(name, 0) + 1
        batch.state, batch.done, batch.failed = state, len(good), len(bad)
        batch.output, batch.error = self._written(good), self._written(bad)

    def _fault(self, batch: Batch, name: str) -> str | None:
        draw = unit("batch fault", batch.number, name)
        for status, share in self.faults.items():
            if draw < share:
                return status
            draw -= share
        return None

    def _written(self, lines: list[dict[str, Any]]) -> str | None:
        if not lines:
            return None
        name = f"file-{len(self.files)}"
        self.files[name] = "".join(json.dumps(line) + "\n" for line in lines).encode()
        return name

    def _lines(self, batch: Batch) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[batch.input].splitlines() if line.strip()]


def _file(name: str, data: bytes) -> dict[str, Any]:
    return {
        "id": name, "object": "file", "bytes": len(data), "created_at": 0, "filename": "x.jsonl", "purpose": "batch",
        "status": "processed",
    }  # fmt: skip


def _unknown(what: str, name: str) -> Plan:
    return refusal(404, f"No such {what}: {name}", "not_found")
