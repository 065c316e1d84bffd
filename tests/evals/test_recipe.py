"""Every recipe that ships: it reads, its strategies and set options are there, its figures have a source."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from orchestrator import ConfigError, UnknownName
from orchestrator.evals import recipe
from orchestrator.evals.recipe import Column, PaperSet, Recipe
from orchestrator.evals.sets import BUILT_IN, FORMATS
from orchestrator.registry import Spec, build, load, parse, resolve
from orchestrator.registry.build import setting_names

ABSENT = {"alpaca_eval"}
"""Sets that nobody can grade here: their figures stand alone."""
UNSAID = "a model that is not said"
"""Whose figures are told by somebody who leaves that out."""
SELECTING = {"part", "split", "category", "subject", "limit"}

TABLE: dict[str, Any] = {
    "about": "a",
    "paper": "Doe et al., 2020",
    "title": "T",
    "url": "https://example.org",
    "table": "Table 1",
    "sampling": "s",
    "shots": 0,
    "estimator": "e",
    "departs": ["d"],
    "set": [{"name": "one", "about": "a", "where": "w", "formats": ["gsm8k"], "stand_in": "mini"}],
    "model": [{"name": "M", "ids": ["openai/m"]}],
    "column": [{"name": "c", "strategy": "cot", "published": {"one": {"M": 50}}}],
}


@pytest.fixture(params=recipe.names())
def each(request: pytest.FixtureRequest) -> Recipe:
    return recipe.read(request.param)


class TestShipped:
    def test_strategies_verifiers_and_aggregators_build(self, each: Recipe) -> None:
        for column in each.columns:
            assert callable(build("strategies", column.strategy))
        if each.aggregator is not None:
            build("aggregators", each.aggregator)
        assert each.verifier in (None, "none", "auto") or build("verifiers", each.verifier)

    def test_what_must_be_given_is_a_setting_that_the_spec_leaves_open(self, each: Recipe) -> None:
        for column in each.columns:
            if column.needs is not None:
                spec = parse(column.strategy)
                assert column.needs in setting_names(load("strategies", spec.name))
                assert column.needs not in spec.args
                assert "orchestrator" in str(column.prepare)

    def test_set_options_are_known_to_the_formats_they_are_for(self, each: Recipe) -> None:
        for paper in each.sets:
            for name in paper.formats:
                assert name in {*FORMATS, *ABSENT}
                known = FORMATS[name].options if name in FORMATS else frozenset()
                assert set(paper.options) <= known | SELECTING
            assert paper.stand_in in BUILT_IN

    def test_figures_are_percentages_with_a_source_of_models_and_sets_that_are_named(self, each: Recipe) -> None:
        for column in each.columns:
            for figures in column.published.values():
                assert figures
                assert all(0 <= value <= 100 for value in figures.values())
                assert column.source in ("paper", "logs", "repository", "secondary")

    def test_a_model_that_is_gone_has_one_in_its_place(self, each: Recipe) -> None:
        for model in each.models:
            assert model.ids or model.retired or model.name == UNSAID
            assert bool(model.retired) <= bool(model.successors)
            assert all("/" in name for name in (*model.ids, *model.successors))

    def test_every_set_has_rows(self, each: Recipe) -> None:
        for paper in each.sets:
            assert each.columns_on(paper.name)


def test_every_strategy_with_a_paper_of_figures_has_a_recipe() -> None:
    named = {node.name for each in recipe.recipes() for column in each.columns for node in nested(column.strategy)}
    assert named >= {
        "ab_mcts", "best_of_n", "codet", "cot", "debate", "deepconf", "div_se", "ideasearch", "idiv_se", "medprompt",
        "moa", "plansearch", "self_consistency", "self_refine", "spp", "spp_fixed", "spp_profile", "symbolic_moe",
        "tot", "universal_sc",
    }  # fmt: skip


def nested(spec: str) -> list[Spec]:
    from orchestrator.registry.settings import walk

    return list(walk(resolve("strategies", spec)))


def test_figures_of_plansearch_are_those_of_its_table() -> None:
    found = {column.name: column.published for column in recipe.read("plansearch").columns}
    by_name = {name: figures["livecodebench"]["Claude 3.5 Sonnet"] for name, figures in found.items()}
    assert list(by_name.values()) == [40.3, 55.6, 70.2, 77.0]
    assert "o1-mini" not in found["PlanSearch, pass@200"]["humaneval_plus"]


@pytest.mark.parametrize("name", ["div_se_zero_shot", "div_se_few_shot"])
def test_diverse_approaches_are_as_many_as_the_paper_has_on_each_set(name: str) -> None:
    found = {
        (set_, node.name): node.args["size"]
        for set_ in ("aqua", "math_counting", "commonsense_qa")
        for column in recipe.read(name).columns_on(set_)
        for node in nested(column.strategy)
        if "size" in node.args
    }
    few, many = {"commonsense_qa": 3}, {"aqua": 5, "math_counting": 5}
    assert found == {(set_, each): n for set_, n in {**few, **many}.items() for each in ("div_se", "idiv_se")}


def test_solo_performance_ends_where_the_paper_ends_it() -> None:
    nodes = [node for column in recipe.read("spp").columns for node in nested(column.strategy)]
    told = [(node.args["continuations"], node.args["fallback"]) for node in nodes if node.name.startswith("spp")]
    assert told == [(0, "reply")] * 8


class TestReading:
    def test_a_name_that_is_nearly_one_gets_a_suggestion(self) -> None:
        with pytest.raises(UnknownName, match="did you mean 'plansearch'"):
            recipe.read("plansaerch")
        with pytest.raises(UnknownName, match="humaneval_plus"):
            recipe.read("plansearch").set_named("humaneval")

    def test_one_recipe_is_read(self) -> None:
        read = recipe.parse(TABLE, "doe")
        assert (read.name, read.sets[0].name, read.columns[0].published) == ("doe", "one", {"one": {"M": 50.0}})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"column": [{"name": "c", "strategy": "cot", "published": {"two": {"M": 5}}}]}, "unknown set 'two'"),
            ({"column": [{"name": "c", "strategy": "cot", "published": {"one": {"N": 5}}}]}, "unknown model 'N'"),
            ({"column": [{"name": "c", "strategy": "cot", "published": {"one": {"M": 101}}}]}, "less than or equal"),
            ({"column": [{"name": "c", "strategy": "cot", "published": {"one": {"M": -1}}}]}, "greater than or equal"),
            ({"column": [{"name": "c", "strategy": "cot", "source": "rumour"}]}, "'paper', 'logs'"),
            ({"column": [{"name": "c", "strategy": "cot", "measure": "pass@0"}]}, "pattern"),
            ({"column": [{"name": "c", "strategy": "cot", "needs": "book"}]}, "needs and prepare go together"),
            ({"column": [{"name": "c", "strategy": "cot"}] * 2}, "a column is there twice"),
            ({"column": []}, "at least 1"),
            ({"colour": "red"}, "colour"),
            ({"shots": -1}, "greater than or equal"),
        ],
        ids=str,
    )
    def test_what_does_not_hold_is_refused_by_name(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as raised:
            recipe.parse({**TABLE, **change}, "doe")
        assert str(raised.value).startswith("recipe doe: ")

    def test_a_column_with_figures_is_for_the_sets_it_has_some_on(self) -> None:
        read = recipe.parse(TABLE, "doe")
        other = PaperSet(name="two", about="a", where="w", formats=("gsm8k",), stand_in="mini")
        column = Column(name="plain", strategy="cot")
        wider = read.model_copy(update={"sets": (*read.sets, other), "columns": (*read.columns, column)})
        assert [each.name for each in wider.columns_on("two")] == ["plain"]
        assert [each.name for each in wider.columns_on("one")] == ["c", "plain"]


def test_papers_are_those_that_the_pages_of_strategies_cite(each: Recipe) -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.PAPERS[each.paper] == (each.title, each.url)
