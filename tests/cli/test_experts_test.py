"""`experts test`: what a server takes and tells, found out with a few calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.experts.pool import read_pool
from tests.double.process import DoubleProcess

from .conftest import Command

MODELS = {
    "plain": {},
    "new": {"rejects": ["temperature", "stop", "max_tokens"], "reasoning": [0.0, 50]},
    "few": {"max_n": 1},
    "told": {"rules": {"JSON|6 times 7": '{"product": 42}'}},
    "odd": {"rejects": ["system", "logprobs", "response_format", "n", "seed"]},
    "locked": {"api_key": "sk-right", "echo_key": True},
}


@pytest.fixture(scope="module")
def double() -> Iterator[DoubleProcess]:
    with DoubleProcess(models=MODELS, answers={"42": 1}, strict=True) as double:
        yield double


def found_of(command: Command, double: DoubleProcess, model: str, *words: str) -> Any:
    return command("experts", "test", f"openai/{model}", "--api-base", double.base_url, "--json", *words).json


def test_what_a_server_takes_is_told_setting_by_setting(command: Command, double: DoubleProcess) -> None:
    found = found_of(command, double, "plain")
    taken = ("temperature", "top_p", "n", "seed", "stop", "system", "logprobs")
    assert found["settings"] == {**dict.fromkeys(taken, "taken"), "json_schema": "ignored"}
    assert found["usage_reported"]
    assert found["served_as"] == "plain"
    assert found["spent"]["calls"] == 10
    assert found_of(command, double, "told")["settings"]["json_schema"] == "taken"


def test_both_ways_to_a_server_find_the_same(command: Command, double: DoubleProcess, home: Path) -> None:
    entry = f'[[expert]]\nid = "e"\nmodel = "openai/odd"\napi_base = "{double.base_url}"\nclient = '
    found = []
    for client in ("litellm", "direct"):
        (home / "p.toml").write_text(f'{entry}"{client}"\n')
        found.append(command("experts", "test", "e", "--pool", "p.toml", "--json").json)
        assert found[-1].pop("client") == client
        assert f'client = "{client}"' in found[-1].pop("pool_entry")
        found[-1].pop("seconds")
    assert found[0] == found[1]


def test_what_it_refuses_is_in_the_entry(command: Command, double: DoubleProcess, home: Path) -> None:
    found = found_of(command, double, "new")
    assert (found["settings"]["temperature"], found["settings"]["stop"]) == ("refused", "refused")
    assert found["max_tokens"] == "max_completion_tokens"
    (home / "p.toml").write_text(found["pool_entry"])
    (expert,) = read_pool(home / "p.toml")
    assert expert.capabilities == {
        "temperature": False,
        "stop": False,
        "json_schema": False,
        "max_tokens": "max_completion_tokens",
    }
    again = command("experts", "test", "openai/new", "--pool", "p.toml", "--json").json
    assert again["pool_entry"] == found["pool_entry"]


def test_a_server_that_gives_one_choice_whatever_is_asked_does_not_take_n(
    command: Command, double: DoubleProcess
) -> None:
    assert found_of(command, double, "few")["settings"]["n"] == "refused"
    settings = found_of(command, double, "odd")["settings"]
    assert {name for name, found in settings.items() if found == "refused"} == {
        "n", "seed", "system", "logprobs", "json_schema",
    }  # fmt: skip


def test_all_that_is_printed_is_a_pool_file(command: Command, double: DoubleProcess, home: Path) -> None:
    done = command("experts", "test", "openai/new", "--api-base", double.base_url)
    (home / "p.toml").write_text(done.out)
    assert [expert.id for expert in read_pool(home / "p.toml")] == ["openai/new"]
    assert "# it was asked directly" in done.out
    assert "# does not take: temperature, stop" in done.out
    assert done.err == ""


def test_a_small_budget_tries_as_much_as_it_covers(command: Command, double: DoubleProcess) -> None:
    found = found_of(command, double, "plain", "--budget", "calls=3")
    assert found["spent"]["calls"] == 3
    assert list(found["settings"].values()).count("not tried") == 6
    done = command("experts", "test", "openai/plain", "--api-base", double.base_url, "--budget", "calls=0", code=4)
    assert done.lines == ["orchestrator: budget of the probe ended: calls=0; the next call needs calls=1"]


def test_a_refused_key_is_one_line_without_the_key(
    command: Command, double: DoubleProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-wrong-1234567890")
    words = ("experts", "test", "openai/locked", "--api-base", double.base_url, "--key-env", "MY_KEY")
    done = command(*words, code=5)
    assert len(done.lines) == 1
    assert "sk-wrong" not in done.err
    monkeypatch.setenv("MY_KEY", "sk-right")
    assert 'key_env = "MY_KEY"' in command(*words).out


def test_a_model_that_is_not_there_is_one_line(command: Command, double: DoubleProcess) -> None:
    done = command("experts", "test", "openai/nosuch", "--api-base", double.base_url, code=5)
    assert len(done.lines) == 1
    assert "nosuch" in done.err


def test_a_server_that_is_not_there_is_one_line(command: Command) -> None:
    done = command("experts", "test", "openai/m", "--api-base", "http://127.0.0.1:1/v1", code=5)
    assert len(done.lines) == 1
    assert "no server listens at http://127.0.0.1:1/v1" in done.err


def test_a_cap_on_money_wants_a_price(command: Command, home: Path) -> None:
    (home / "p.toml").write_text('[[expert]]\nid = "far"\nmodel = "openai/x"\napi_base = "https://far.example/v1"\n')
    done = command("experts", "test", "far", "--pool", "p.toml", "--budget", "usd=1", code=2)
    assert "needs the price of 'far'" in done.err


@pytest.mark.parametrize(
    ("words", "said"), [(("sim:ada",), "no server to test"), (("sim:all",), "stands for 6 experts")]
)
def test_who_cannot_be_tested_is_said_so(command: Command, words: tuple[str, ...], said: str) -> None:
    assert said in command("experts", "test", *words, code=2).err


def test_a_name_is_shown_and_a_command_is_run(command: Command, echo: str) -> None:
    shown = command("experts", echo, "-e", echo).out
    assert shown == command("experts", "show", echo, "-e", echo).out
    assert "did you mean" in command("experts", "-e", echo, "--rle", "judge=x", code=2).err
