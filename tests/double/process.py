"""The double as a process of its own, for tests that kill their client or that must not share its loop."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ROOT = Path(__file__).resolve().parents[2]


class DoubleProcess:
    """`with DoubleProcess(...) as double:`; takes what `Double` takes, and dies with the test that started it."""

    def __init__(
        self,
        *,
        models: Mapping[str, Mapping[str, Any]] | None = None,
        strict: bool = False,
        keep_bodies: bool = False,
        port: int = 0,
        **settings: Any,
    ) -> None:
        command = [sys.executable, "-m", "tests.double", "--port", str(port), "--until-eof"]
        command += ["--config", json.dumps({"models": models or {}, **settings}, default=sorted)]
        self._command = command + ["--strict"] * strict + ["--keep-bodies"] * keep_bodies

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self._command, cwd=_ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdout is not None
        self.base_url = self.process.stdout.readline().strip()
        if not self.base_url:
            raise RuntimeError(f"the double did not start: exit {self.process.wait()}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def stats(self) -> dict[str, Any]:
        """The counters; see `Stats`."""
        counters: dict[str, Any] = self._call("/stats")
        if counters["crashes"]:
            raise AssertionError("the double itself failed:\n" + "\n".join(counters["crashes"]))
        return counters

    def bodies(self) -> dict[str, dict[str, int]]:
        """`seen` and `answered`: how often each body came, and how often it got a good answer."""
        counters: dict[str, dict[str, int]] = self._call("/bodies")
        return counters

    def prompts(self) -> dict[str, dict[str, int]]:
        """What was billed for each conversation, by its text."""
        tallies: dict[str, dict[str, int]] = self._call("/prompts")
        return tallies

    def desk(self) -> dict[str, Any]:
        """Its batches, and how often each request was in one; see `Desk`."""
        found: dict[str, Any] = self._call("/desk")
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Every request, where they are kept."""
        kept: list[dict[str, Any]] = self._call("/requests")
        return kept

    def reset(self) -> None:
        """Counts from zero again."""
        self._call("/stats/reset", {})

    def configure(self, **settings: Any) -> None:
        """Changes settings while it runs; counters stay."""
        self._call("/config", settings)

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body, default=sorted).encode()
        url = self.base_url.removesuffix("/v1") + path
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as reply:
            return json.load(reply)


def unused_url() -> str:
    """A base URL on which nothing listens: connections are refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
