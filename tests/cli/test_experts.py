"""`experts`: whom a pool, a config or an option stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command

POOL = """
[[expert]]
id = "ann"
model = "openai/gpt-x"
api_base = "https://me:hidden1@models.example/v1"
key_env = "ANNS_KEY"
price = { prompt = 2.5, completion = 10 }
capabilities = { n = false }
headers = { X-Team = "hidden2" }

[[expert]]
id = "bob"
model = "ollama_chat/qwen3:8b"
"""


@pytest.fixture
def pool(home: Path) -> str:
    (home / "pool.toml").write_text(POOL)
    return "pool.toml"


def test_a_pool_is_told_without_its_secrets(command: Command, pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNS_KEY", "hidden3")
    ann, bob = command("experts", "--pool", pool, "--json").json["experts"]
    assert ann["keys"] == {"ANNS_KEY": True}
    assert ann["price_per_million"] == {"prompt": 2.5, "completion": 10}
    assert ann["capabilities"]["n"] is False
    assert (ann["headers"], ann["api_base"]) == (["Authorization", "X-Team"], "https://models.example/v1")
    assert (bob["keys"], bob["price_per_million"]) == ({}, {"prompt": 0, "completion": 0})
    for words in ((), ("ann",), ("--json",), ("ann", "--json")):
        assert "hidden" not in command("experts", *words, "--pool", pool).out


def test_what_is_missing_is_told_and_nobody_is_asked(command: Command, pool: str) -> None:
    shown = command("experts", "--pool", pool).out
    assert "ANNS_KEY is not set" in shown
    assert "2.5 + 10" in shown
    assert "free" in shown
    one = command("experts", "ann", "--pool", pool).out
    assert "problem: expert 'ann': the environment variable ANNS_KEY is not set" in one
    known = command("experts", "openai/gpt-4o-mini", "-e", "openai/gpt-4o-mini").out
    assert "OPENAI_API_KEY is not set" in known
    assert "0.15 + 0.6" in known


def test_prices_of_long_prompts_and_of_requests_are_told(command: Command, home: Path) -> None:
    (home / "long.toml").write_text(
        '[[expert]]\nid = "cat"\nmodel = "openai/gpt-x"\n'
        "[expert.price]\nprompt = 1.25\ncompletion = 10\nrequest = 0.5\n"
        "[[expert.price.tiers]]\nabove = 200_000\nprompt = 2.5\ncompletion = 15\n"
    )
    assert "1.25-2.5 + 10-15, 0.5 each" in command("experts", "--pool", "long.toml").out
    one = command("experts", "cat", "--pool", "long.toml").out
    assert "1.25 + 10; above 200,000 tokens 2.5 + 15; 0.5 per request" in one
    assert command("experts", "cat", "--pool", "long.toml", "--json").json["price_per_million"] == {
        "prompt": 1.25, "completion": 10, "per_request": 0.5,
        "tiers": [{"above": 200_000, "prompt": 2.5, "completion": 15}],
    }  # fmt: skip


def test_experts_of_roles_are_among_them(command: Command, pool: str) -> None:
    rows = command("experts", "-e", "bob", "--pool", pool, "--role", "judge=ann", "--json").json["experts"]
    assert [(row["id"], row["roles"]) for row in rows] == [("bob", []), ("ann", ["judge"])]


def test_what_keeps_one_from_being_asked_is_told_however_narrow_the_table(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (home / "pool.toml").write_text('[[expert]]\nid = "ann"\nmodel = "openai/gpt-4o"\nclient = "direct"\n')
    shown = command("experts", "--pool", "pool.toml").out
    assert "expert 'ann': client = \"direct\" needs to know the server" in " ".join(shown.split())


def test_with_whom_one_shares_memory_and_how_it_is_asked_by_batch_are_told(command: Command, home: Path) -> None:
    base = 'api_base = "http://127.0.0.1:1/v1"'
    (home / "pool.toml").write_text(
        f'[[expert]]\nid = "ann"\nmodel = "openai/a"\n{base}\nresident_group = "card"\nloader = "vllm"\n'
        f'[[expert]]\nid = "bob"\nmodel = "openai/b"\n{base}\nresident_group = "card"\nresident_capacity = 2\n'
        f'[[expert]]\nid = "cat"\nmodel = "openai/c"\n{base}\nmode = "batch"\nbatch_window = "2h"\n'
    )
    ann, bob, cat = command("experts", "--pool", "pool.toml", "--json").json["experts"]
    assert ann["memory"] == {"group": "card", "models": 2, "loader": "vllm"}
    assert bob["memory"] == {"group": "card", "models": 2, "loader": "none"}
    assert (cat["memory"], cat["batch"]["window"], cat["batch"]["price"]) == (None, "2h", 0.5)
    assert "memory: group=card, models=2, loader=vllm" in command("experts", "ann", "--pool", "pool.toml").out
    assert "batch: window=2h, price=0.5" in command("experts", "cat", "--pool", "pool.toml").out
