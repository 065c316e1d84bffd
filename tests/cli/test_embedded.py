"""Without any expert named: simulated ones answer, it is said, and what would ask a model is shown."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from orchestrator.cli import embedded
from orchestrator.cli.local_servers import Place
from orchestrator.experts.prices import bare_models, priced
from orchestrator.experts.routes import KEYS
from orchestrator.types import Expert

from .conftest import Command

MAKE_24 = "Use 4 7 8 8 to make 24"


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no server on this machine."""
    monkeypatch.setattr(embedded, "PLACES", (Place("Ollama", 1, "/api/tags", "models", "name"),))
    for name in {name for names in KEYS.values() for name in names}:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    class Tags(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"models": [{"name": "qwen3:8b"}]}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Tags) as server:
        Thread(target=server.serve_forever).start()
        place = Place("Ollama", server.server_port, "/api/tags", "models", "name")
        monkeypatch.setattr(embedded, "PLACES", (place,))
        yield
        server.shutdown()


def test_a_question_is_answered_and_said_to_be_simulated_once(command: Command) -> None:
    done = command("solve", MAKE_24)
    assert eval(done.out) == 24
    assert sorted(c for c in done.out if c.isdigit()) == ["4", "7", "8", "8"]
    assert done.err.count("simulated ones of sim:all") == 1
    assert "the simulated experts read this as game24" in done.err
    assert "best_of_n" in done.err


def test_a_kind_that_is_given_stands(command: Command) -> None:
    done = command("solve", MAKE_24, "--kind", "text")
    assert "read this as" not in done.err
    assert "no -s given, so: universal_sc" in done.err


def test_with_json_the_object_is_all_there_is_on_standard_output(command: Command) -> None:
    done = command("solve", MAKE_24, "--json")
    assert done.json["candidates"][0]["expert"].startswith("sim:")
    assert "simulated" in done.err


def test_a_question_out_of_reach_is_said_so_with_what_would_answer_it(command: Command) -> None:
    done = command("solve", "Who wrote the play about the prince of Denmark?", code=5)
    assert done.out == ""
    assert done.lines[-2].startswith("no answer: no expert here can answer this")
    assert done.lines[-1].startswith("to ask a model: -e openai/gpt-4o-mini with OPENAI_API_KEY set")


def test_a_key_that_is_set_is_pointed_at_and_not_spent(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "hidden")
    monkeypatch.setenv("DEEPINFRA_API_KEY", "hidden")
    done = command("solve", MAKE_24, "--json")
    assert {candidate["expert"][:4] for candidate in done.json["candidates"]} == {"sim:"}
    assert "-e groq/openai/gpt-oss-20b (GROQ_API_KEY is set)" in done.err
    assert "-e deepinfra/MODEL (DEEPINFRA_API_KEY is set)" in done.err
    assert "hidden" not in done.err


@pytest.mark.usefixtures("ollama")
def test_a_server_on_this_machine_is_pointed_at(command: Command) -> None:
    assert "to ask a model: -e ollama_chat/qwen3:8b (Ollama is running)" in command("solve", MAKE_24).err


def test_a_bench_says_it_too(command: Command) -> None:
    done = command("bench", "game24", "-s", "cot", "--limit", "2", "--json")
    assert done.json["problems"] == 2
    assert done.err.count("simulated ones of sim:all") == 1
    assert "are simulated" in command("resume", done.json["run"]).lines[0]


def test_simulated_experts_that_are_named_are_said_to_be_so_in_a_line(command: Command, echo: str) -> None:
    done = command("solve", MAKE_24, "-e", "sim:ada", "-e", "sim:flo", "-s", "cot")
    assert done.lines[0].startswith("answers of sim:ada, sim:flo are simulated")
    mixed = command("solve", MAKE_24, "-e", echo, "-e", "sim:ada", "-s", "cot")
    assert mixed.lines[0].startswith("answers of sim:ada are simulated")
    assert "read this as" not in mixed.err


@pytest.mark.parametrize("provider", sorted(embedded.EXAMPLES))
def test_the_models_that_are_pointed_at_are_known_with_their_price(provider: str) -> None:
    model = embedded.EXAMPLES[provider]
    found = priced(Expert("x", f"{provider}/{model}"))
    assert found.price is not None or model in bare_models()


def test_experts_without_any_named_are_the_simulated_ones_with_their_skills(command: Command) -> None:
    done = command("experts", "--json")
    rows = {row["id"]: row for row in done.json["experts"]}
    assert len(rows) == 6
    assert "algebra" in rows["sim:ada"]["skills"]
    assert "algebra" in command("experts").out


def test_a_set_out_of_reach_says_why_nothing_came_once_for_each_row(command: Command, home: Path) -> None:
    rows = [
        f'{{"id": "p/{i}", "kind": "text", "question": "Who painted wall {i}?", "answer": "x"}}\n' for i in range(3)
    ]
    (home / "walls.jsonl").write_text("".join(rows))
    done = command("bench", "walls.jsonl", "-s", "cot", "-s", "self_consistency")
    told = [line for line in done.err.splitlines() if "no completion" in line]
    assert len(told) == 2
    assert all("no expert here can answer this" in line for line in told)
