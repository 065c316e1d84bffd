"""`doctor`: what is there, never a secret, nothing beyond this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from orchestrator.cli import doctor, local_servers
from orchestrator.cli.isolation import ABOUT
from orchestrator.cli.local_servers import Place, find, refused
from orchestrator.errors import SandboxUnavailable
from orchestrator.sandbox import Execution, Isolation, Sandbox
from orchestrator.types import Expert
from tests.double import unused_url

from .conftest import Command

ANSWERS: dict[str, object] = {
    "/v1/models": {"data": [{"id": "qwen"}, {"id": "phi"}]},
    "/api/tags": {"models": [{"name": "llama3:8b"}]},
    "/odd/models": [1, 2],
    "/page/models": "<html>",
}


@pytest.fixture
def port() -> Iterator[int]:
    """A server that lists models in several ways."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in ANSWERS
            body = json.dumps(ANSWERS.get(self.path)).encode() if not self.path.startswith("/page") else b"<html>"
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def silent_port() -> int:
    return int(unused_url().removesuffix("/v1").rpartition(":")[2])


def test_servers_are_told_with_the_options_that_would_ask_them(port: int) -> None:
    places = (
        Place("vLLM", port),
        Place("Ollama", port, "/api/tags", "models", "name"),
        Place("LM Studio", silent_port()),
        Place("odd", port, "/odd/models"),
        Place("page", port, "/page/models"),
        Place("none", port, "/none"),
    )
    found = find(places)
    assert [server.use for server in found[:2]] == [
        f"-e openai/qwen --api-base http://127.0.0.1:{port}/v1",
        "-e ollama_chat/llama3:8b",
    ]
    assert [server.found for server in found] == [True, True, False, False, False, False]


def test_only_servers_said_to_be_here_are_tried(port: int) -> None:
    def at(name: str, base: str | None, model: str = "openai/m") -> Expert:
        return Expert(name, model, api_base=base)

    silent = f"http://localhost:{silent_port()}/v1"
    experts = [at("here", f"http://127.0.0.1:{port}/v1"), at("gone", silent), at("far", "https://models.example/v1")]
    assert refused([*experts, at("hosted", None), Expert("s", "s", "scripted")]) == {"gone": silent}


def test_everything_is_told(command: Command, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(local_servers, "PLACES", ())
    monkeypatch.setattr(doctor, "find", lambda: find((Place("vLLM", port),)))
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    found = command("doctor", "--json").json
    assert found["schema"] == "doctor/1"
    assert (found["keys"]["OPENAI_API_KEY"], found["keys"]["ANTHROPIC_API_KEY"]) == (True, False)
    assert found["packages"]["litellm"]
    assert found["runs"]["writable"]
    told = found["sandbox"]
    assert told["works"]
    assert told["protects"] == (told["level"] >= 3)
    assert told["about"] == ABOUT[told["level"]]
    assert told["mechanisms"]
    assert command("runs", "list", "--json").json["runs"] == []
    assert found["servers"][0]["models"] == ["qwen", "phi"]
    assert found["servers"][0]["client"] == "direct"
    assert (found["problems"], found["warnings"]) == ([], [])
    shown = command("doctor").out
    assert "keys that are set: OPENAI_API_KEY" in shown
    assert f"isolation level {told['level']} of 5: {told['about']}" in shown
    assert "in force: " in shown
    assert "(asked directly, without litellm)" in shown
    assert "very-secret" not in shown + json.dumps(found)


def test_what_is_in_the_way_is_exit_2(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find", lambda: [])
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file"))
    (home / "orchestrator.toml").write_text("sed = 3\n")
    done = command("doctor", code=2)
    assert "problem: runs cannot be kept in" in done.err
    assert "problem: unknown key 'sed'" in done.err


def test_a_sandbox_that_cannot_start_is_a_problem(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise SandboxUnavailable("no process can be started")

    monkeypatch.setattr(doctor, "find", lambda: [])
    monkeypatch.setattr(Sandbox, "verify", refuse)
    done = command("doctor", code=2)
    assert "programs cannot be run here: no process can be started" in done.err
    assert "sandbox: does not work" in done.out
    assert command("doctor", "--json", code=2).json["sandbox"]["level"] is None


def test_what_is_missing_is_told_with_what_can_be_done(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Isolation(2, {"rlimits": True, "seccomp": True, "landlock_abi": 0}, ("files",))

    async def passing(box: Sandbox, *_: object) -> Execution:
        monkeypatch.setattr(Sandbox, "isolation", weak)
        return Execution("passed")

    monkeypatch.setattr(doctor, "find", lambda: [])
    monkeypatch.setattr(Sandbox, "verify", passing)
    monkeypatch.setattr(doctor, "advice", lambda isolation: (f"do this about level {isolation.level}",))
    shown = command("doctor").out
    assert "isolation level 2 of 5" in shown
    assert "  in force: rlimits, seccomp\n  not enforced: files\n  do this about level 2\n" in shown
    found = command("doctor", "--json").json["sandbox"]
    assert (found["protects"], found["advice"]) == (False, ["do this about level 2"])


def test_the_stranger_of_that_name_is_a_warning(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find", lambda: [])
    monkeypatch.setattr(doctor, "_version", lambda name: "0.0.9")
    assert "warning: the unrelated package 'orchestrator' 0.0.9" in command("doctor").err
