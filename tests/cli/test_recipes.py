"""`recipes`, and `bench --recipe`: what a recipe fills in, and published figures beside measured ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.evals import recipe
from orchestrator.evals.recipe import Recipe
from tests.double import DoubleProcess

from .conftest import Command

TINY = {
    "about": "two ways to add",
    "paper": "Doe et al., 2020",
    "title": "Adding",
    "url": "https://example.org/adding",
    "table": "Table 1",
    "sampling": "temperature 0",
    "shots": 0,
    "estimator": "right or wrong",
    "verifier": "none",
    "departs": ["nothing"],
    "set": [
        {
            "name": "sums", "about": "sums of two", "where": "a drawer", "formats": ["problems"], "stand_in": "mini",
            "options": {"limit": "3"}, "size": 3,
        },
        {"name": "stories", "about": "stories", "where": "a shelf", "formats": ["gsm8k"], "stand_in": "word_problems"},
    ],
    "model": [
        {"name": "GPT-4o-mini", "ids": ["openai/gpt-4o-mini-2024-07-18"]},
        {"name": "GPT-4", "ids": ["openai/gpt-4-0613"], "retired": "2026", "successors": ["openai/gpt-5.4"]},
    ],
    "column": [
        {
            "name": "one", "strategy": "cot(temperature=0.0)",
            "published": {"sums": {"GPT-4o-mini": 40.0, "GPT-4": 90.0}, "stories": {"GPT-4": 80.0}},
        },
        {
            "name": "any of three", "strategy": "best_of_n(samples=3)", "measure": "any", "source": "logs",
            "published": {"sums": {"GPT-4": 99.0}},
        },
        {"name": "vote", "strategy": "self_consistency(samples=3)"},
    ],
}  # fmt: skip

ECHO = '[[rule]]\nmatch = "."\nreply = "The answer is 4{i}."\n'


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """A recipe on sums in the problem format, of which `echo` solves one with one sample and three with three."""
    read = recipe.parse(TINY, "tiny")
    monkeypatch.setattr(recipe, "read", lambda name: {"tiny": read}[name])
    return "tiny"


def rows_of(shown: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {row["strategy"]: row["published"] for row in shown["results"]}


class TestListing:
    def test_every_recipe_is_listed_with_its_table(self, command: Command) -> None:
        shown = command("recipes", "--json").json
        assert shown["schema"] == "recipes/1"
        assert [each["name"] for each in shown["recipes"]] == list(recipe.names())
        text = command("recipes").out
        assert all(name in text for name in recipe.names())

    @pytest.mark.parametrize("name", recipe.names())
    def test_one_is_shown_whole(self, command: Command, name: str) -> None:
        shown, text = command("recipes", name, "--json").json, command("recipes", name).out
        read = recipe.read(name)
        assert shown["schema"] == "recipe/1"
        assert Recipe.model_validate({key: value for key, value in shown.items() if key != "schema"}) == read
        for column in read.columns:
            assert column.strategy in text
        assert read.url in text
        assert f"orchestrator bench FILE --recipe {name}" in text

    def test_one_of_its_sets_is_shown_alone(self, command: Command) -> None:
        shown, text = command("recipes", "spp/codenames", "--json").json, command("recipes", "spp/codenames").out
        read = Recipe.model_validate({key: value for key, value in shown.items() if key != "schema"})
        assert ([each.name for each in read.sets], len(read.columns)) == (["codenames"], 6)
        assert "orchestrator bench FILE --recipe spp/codenames -e" in text
        assert "trivia" not in text
        assert "did you mean 'codenames'" in command("recipes", "spp/codename", code=2).err

    def test_its_command_asks_the_papers_first_model_or_whoever_is_in_its_place(self, command: Command) -> None:
        text = command("recipes", "spp").out
        assert "orchestrator bench FILE --recipe spp/codenames -e openai/gpt-4o-2024-11-20" in text
        assert "llama2:13b\n" not in text.replace("model: Llama-2-13B: ollama_chat/llama2:13b\n", "")
        assert "--recipe plansearch/mbpp_plus -e openai/gpt-4o-mini-2024-07-18" in command("recipes", "plansearch").out

    def test_figures_have_a_decimal_at_the_least(self, command: Command) -> None:
        lines = command("recipes", "div_se_zero_shot").out.splitlines()
        assert next(line for line in lines if line.startswith("CoT ")).split()[2:] == ["70.47", "59.0"]

    def test_an_unknown_one_gets_a_suggestion(self, command: Command) -> None:
        assert "did you mean 'plansearch'" in command("recipes", "plansaerch", code=2).err


class TestFilledIn:
    def test_strategies_window_and_published_figures(
        self, command: Command, tiny: str, echo: str, sums: str, home: Path
    ) -> None:
        shown = command("bench", sums, "--recipe", tiny, "-e", echo, "--run", "r", "--json").json
        assert (shown["problems"], shown["set"]) == (3, "sums:limit=3")
        assert shown["recipe"]["name"] == "tiny/sums"
        assert shown["recipe"]["apart"] == []
        rows = rows_of(shown)
        assert list(rows) == ["cot(temperature=0.0)", "best_of_n(samples=3)", "self_consistency(samples=3)"]
        (one,), (any_,), (vote,) = rows.values()
        assert (one["published"], one["model"], one["source"]) == (0.4, "GPT-4o-mini", "paper")
        assert (one["measured"], one["problems"], one["inside"]) == (pytest.approx(1 / 3, abs=1e-6), 3, True)
        assert (any_["published"], any_["model"], any_["source"]) == (0.99, "GPT-4", "logs")
        assert (any_["measured"], any_["inside"]) == (1.0, True)
        assert (vote["published"], vote["model"], vote["source"], vote["inside"]) == (None, None, None, None)
        assert json.loads((home / "r" / "manifest.json").read_text())["verifier"] == "none"

    def test_resuming_keeps_the_recipe(self, command: Command, tiny: str, echo: str, sums: str) -> None:
        first = command("bench", sums, "--recipe", tiny, "-e", echo, "--run", "r", "--json").json
        again = command("resume", "r", "--json").json
        assert "Doe et al., 2020, Table 1, sums of two:" in command("runs", "show", "r").out
        assert rows_of(command("runs", "show", "r", "--json").json) == rows_of(first)
        assert again["recipe"] == first["recipe"]
        assert rows_of(again) == rows_of(first)

    def test_the_table_has_both_and_says_what_cannot_be_compared(
        self, command: Command, tiny: str, echo: str, sums: str
    ) -> None:
        done = command("bench", sums, "--recipe", tiny, "-e", echo)
        line = next(each for each in done.out.splitlines() if each.startswith("any of three"))
        assert line.split()[3:7] == ["99.0", "GPT-4", "[logs]", "100.0"]
        assert "Doe et al., 2020, Table 1, sums of two:" in done.out
        assert "answers are scripted" in done.err
        assert "points wide with so few problems" in done.err
        assert "https://example.org/adding" in done.err

    def test_simulated_answers_say_nothing(self, command: Command, tiny: str) -> None:
        shown = command("bench", "word_problems:limit=2", "--recipe", tiny, "--json").json
        reasons = rows_of(shown)["cot(temperature=0.0)"][0]["why_not"]
        assert "answers are simulated, so the measured figures say nothing about any model" in reasons
        assert any("is not sums of two" in reason for reason in reasons)
        assert shown["problems"] == 2

    def test_a_set_is_told_by_its_format(self, command: Command, tiny: str, echo: str, home: Path) -> None:
        (home / "g.jsonl").write_text('{"question": "40?", "answer": "so\\n#### 40"}\n')
        shown = command("bench", "g.jsonl", "--recipe", tiny, "-e", echo, "--json").json
        assert shown["recipe"]["name"] == "tiny/stories"
        assert list(rows_of(shown)) == ["cot(temperature=0.0)", "self_consistency(samples=3)"]
        named = command("bench", "g.jsonl", "--recipe", f"{tiny}/sums", "-e", echo, "--json").json
        assert "g is not sums of two" in named["recipe"]["apart"]

    def test_each_expert_alone_stands_beside_its_own_model(
        self, command: Command, tiny: str, sums: str, home: Path
    ) -> None:
        table = '[[expert]]\nid = "{0}"\nclient = "scripted"\nmodel = "echo.toml"\n'
        (home / "echo.toml").write_text(ECHO)
        (home / "two.toml").write_text(table.format("gpt-4") + table.format("gpt-4o-mini"))
        shown = command("bench", sums, "--recipe", tiny, "--pool", "two.toml", "--per-expert", "--json").json
        rows = rows_of(shown)
        assert len(rows) == 6
        assert rows["cot(temperature=0.0) @ gpt-4"][0]["column"] == "one"

    def test_a_dry_run_asks_nobody(
        self, command: Command, tiny: str, sums: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
        words = ("bench", sums, "--recipe", tiny, "-e", "openai/gpt-4o-mini", "--dry-run", "--json")
        assert command(*words).json["total"]["calls"]["most"] == 3 * (1 + 3 + 3)

    def test_priced_experts_are_asked_only_with_leave(self, command: Command, tiny: str, sums: str) -> None:
        done = command("bench", sums, "--recipe", tiny, "-e", "openai/gpt-4o-mini", code=2)
        assert "OPENAI_API_KEY" in done.err or "no terminal" in done.err


class TestOverHttp:
    def test_the_papers_model_on_the_papers_set_is_comparable(
        self,
        command: Command,
        tiny: str,
        sums: str,
        double_process: Callable[..., DoubleProcess],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        server = double_process(answers={"40": 3, "41": 1}, api_key="mine")
        monkeypatch.setenv("OPENAI_API_KEY", "mine")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        words = ("bench", sums, "--recipe", tiny, "-e", "openai/gpt-4o-mini", "--run-budget", "usd=1")
        rows = rows_of(command(*words, "--json").json)
        (one,) = rows["cot(temperature=0.0)"]
        assert (one["model"], one["comparable"], one["why_not"], one["problems"]) == ("GPT-4o-mini", True, [], 3)
        (other,) = rows["best_of_n(samples=3)"]
        assert (other["model"], other["why_not"]) == ("GPT-4", ["the figure is of GPT-4"])

    def test_a_successor_stands_beside_the_model_that_it_follows(
        self, command: Command, tiny: str, sums: str, double_process: Callable[..., DoubleProcess]
    ) -> None:
        server = double_process(answers={"40": 1})
        words = ("-e", "openai/gpt-5.4", "--api-base", server.base_url, "--run-budget", "calls=100")
        rows = rows_of(command("bench", sums, "--recipe", tiny, *words, "--json").json)
        (one,) = rows["cot(temperature=0.0)"]
        assert (one["model"], one["published"], one["comparable"]) == ("GPT-4", 0.9, False)


class TestGivenExplicitly:
    def test_settings_are_put_over_the_recipes(self, command: Command, tiny: str, echo: str, sums: str) -> None:
        shown = command(
            "bench", sums, "--recipe", tiny, "-e", echo, "--set", "best_of_n.samples=2", "--limit", "2", "--json"
        ).json
        assert "best_of_n(samples=2)" in rows_of(shown)
        assert shown["problems"] == 2
        assert "best_of_n: samples is 2, not 3" in shown["recipe"]["apart"]
        assert "only some of the problems are solved" in shown["recipe"]["apart"]
        (figure,) = rows_of(shown)["best_of_n(samples=2)"]
        assert figure["published"] == 0.99
        assert not figure["comparable"]

    def test_options_of_the_set_win(self, command: Command, tiny: str, echo: str, sums: str) -> None:
        shown = command("bench", f"{sums}:limit=2", "--recipe", tiny, "-e", echo, "--json").json
        assert shown["problems"] == 2
        assert "the set has limit=2" in shown["recipe"]["apart"]

    def test_strategies_take_the_place_of_the_recipes(self, command: Command, tiny: str, echo: str, sums: str) -> None:
        words = ("bench", sums, "--recipe", tiny, "-e", echo, "-s", "best_of_n(samples=5)", "-s", "mbr", "--json")
        shown = command(*words).json
        rows = rows_of(shown)
        assert [figure["column"] for figure in rows["best_of_n(samples=5)"]] == ["any of three"]
        assert rows["mbr"] == []
        assert "best_of_n: samples is 5, not 3" in shown["recipe"]["apart"]

    def test_a_verifier_an_aggregator_and_caps_are_told(
        self, command: Command, tiny: str, echo: str, sums: str, home: Path
    ) -> None:
        words = ("--verifier", "auto", "--aggregator", "majority", "--budget", "calls=9", "--seeds", "2", "--run", "r")
        shown = command("bench", sums, "--recipe", tiny, "-e", echo, *words, "--json").json
        told = shown["recipe"]["apart"]
        assert told == ["the verifier is auto", "the aggregator is majority", "the cap on each problem is calls=9"]
        manifest = json.loads((home / "r" / "manifest.json").read_text())
        assert (manifest["verifier"], manifest["seeds"]) == ("auto", [0, 1])

    def test_config_files_do_not_change_a_recipe(
        self, command: Command, tiny: str, echo: str, sums: str, home: Path
    ) -> None:
        (home / "orchestrator.toml").write_text(
            'strategy = "mbr"\naggregator = "majority"\n[strategies.best_of_n]\ntemperature = 0.1\n'
        )
        shown = command("bench", sums, "--recipe", tiny, "-e", echo, "--json").json
        assert list(rows_of(shown)) == ["cot(temperature=0.0)", "best_of_n(samples=3)", "self_consistency(samples=3)"]
        assert shown["recipe"]["apart"] == []


class TestMissing:
    def test_without_a_set_it_says_where_to_get_it(self, command: Command, tiny: str) -> None:
        done = command("bench", "--recipe", tiny, code=2)
        assert "a drawer" in done.err
        assert "orchestrator bench FILE --recipe tiny/sums" in done.err
        assert "orchestrator bench mini --recipe tiny/sums" in done.err
        assert "a shelf" in command("bench", "--recipe", f"{tiny}/stories", code=2).err

    def test_neither_a_set_nor_a_recipe(self, command: Command) -> None:
        assert "name a set" in command("bench", code=2).err

    def test_an_unknown_set_of_a_recipe(self, command: Command, tiny: str, sums: str) -> None:
        assert "did you mean 'sums'" in command("bench", sums, "--recipe", f"{tiny}/sum", code=2).err

    def test_sets_of_one_format_must_be_named(self, command: Command, home: Path) -> None:
        row = {"task_id": "HumanEval/9", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": " pass\n"}
        (home / "h.jsonl").write_text(json.dumps({**row, "test": "def check(c):\n    pass\n"}) + "\n")
        done = command("bench", "h.jsonl", "--recipe", "plansearch", code=2)
        assert "--recipe plansearch/humaneval_plus or --recipe plansearch/mbpp_plus" in done.err

    def test_a_column_that_needs_a_preparation_tells_how_and_is_left_out(
        self, command: Command, sums: str, echo: str
    ) -> None:
        done = command(
            "bench", sums, "--recipe", "div_se_planning/blocksworld_3", "-e", echo, "--part", "eval", "--json"
        )
        assert "left out: DIV-SE: make book with `orchestrator prepare" in done.err
        assert "--set div_se.book=FILE" in done.err
        assert not [row for row in done.json["results"] if row["strategy"].startswith("div_se")]


@pytest.mark.parametrize("handle", [f"{each.name}/{paper.name}" for each in recipe.recipes() for paper in each.sets])
def test_every_recipe_tells_calls_on_its_stand_in(
    command: Command, handle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    name, _, set_ = handle.partition("/")
    paper = recipe.read(name).set_named(set_)
    missing = [column for column in recipe.read(name).columns_on(set_) if column.needs]
    words = ("bench", paper.stand_in, "--limit", "2", "--recipe", handle, "--dry-run", "--json")
    if len(missing) == len(recipe.read(name).columns_on(set_)):
        assert "then add --set" in command(*words, code=2).err
    else:
        assert command(*words).json["total"]["calls"]["most"] > 0


@pytest.mark.parametrize("name", ["early_stopping", "tot_game24", "codet"])
def test_shipped_recipes_run_on_small_stand_ins(command: Command, name: str) -> None:
    stand_in = recipe.read(name).sets[0].stand_in
    small = {
        "early_stopping": ["samples=5"],
        "tot_game24": ["best_of_n.samples=3", "opinions=1", "keep=2"],
        "codet": ["codet.samples=2", "tests=2"],
    }[name]
    settings = [word for each in small for word in ("--set", each)]
    shown = command("bench", f"{stand_in}:limit=2", "--recipe", name, *settings, "--json").json
    figures = [figure for published in rows_of(shown).values() for figure in published]
    assert {figure["column"] for figure in figures} == {
        column.name for column in recipe.read(name).columns_on(recipe.read(name).sets[0].name)
    }
    assert all(figure["measured"] is not None for figure in figures)
    assert not any(figure["comparable"] for figure in figures)
