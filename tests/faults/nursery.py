"""`python -m tests.faults.nursery`: a process that has loaded what the command loads, and forks one for each request.

Importing litellm takes seconds, which a test of many kills would spend twice a kill. The children are processes of
their own, forked before there is a thread, an event loop or a connection: they share nothing and are killed for real.
One request a line on standard input, as JSON; one answer a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from typing import Any

_LOADED = (
    "orchestrator.cli.app",
    "orchestrator.cli.bench",
    "orchestrator.cli.live",
    "orchestrator.cli.results",
    "orchestrator.evals.runner",
    "orchestrator.experts.connections",
    "orchestrator.experts.direct",
    "orchestrator.experts.litellm",
    "orchestrator.experts.pool_file",
    "orchestrator.experts.provider_errors",
    "orchestrator.experts.transport",
    "orchestrator.strategies.best_of_n",
    "orchestrator.strategies.self_consistency",
    "litellm.llms.custom_httpx.aiohttp_transport",
    "litellm.llms.hosted_vllm.chat.transformation",
    "litellm.llms.openai.openai",
    "tenacity",
)


def main() -> None:
    from orchestrator.experts.channel import library

    library()
    for name in _LOADED:
        importlib.import_module(name)
    _write_lines()
    _hurry()
    assert threading.active_count() == 1, threading.enumerate()
    alive: set[int] = set()
    _say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if "poll" in asked:
            _say({"code": _code(asked["poll"], alive)})
        else:
            alive.add(pid := _born(asked))
            _say({"pid": pid})
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)  # taking all those modules apart would take seconds


def _write_lines() -> None:
    """Has litellm load what it needs for the lines of batches: it does so with the first of each provider."""
    from orchestrator.experts.batch import batch_backend
    from orchestrator.types import BatchTerms, Expert, Message, Request

    for model in ("anthropic/claude-3-5-haiku-latest", "mistral/mistral-small-latest"):
        nowhere = Expert("e", model, api_base="http://127.0.0.1:1/v1", batch=BatchTerms())
        batch_backend(nowhere).line(Request("e", model, (Message("user", "-"),)))


def _hurry() -> None:
    """Has batches leave, and be looked at, after shorter pauses than providers are to be asked with."""
    from orchestrator.engine.batching import lane, seeking, trip

    lane.LINGER, trip.FIRST_LOOK, seeking.SEEKS = 0.7, 0.2, (0.2, 0.5, 1.0, 2.0, *seeking.SEEKS)


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def _code(pid: int, alive: set[int]) -> int | None:
    """How a child has ended, if it has: as `subprocess` says it."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found:
        return None
    alive.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _born(asked: Any) -> int:
    """A child that runs the command in folder `cwd`, its standard streams in files."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        for fd, (path, flags) in enumerate(
            [(os.devnull, os.O_RDONLY)]
            + [(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")]
        ):
            os.dup2(os.open(path, flags, 0o600), fd)
        os.chdir(asked["cwd"])
        sys.argv = ["orchestrator", *asked["words"]]
        code = _run()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run() -> int:
    from orchestrator.cli import main as command

    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


if __name__ == "__main__":
    main()
