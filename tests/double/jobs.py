"""The double's batches as Mistral has them: jobs over files whose lines have no address and no model.

Double(jobs={"seconds": 0.2, "faults": {"500": 0.1}})
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from .batches import Answering, Batch, Desk
from .plan import Plan, refusal

_STATES = {
    "validating": "QUEUED", "in_progress": "RUNNING", "completed": "SUCCESS", "failed": "FAILED",
    "expired": "TIMEOUT_EXCEEDED", "cancelled": "CANCELLED",
}  # fmt: skip


class JobDesk(Desk):
    """Takes batch jobs; what may befall one is said as for a `Desk`."""

    def serve(
        self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes, answer: Answering
    ) -> Plan:
        """What happens with a request for a file or a job; `path` is what follows the version."""
        match path.strip("/").split("/"):
            case ["files", *_]:
                return super().serve(method, path, query, headers, raw, answer)
            case ["batch", "jobs", *_] if method == "POST" and raw:
                return self._told(self._take(json.loads(raw)))
            case ["batch", "jobs"]:
                return self._paged(parse_qs(query))
            case ["batch", "jobs", *rest]:
                below = "/".join(["batches", *rest])
                return self._told(super().serve(method, below, query, headers, raw, answer))
        return refusal(404, f"Unknown request: {method} {path}", "unknown_url")

    def _take(self, body: Mapping[str, Any]) -> Plan:
        """Its lines as OpenAI has them, so that they are answered as those are."""
        (file,) = body["input_files"]
        lines = [json.loads(line) for line in self.files[file].splitlines()]
        if any("model" in line["body"] or set(line) != {"custom_id", "body"} for line in lines):
            return refusal(422, "Extra inputs are not permitted", "invalid")
        whole = [{**line, "url": body["endpoint"], "body": {"model": body["model"], **line["body"]}} for line in lines]
        self.files[file] = "".join(json.dumps(line) + "\n" for line in whole).encode()
        window = f"{body['timeout_hours']}h"
        asked = {"input_file_id": file, "endpoint": body["endpoint"], "completion_window": window}
        return self._create({**asked, "metadata": body.get("metadata")})

    def _paged(self, query: Mapping[str, list[str]]) -> Plan:
        number, size = int(query["page"][0]), min(self.page, int(query["page_size"][0]))
        shown = list(reversed(self.made))[number * size :][:size]
        return Plan(200, {"object": "list", "data": [as_job(batch) for batch in shown], "total": len(self.made)})

    def _told(self, plan: Plan) -> Plan:
        if plan.status != 200:
            return plan
        batch = next(batch for batch in self.made if batch.id == plan.body["id"])
        return Plan(200, as_job(batch), how=plan.how)


def as_job(batch: Batch) -> dict[str, Any]:
    """A batch as Mistral tells it."""
    return {
        "id": batch.id, "object": "batch", "input_files": [batch.input], "endpoint": batch.endpoint,
        "metadata": dict(batch.metadata), "status": _STATES[batch.state], "created_at": 0,
        "total_requests": batch.lines, "completed_requests": batch.done + batch.failed,
        "succeeded_requests": batch.done, "failed_requests": batch.failed, "output_file": batch.output,
        "error_file": batch.error, "errors": [{"message": each["message"], "count": 1} for each in batch.errors],
    }  # fmt: skip
