"""Bad input: one clear line on standard error, the right exit code, and nothing on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.double import DoubleProcess, unused_url

from .conftest import SCRIPT, Command, in_a_process

BENCH = ("bench", "sample", "-e", SCRIPT)

MISTAKES = {
    "command": (("benhc",), "'bench'"),
    "no such option": ((*BENCH, "--stratgey", "cot"), "did you mean '--strategy'?"),
    "no such short option": ((*BENCH, "-Z"), "`orchestrator bench --help`"),
    "missing argument": (("bench",), "name a set"),
    "number": ((*BENCH, "--limit", "few"), "--limit"),
    "number out of range": ((*BENCH, "--limit", "0"), "--limit"),
    "strategy": ((*BENCH, "-s", "self_consistancy"), "did you mean 'self_consistency'?"),
    "spec": ((*BENCH, "-s", "cot("), "'cot(' cannot be read"),
    "setting of a spec": ((*BENCH, "-s", "cot(temprature=1)"), "did you mean 'temperature'?"),
    "value of a setting": ((*BENCH, "-s", "self_consistency(samples=many)"), "samples=many does not fit"),
    "--set": ((*BENCH, "-s", "self_consistency", "--set", "sampels=3"), "did you mean 'samples'?"),
    "--set without a value": ((*BENCH, "-s", "cot", "--set", "samples"), "write FIELD=VALUE"),
    "verifier": ((*BENCH, "--verifier", "unit_test"), "did you mean 'unit_tests'?"),
    "aggregator": ((*BENCH, "--aggregator", "majorty"), "did you mean 'majority'?"),
    "role": ((*BENCH, "--role", f"jugde={SCRIPT}"), "did you mean 'judge'?"),
    "role without an expert": ((*BENCH, "--role", "judge"), "write ROLE=EXPERT"),
    "address of nobody": (("bench", "sample", "--api-base", "http://127.0.0.1:1/v1"), "add -e openai/MODEL"),
    "run to reuse": ((*BENCH, "--reuse", "nosuch"), "unknown run 'nosuch'"),
    "provider": (("bench", "sample", "-e", "opanai/gpt-4o"), "did you mean 'openai'?"),
    "model": (("bench", "sample", "-e", "gpt-4oo-mini"), "did you mean 'gpt-4o-mini'?"),
    "no key": (("bench", "sample", "-e", "openai/gpt-4o-mini"), "OPENAI_API_KEY"),
    "variable that is not set": (("bench", "sample", "-e", "x/y", "--key-env", "NO_SUCH"), "NO_SUCH is not set"),
    "key instead of a variable": (("bench", "sample", "-e", "x/y", "--key-env", "sk-live"), "not a key"),
    "address": (("bench", "sample", "-e", "x/y", "--api-base", "localhost"), "is not a URL"),
    "expert twice": ((*BENCH, "-e", SCRIPT), "is there twice"),
    "script": (("bench", "sample", "-e", "scripted:none.toml"), "none.toml: no such file"),
    "recordings": (("bench", "sample", "-e", "replay:none.jsonl"), "none.jsonl: cannot be read"),
    "pool file": (("bench", "sample", "--pool", "none.toml"), "none.toml: No such file"),
    "cap": ((*BENCH, "--budget", "cals=3"), "--budget; did you mean 'calls'?"),
    "size of a cap": ((*BENCH, "--budget", "calls=few"), "--budget: calls=few"),
    "run budget": ((*BENCH, "--run-budget", "dollars=3"), "--run-budget"),
    "set": (("bench", "sampel", "-e", SCRIPT), "did you mean 'sample'?"),
    "file of a set": (("bench", "none.jsonl", "-e", SCRIPT), "no set 'none.jsonl'"),
    "option of a set": (("bench", "sample:limt=3", "-e", SCRIPT), "did you mean 'limit'?"),
    "part": ((*BENCH, "--part", "evla"), "did you mean 'eval'?"),
    "id": ((*BENCH, "--ids", "sample/1,sample/99"), "unknown problem 'sample/99'"),
    "no id": ((*BENCH, "--ids", ","), "--ids names no problem"),
    "no problem": (("solve",), "give one problem"),
    "two problems": (("solve", "1 + 1?", "--problem", "p.json"), "give one problem"),
    "empty problem": (("solve", " ", "-e", SCRIPT), "the problem is empty"),
    "empty standard input": (("solve", "-", "-e", SCRIPT), "nothing came from standard input"),
    "kind": (("solve", "1 + 1?", "-e", SCRIPT, "--kind", "numbr"), "did you mean 'number'?"),
    "problem file": (("solve", "--problem", "none.json", "-e", SCRIPT), "none.json: No such file"),
    "run": (("resume", "none"), "unknown run 'none'; `orchestrator runs list` shows what there is"),
    "no run yet": (("resume", "last"), "there is no run yet"),
    "run to show": (("runs", "show", "none"), "unknown run 'none'"),
    "format of an export": (("runs", "export", "last", "--format", "xml"), "jsonl, csv"),
    "strategy to show": (("strategies", "cott"), "did you mean 'cot'?"),
    "expert to show": (("experts", "sam", "-e", SCRIPT), "unknown expert 'sam'"),
    "config key": (("config", "set", "sed", "3"), "did you mean 'seed'?"),
    "config value": (("config", "set", "seed", "many"), "seed should be"),
    "config key that is not set": (("config", "unset", "seed"), "does not set seed"),
    "nothing to trust": (("config", "trust"), "no orchestrator.toml here or above"),
    "subcommand": (("runs", "exprt"), "did you mean 'export'?"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_that_says_what_to_do(command: Command, case: str) -> None:
    words, told = MISTAKES[case]
    done = command(*words, code=2)
    assert told in done.err
    assert len(done.lines) == 1
    assert done.lines[0].startswith("orchestrator: ")
    assert done.out == ""


LINE = json.dumps({"id": "a", "kind": "number", "question": "1 + 1?", "answer": "2"})
SETS = {
    "empty": ("", "bad.jsonl: the set is empty"),
    "malformed line": (f"{LINE}\n\n{{\n", "bad.jsonl:3: not JSON"),
    "line that is no object": (f"{LINE}\n[1]\n", "bad.jsonl:2: expected a JSON object"),
    "field of the wrong type": (f"{LINE}\n{LINE.replace('number', 'nmber')}\n", "bad.jsonl:2: field 'kind'"),
    "misspelt field": (LINE.replace("answer", "anwser"), "did you mean 'answer'?"),
    "no references": (LINE.replace('"answer": "2"', '"answer": null'), "nothing could be graded"),
    "id twice": (f"{LINE}\n{LINE}\n", "problem id 'a' is there twice"),
    "unknown format": ('{"foo": 1}', "no known format has these fields: foo"),
}


@pytest.mark.parametrize("case", SETS)
def test_a_set_that_cannot_be_used_is_named_with_its_line(command: Command, home: Path, case: str) -> None:
    text, told = SETS[case]
    (home / "bad.jsonl").write_text(text)
    done = command("bench", "bad.jsonl", "-e", SCRIPT, "-s", "cot", "--run", "r", code=2)
    assert told in done.err
    assert len(done.lines) == 1
    assert not Path("r").exists()


PROBLEMS = {
    "malformed": ('{"question":\n "x', "p.json:2: not JSON"),
    "no object": ("[1]", "holds a list"),
    "not UTF-8": (b"\xff\xfe\x00", "not JSON"),
    "misspelt field": ('{"questoin": "x"}', "did you mean 'question'?"),
    "kind": ('{"question": "x", "kind": "nmber"}', "field 'kind'"),
    "message": ('{"messages": [{"role": "usr", "content": "x"}]}', "messages[0]: role"),
    "no messages": ('{"messages": []}', "messages must be a list"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_that_cannot_be_used_is_named(command: Command, home: Path, case: str) -> None:
    text, told = PROBLEMS[case]
    (home / "p.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = command("solve", "--problem", "p.json", "-e", SCRIPT, code=2)
    assert told in done.err
    assert "p.json" in done.err
    assert len(done.lines) == 1


def test_a_config_file_with_an_unknown_key_is_named(command: Command, home: Path) -> None:
    (home / "orchestrator.toml").write_text('stratgy = "cot"\n')
    for words in (BENCH, ("solve", "x", "-e", SCRIPT), ("config", "show"), ("experts", "-e", SCRIPT)):
        done = command(*words, code=2)
        assert "unknown key 'stratgy'" in done.err
        assert "did you mean 'strategy'?" in done.err
        assert len(done.lines) == 1


def test_a_server_on_this_machine_that_is_not_there_ends_it_at_once(command: Command) -> None:
    url = unused_url()
    for words in (("bench", "sample", "--run", "r"), ("solve", "1 + 1?")):
        done = command(*words, "-s", "cot", "-e", "openai/m", "--api-base", url, code=5)
        assert f"no server listens at {url}" in done.err
        assert len(done.lines) == 1
    assert not Path("r").exists()


def test_of_a_server_that_a_pool_file_names_and_that_is_not_there_the_file_is_told(
    command: Command, home: Path
) -> None:
    (home / "pool.toml").write_text(f'[[expert]]\nid = "m"\nmodel = "openai/m"\napi_base = "{unused_url()}"\n')
    done = command("solve", "1 + 1?", "-s", "cot", "--pool", "pool.toml", code=5)
    assert f"mend its api_base in {home / 'pool.toml'}" in done.err
    assert "--api-base" not in done.err


def test_a_wrong_key_ends_it_at_once(
    command: Command, monkeypatch: pytest.MonkeyPatch, double_process: Callable[..., DoubleProcess]
) -> None:
    double = double_process(answers={"1": 1}, api_key="right")
    monkeypatch.setenv("SOME_KEY", "very-wrong")
    asked = ("-s", "cot", "-e", "openai/m", "--api-base", double.base_url, "--key-env", "SOME_KEY")
    done = command("bench", "sample", *asked, "--concurrency", "4", "--run", "r", code=5)
    assert "Incorrect API key" in done.lines[-1]
    assert "SOME_KEY" in done.lines[-1]
    assert "orchestrator resume" in done.lines[-1]
    assert "very-wrong" not in done.err
    assert double.stats()["requests"] <= 4
    assert Path("r", "results.jsonl").read_text() == ""
    monkeypatch.setenv("SOME_KEY", "right")
    assert "run: " in command("resume", "r").err
    monkeypatch.setenv("SOME_KEY", "very-wrong")
    assert "Incorrect API key" in command("solve", "1 + 1?", *asked, code=5).err


def test_a_run_with_a_wrong_model_name_says_what_can_be_done_about_it(
    command: Command, home: Path, double_process: Callable[..., DoubleProcess]
) -> None:
    double = double_process(answers={"1": 1}, strict=True, models={"good": {}})
    pool = '[[expert]]\nid = "m"\nmodel = "openai/{}"\napi_base = "{}"\n'
    (home / "pool.toml").write_text(pool.format("god", double.base_url))
    done = command("bench", "sample", "-s", "cot", "--pool", "pool.toml", "--run", "r", code=5)
    assert "Once the server has it: orchestrator resume" in done.lines[-1]
    assert "a new run, --reuse" in done.lines[-1]
    (home / "pool.toml").write_text(pool.format("good", double.base_url))
    assert "another model than when the run began" in command("resume", "r", code=2).err
    assert "run: " in command("bench", "sample", "-s", "cot", "--pool", "pool.toml", "--run", "s", "--reuse", "r").err


def test_the_real_command_shows_no_traceback(home: Path) -> None:
    done = in_a_process("bench", "sample", "--stratgey", "cot", cwd=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "orchestrator: `orchestrator bench` has no option '--stratgey'; did you mean '--strategy'?\n"
    (home / "bad.jsonl").write_text(f"{LINE}\n{{\n")
    done = in_a_process("bench", "bad.jsonl", "-e", SCRIPT, cwd=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("orchestrator: ")
    assert "bad.jsonl:2: not JSON" in done.stderr
