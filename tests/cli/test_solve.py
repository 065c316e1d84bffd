"""`solve`: what it prints, and the codes it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.engine import Engine

from .conftest import SCRIPT, TRAM, Command

FIELDS = {
    "schema", "answer", "text", "confidence", "strategy", "chosen_by", "candidates", "usage", "stopped_by", "run",
    "isolation",
}  # fmt: skip


def test_the_answer_alone_is_on_standard_output(command: Command) -> None:
    done = command("solve", TRAM, "--kind", "number", "-e", SCRIPT, "-s", "self_consistency(samples=5)")
    assert (done.out, done.err) == ("21\n", "")


def test_the_strategy_chosen_by_rule_is_told(command: Command, echo: str) -> None:
    done = command("solve", "1 + 1?", "--kind", "number", "-e", echo)
    assert "self_consistency" in done.err
    assert "universal_sc" in command("solve", "Say something.", "-e", echo).err


def test_the_problem_may_come_from_standard_input(command: Command, echo: str) -> None:
    assert command("solve", "-", "--kind", "number", "-e", echo, "-s", "cot", stdin="1 + 1?").out == "40\n"


def test_the_problem_may_come_from_a_file(command: Command, echo: str, home: Path) -> None:
    (home / "p.json").write_text(json.dumps({"id": "x", "kind": "number", "question": "1 + 1?", "answer": "2"}))
    assert command("solve", "--problem", "p.json", "-e", echo, "-s", "cot").out == "40\n"


def test_a_file_may_hold_a_conversation(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "Be terse.*1 . 1"\nreply = "The answer is 2."\n')
    messages = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "1 + 1?"}]
    (home / "p.json").write_text(json.dumps({"messages": messages, "kind": "number"}))
    assert command("solve", "--problem", "p.json", "-e", "scripted:e.toml", "-s", "cot").out == "2\n"


def test_what_a_solver_must_not_see_stays_in_the_file(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "1234"\nreply = "The answer is 1."\n')
    row = {"kind": "number", "question": "1 + 1?", "answer": "1234", "meta": {"rationale": "1234"}}
    (home / "p.json").write_text(json.dumps(row))
    assert "no rule" in command("solve", "--problem", "p.json", "-e", "scripted:e.toml", "-s", "cot", code=5).err


def test_options_make_a_choice(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "\\\\(B\\\\) blue"\nreply = "The answer is (B)."\n')
    done = command("solve", "Which?", "--option", "red", "--option", "blue", "-e", "scripted:e.toml", "-s", "cot")
    assert done.out == "B\n"


def test_tests_check_code_and_exit_3_says_that_none_passed(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "."\nreply = "```python\\ndef f(x):\\n    return x\\n```"\n')
    words = ("solve", "Write f.", "-e", "scripted:e.toml", "-s", "best_of_n(samples=1)")
    right = command(*words, "--test", "assert f(2) == 2")
    assert "def f(x):\n    return x" in right.out
    wrong = command(*words, "--test", "assert f(2) == 3", code=3)
    assert "def f(x):" in wrong.out
    assert "no candidate passed" in wrong.err


def test_programs_that_were_run_say_how_far_apart(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "."\nreply = "```python\\ndef f(x):\\n    return x\\n```"\n')
    words = ("solve", "Write f.", "-e", "scripted:e.toml", "-s", "best_of_n(samples=1)", "--json")
    isolation = command(*words, "--test", "assert f(2) == 2").json["isolation"]
    assert isolation["level"] >= 1
    assert {"level", "mechanisms", "not_enforced"} == {*isolation}
    assert command("solve", TRAM, "--kind", "number", "-e", SCRIPT, "-s", "cot", "--json").json["isolation"] is None


def test_isolation_that_is_not_reached_is_exit_6_before_anybody_is_asked(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(*_: object) -> None:
        raise AssertionError("nobody is to be asked")

    monkeypatch.setattr(Engine, "ask", asked)
    words = ("solve", "Write f.", "--test", "assert f(2) == 2", "-e", SCRIPT, "-s", "cot")
    done = command(*words, "--verifier", "unit_tests", "--min-isolation", "5", code=6)
    assert done.out == ""
    assert "level 5 is wanted" in done.lines[-1]
    assert "orchestrator doctor" in done.lines[-1]


def test_several_different_answers_come_one_a_line(command: Command) -> None:
    words = ("solve", TRAM, "--kind", "number", "-e", SCRIPT, "-s", "self_consistency(samples=5)", "-n", "3")
    assert command(*words).out == "21\n42\n28\n"
    found = command(*words, "--json").json
    answers = {candidate["id"]: candidate["answer"] for candidate in found["candidates"]}
    assert [answers[name] for name in found["top"]] == ["21", "42", "28"]


def test_json_has_the_fields_of_the_contract(command: Command, echo: str) -> None:
    found = command(
        "solve", "1 + 1?", "--kind", "number", "-e", echo, "-s", "self_consistency(samples=2)", "--json"
    ).json
    assert set(found) == FIELDS
    assert found["schema"] == "solve/1"
    assert [set(candidate) for candidate in found["candidates"]] == [{"id", "answer", "expert", "score", "parents"}] * 2
    assert found["usage"]["calls"] == 2
    assert (found["answer"], found["stopped_by"]) == ("40", "done")


def test_an_answer_that_was_written_out_of_the_candidates_is_shown_beside_them(command: Command, echo: str) -> None:
    words = ("solve", "1 + 1?", "--kind", "number", "-e", echo, "-s", "synthesis(samples=2)", "-n", "2", "--json")
    found = command(*words).json
    assert set(found) == {*FIELDS, "written", "top"}
    assert set(found["written"]) == {"id", "answer", "expert", "score", "parents"}
    assert (found["answer"], found["chosen_by"], found["top"][0]) == ("40", "synthesis", found["written"]["id"])
    assert {candidate["id"] for candidate in found["candidates"]} < set(found["written"]["parents"])


def test_control_characters_of_a_model_are_shown_not_sent(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "."\nreply = "\\u001b[31mred\\u001b[0m [bold]x[/bold] \\u202e!"\n')
    done = command("solve", "Say it.", "-e", "scripted:e.toml", "-s", "cot")
    assert done.out == "\\x1b[31mred\\x1b[0m [bold]x[/bold] \\u202e!\n"


def test_an_answer_that_cannot_be_read_is_exit_3(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "."\nreply = "I would rather not."\n')
    done = command("solve", "1 + 1?", "--kind", "number", "-e", "scripted:e.toml", "-s", "cot", code=3)
    assert done.out == ""
    assert "no answer could be read out of the reply; it says: I would rather not.\n" in done.err


def test_a_long_reply_without_an_answer_is_one_short_line(command: Command, home: Path) -> None:
    long = "First\\n\\u001b[31m" + 90 * " hm"
    (home / "e.toml").write_text(f'[[rule]]\nmatch = "."\nreply = "{long}"\n')
    done = command("solve", "1 + 1?", "--kind", "number", "-e", "scripted:e.toml", "-s", "cot", code=3)
    assert done.lines[-1].startswith("no answer could be read out of the reply; it says: First \\x1b[31m hm")
    assert len(done.lines[-1]) < 200


def test_a_budget_that_ends_the_search_is_exit_4_with_the_best_answer(command: Command, home: Path) -> None:
    (home / "pool.toml").write_text(
        '[[expert]]\nid = "dear"\nclient = "scripted"\nmodel = "echo.toml"\n'
        "price = { prompt = 0, completion = 25000 }\nsampling = { max_tokens = 4 }\n"
    )
    (home / "echo.toml").write_text('[[rule]]\nmatch = "."\nreply = "The answer is 4{i}."\n')
    words = ("solve", "1 + 1?", "--kind", "number", "--pool", "pool.toml", "-s", "self_consistency(samples=10)")
    done = command(*words, "--budget", "usd=0.3", code=4)
    assert done.out in ("40\n", "41\n", "42\n")
    assert "usd=0.3" in done.err


def test_priced_experts_have_a_money_cap_that_nobody_asked_for(command: Command, home: Path, echo: str) -> None:
    (home / "pool.toml").write_text(
        '[[expert]]\nid = "dear"\nclient = "scripted"\nmodel = "echo.toml"\nprice = { prompt = 0, completion = 1000 }\n'
    )
    done = command("solve", "1 + 1?", "--kind", "number", "--pool", "pool.toml", "-s", "cot", code=4)
    assert "usd=0.5;" in done.err
    words = ("solve", "1 + 1?", "--kind", "number", "--pool", "pool.toml", "-s", "cot", "--budget", "usd=5")
    assert command(*words).out == "40\n"


def test_the_usual_cap_needs_every_price(command: Command, home: Path, echo: str) -> None:
    (home / "pool.toml").write_text(
        '[[expert]]\nid = "dear"\nclient = "scripted"\nmodel = "echo.toml"\nprice = { prompt = 0, completion = 1000 }\n'
        '[[expert]]\nid = "odd"\nmodel = "openai/odd"\napi_base = "https://models.example/v1"\n'
    )
    done = command("solve", "1 + 1?", "--pool", "pool.toml", "-s", "cot", code=2)
    assert "'odd'" in done.err
    assert "price = " in done.err


def test_an_expert_that_fails_is_exit_5_with_its_words(command: Command, home: Path) -> None:
    (home / "e.toml").write_text('[[rule]]\nmatch = "xyz"\nreply = "x"\n')
    done = command("solve", "1 + 1?", "-e", "scripted:e.toml", "-s", "cot", code=5)
    assert done.out == ""
    assert len(done.lines) == 1
    assert "no rule for '1 + 1?" in done.err


def test_a_dry_run_asks_nobody(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    words = ("solve", "1 + 1?", "-e", "openai/gpt-4o-mini", "-s", "self_consistency(samples=5)", "--dry-run", "--json")
    (row,) = command(*words).json["results"]
    assert row["calls"] == {"least": 5, "expected": 5, "most": 5}
    assert row["depth"] == 1
    # 5 replies of at most 2048 tokens at 0.60 dollars a million, and five prompts of at most a few thousand.
    assert 5 * 2048 * 0.6e-6 < row["usd_most"] < 5 * 2048 * 0.6e-6 + 5 * 4000 * 0.15e-6


def test_settings_of_config_files_hold_for_solve(command: Command, echo: str, home: Path) -> None:
    (home / "orchestrator.toml").write_text(
        'strategy = "self_consistency"\n[strategies.self_consistency]\nsamples = 3\n'
    )
    found = command("solve", "1 + 1?", "--kind", "number", "-e", echo, "--json").json
    assert found["strategy"] == "self_consistency(samples=3)"
    given = command("solve", "1 + 1?", "--kind", "number", "-e", echo, "--set", "samples=2", "--json").json
    assert given["strategy"] == "self_consistency(samples=2)"
    own = command("solve", "1 + 1?", "--kind", "number", "-e", echo, "-s", "cot", "--json").json
    assert own["strategy"] == "cot"


def test_a_cap_of_the_invocation_holds_for_solve(command: Command, echo: str, home: Path) -> None:
    (home / "orchestrator.toml").write_text('run_budget = "calls=3"\nbudget = "calls=8"\n')
    words = ("solve", "1 + 1?", "--kind", "number", "-e", echo, "-s", "self_consistency(samples=5)", "--json")
    assert command(*words).json["usage"]["calls"] == 3
