"""`bench`: rows, options, caps, and the question before money is spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import options
from orchestrator.engine import Engine

from .conftest import SCRIPT, Command

ROW = {
    "strategy", "accuracy", "ci95", "solved", "answered", "unparsed", "truncated", "refused", "errors", "calls",
    "cached_calls", "calls_per_problem", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "cached_prompt_tokens", "usd", "paid_usd", "seconds", "oracle", "selection_efficiency", "chosen_by", "ece",
    "diversity", "stopped_by", "pass_at",
}  # fmt: skip
PRICED = """
[[expert]]
id = "dear"
client = "scripted"
model = "echo.toml"
price = { prompt = 1, completion = 2 }
"""


def test_one_row_a_strategy_and_one_line_a_problem(command: Command, home: Path) -> None:
    done = command(
        "bench", "sample", "-e", SCRIPT, "-s", "cot", "-s", "self_consistency", "--set", "samples=5", "--run", "r",
        "--json",
    )  # fmt: skip
    shown = done.json
    assert set(shown) == {"schema", "run", "set", "problems", "results", "isolation"}
    assert (shown["schema"], shown["run"], shown["set"], shown["problems"]) == (
        "bench/1",
        str(home / "r"),
        "sample",
        24,
    )
    rows = {row["strategy"]: row for row in shown["results"]}
    assert all(set(row) >= ROW for row in rows.values())
    assert (rows["cot"]["solved"], rows["cot"]["calls"]) == (13, 24)
    vote = rows["self_consistency(samples=5)"]
    assert (vote["solved"], vote["calls"], set(vote["diversity"]) >= {"vendi"}) == (21, 120, True)
    assert len((home / "r" / "results.jsonl").read_text().splitlines()) == 48


def test_how_far_programs_were_kept_apart_is_stored(command: Command, home: Path, sums: str) -> None:
    words = ("-e", SCRIPT, "-s", "cot", "--json")
    shown = command("bench", "sample", *words, "--run", "r").json["isolation"]
    assert {"level", "mechanisms", "not_enforced"} == {*shown}
    assert json.loads((home / "r" / "manifest.json").read_text())["isolation"] == shown
    assert f"programs ran at isolation level {shown['level']}" in command("runs", "show", "r").out
    assert command("bench", sums, *words, "--run", "s").json["isolation"] is None
    assert "isolation" not in json.loads((home / "s" / "manifest.json").read_text())


def test_the_weakest_isolation_of_several_invocations_is_kept(command: Command, home: Path) -> None:
    command("bench", "sample", "-e", SCRIPT, "-s", "cot", "--run", "r")
    path = home / "r" / "manifest.json"
    weak = {"level": 0, "mechanisms": {}, "not_enforced": ["files"]}
    path.write_text(json.dumps({**json.loads(path.read_text()), "isolation": weak}))
    (home / "r" / "results.jsonl").write_text("")
    assert command("resume", "r", "--json").json["isolation"] == weak


def test_isolation_that_is_not_reached_is_exit_6_before_anybody_is_asked(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "c/1", "kind": "code", "question": "Write f.", "entry_point": "f", "tests": "assert f(1) == 1"}
    (home / "code.jsonl").write_text(json.dumps(row) + "\n")
    words = ("bench", "code.jsonl", "-e", SCRIPT, "-s", "cot", "--run", "r", "--min-isolation", "5")
    asked: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "ask", lambda *words: asked.append(words))
        done = command(*words, code=6)
    assert asked == []
    assert "level 5 is wanted" in done.lines[-1]
    assert "orchestrator resume" in done.lines[-2]
    assert json.loads((home / "r" / "manifest.json").read_text())["min_isolation"] == 5
    command("resume", "r", code=6)
    command("resume", "r", "--min-isolation", "1")


def test_the_table_names_every_strategy_whole(command: Command, echo: str, sums: str) -> None:
    spec = "self_consistency(samples=7, stop=asc, window=2, threshold=0.8, temperature=0.3)"
    done = command("bench", sums, "-e", echo, "-s", spec, "-s", "cot")
    assert spec in done.out
    assert "25.0" in done.out
    assert "run: " in done.err


def test_each_expert_alone_has_a_row(command: Command, home: Path, sums: str) -> None:
    for i in (1, 2):
        (home / f"e{i}.toml").write_text(f'[[rule]]\nmatch = "."\nreply = "The answer is 4{i}."\n')
    words = (
        "bench",
        sums,
        "-e",
        "scripted:e1.toml",
        "-e",
        "scripted:e2.toml",
        "-s",
        "cot",
        "--per-expert",
        "--run",
        "r",
    )
    shown = command(*words, "--json").json
    rows = [(row["strategy"], row["spec"], row["expert"], row["solved"]) for row in shown["results"]]
    assert rows == [
        ("cot @ scripted:e1.toml", "cot", "scripted:e1.toml", 1),
        ("cot @ scripted:e2.toml", "cot", "scripted:e2.toml", 1),
    ]
    again = command("resume", "r", "--json").json
    assert [row["expert"] for row in again["results"]] == ["scripted:e1.toml", "scripted:e2.toml"]
    listed = command("runs", "show", "r", "--json").json
    assert (listed["done"], listed["total"], listed["state"]) == (8, 8, "done")


def test_what_is_chosen_out_of_a_set(command: Command, echo: str, sums: str) -> None:
    def solved_of(*words: str) -> list[str]:
        run = Path(command("bench", sums, "-e", echo, "-s", "cot", "--json", *words).json["run"])
        return sorted({json.loads(line)["problem"] for line in (run / "results.jsonl").read_text().splitlines()})

    assert solved_of("--limit", "2") == ["sum/0", "sum/1"]
    assert solved_of("--ids", "sum/3, sum/1") == ["sum/1", "sum/3"]
    fit, rest = solved_of("--part", "fit"), solved_of("--part", "eval")
    assert sorted([*fit, *rest]) == ["sum/0", "sum/1", "sum/2", "sum/3"]


def test_seeds_repeat_every_problem(command: Command, echo: str, sums: str, home: Path) -> None:
    command("bench", sums, "-e", echo, "-s", "cot", "--seed", "5", "--seeds", "3", "--run", "r")
    lines = [json.loads(line) for line in (home / "r" / "results.jsonl").read_text().splitlines()]
    assert sorted(line["seed"] for line in lines) == sorted([5, 6, 7] * 4)


def test_equal_strategies_are_one_row(command: Command, echo: str, sums: str) -> None:
    shown = command("bench", sums, "-e", echo, "-s", "cot", "-s", "cot()", "--json").json
    assert [row["strategy"] for row in shown["results"]] == ["cot"]


def test_the_strategy_follows_the_kind_where_none_is_named(command: Command, echo: str, sums: str) -> None:
    done = command("bench", sums, "-e", echo, "--json")
    assert [row["strategy"] for row in done.json["results"]] == ["self_consistency"]
    assert "no -s given, so: self_consistency" in done.err


def test_a_calls_cap_holds_for_each_problem(command: Command, echo: str, sums: str) -> None:
    words = ("bench", sums, "-e", echo, "-s", "self_consistency", "--budget", "calls=3", "--json")
    assert command(*words).json["results"][0]["calls"] == 3 * 4


def test_config_files_fill_in_what_options_leave_open(command: Command, home: Path, echo: str, sums: str) -> None:
    (home / "orchestrator.toml").write_text(
        f'strategy = ["cot", "self_consistency"]\nexperts = ["{echo}"]\nbudget = "calls=2"\nseed = 9\n'
        "[strategies.self_consistency]\nsamples = 5\n[sets]\nmine = 'sums.jsonl:limit=3'\n"
    )
    command("config", "trust")
    shown = command("bench", "mine", "--run", "r", "--json").json
    rows = {row["strategy"]: row["calls"] for row in shown["results"]}
    assert rows == {"cot": 3, "self_consistency(samples=5)": 6}
    manifest = json.loads((home / "r" / "manifest.json").read_text())
    assert (manifest["seeds"], manifest["budget"], manifest["set"]) == ([9], {"calls": 2}, "sums:limit=3")
    assert command("bench", "mine:limit=1", "-s", "cot", "--json").json["problems"] == 1


def test_a_project_that_is_not_trusted_cannot_name_experts(command: Command, home: Path, echo: str, sums: str) -> None:
    (home / "orchestrator.toml").write_text(f'experts = ["{echo}"]\n')
    done = command("bench", sums, "-s", "cot", code=2)
    assert "ignored experts" in done.lines[0]
    assert "names some, but is not trusted" in done.lines[1]


def test_experts_of_a_config_file_are_asked_by_their_ids(command: Command, home: Path, echo: str, sums: str) -> None:
    table = '[[expert]]\nid = "{0}"\nclient = "scripted"\nmodel = "echo.toml"\npersona = "You are {0}."\n'
    (home / "orchestrator.toml").write_text(table.format("ann") + table.format("bob"))
    command("config", "trust")
    run = Path(command("bench", sums, "-e", "bob", "-s", "cot", "--json").json["run"])
    line = json.loads((run / "results.jsonl").read_text().splitlines()[0])
    assert [candidate["expert"] for candidate in line["candidates"]] == ["bob"]


class TestMoney:
    @pytest.fixture
    def dear(self, home: Path, echo: str) -> str:
        (home / "dear.toml").write_text(PRICED)
        return "dear.toml"

    def test_without_a_terminal_nobody_is_asked_and_nothing_begins(
        self, command: Command, dear: str, sums: str
    ) -> None:
        done = command("bench", sums, "--pool", dear, "-s", "cot", "--run", "r", code=2)
        assert "at most 4, usd=" in done.err
        assert "--run-budget" in done.err
        assert not Path("r").exists()

    def test_yes_goes_on_and_still_tells(self, command: Command, dear: str, sums: str) -> None:
        assert "about 4 calls" in command("bench", sums, "--pool", dear, "-s", "cot", "--yes").err

    def test_a_run_budget_is_leave_to_spend_it(self, command: Command, dear: str, sums: str) -> None:
        shown = command("bench", sums, "--pool", dear, "-s", "cot", "--run-budget", "usd=5", "--json").json
        assert 0 < shown["results"][0]["usd"] < 5

    def test_a_project_that_is_not_trusted_gives_no_leave(
        self, command: Command, dear: str, sums: str, home: Path
    ) -> None:
        (home / "orchestrator.toml").write_text('run_budget = "usd=5"\n')
        assert "no terminal" in command("bench", sums, "--pool", dear, "-s", "cot", code=2).err

    def test_on_a_terminal_the_answer_counts(
        self, command: Command, dear: str, sums: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(options, "somebody_there", lambda: True)
        words = ("bench", sums, "--pool", dear, "-s", "cot", "--run", "r")
        assert "not started" in command(*words, stdin="n\n", code=2).err
        assert not Path("r").exists()
        assert command(*words, stdin="y\n").out

    def test_a_price_that_is_not_known_is_refused_under_a_cap(self, command: Command, sums: str) -> None:
        base = ("bench", sums, "-e", "openai/odd", "--api-base", "https://models.example/v1", "-s", "cot")
        done = command(*base, "--budget", "usd=1", code=2)
        assert "'openai/odd'" in done.err
        assert "price = " in done.err


def test_a_dry_run_asks_nobody_and_needs_no_key(command: Command, sums: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    words = ("bench", sums, "-e", "openai/gpt-4o-mini", "-s", "cot", "-s", "self_consistency(stop=asc)", "--dry-run")
    shown = command(*words, "--json").json
    rows = {row["strategy"]: row for row in shown["results"]}
    assert rows["cot"]["calls"] == {"least": 4, "expected": 4, "most": 4}
    assert rows["self_consistency(stop=asc)"]["calls"] == {"least": 16, "expected": 88, "most": 160}
    assert rows["self_consistency(stop=asc)"]["depth"] == 10
    assert shown["total"]["calls"] == {"least": 20, "expected": 92, "most": 164}
    assert shown["total"]["usd_most"] == pytest.approx(sum(row["usd_most"] for row in rows.values()))
    capped = command(*words, "--budget", "usd=0.001", "--run-budget", "calls=50", "--json").json["total"]
    assert capped["calls"] == {"least": 20, "expected": 50, "most": 50}
    assert capped["usd_most"] <= 2 * 4 * 0.001
    assert "depth" in command(*words).out


def test_a_run_budget_ends_the_run_and_a_larger_one_goes_on(command: Command, echo: str, sums: str) -> None:
    words = ("bench", sums, "-e", echo, "-s", "self_consistency(samples=5)", "--concurrency", "1", "--run", "r")
    cut = command(*words, "--run-budget", "calls=12,tokens=100k", "--json", code=4)
    assert cut.json["results"][0]["calls"] <= 12
    assert "orchestrator resume" in cut.err
    assert "--run-budget" in cut.err
    rest = command("resume", "r", "--run-budget", "calls=100", "--json").json
    assert (rest["problems"], rest["results"][0]["answered"]) == (4, 4)
    manifest = json.loads(Path("r", "manifest.json").read_text())
    assert manifest["run_budget"] == {"calls": 100, "tokens": 100_000}
