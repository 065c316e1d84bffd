from __future__ import annotations

import pytest

from orchestrator.registry import Setting, describe
from orchestrator.types import Estimate

pytestmark = pytest.mark.usefixtures("rooms")


def test_a_description_is_told_from_the_source() -> None:
    found = describe("strategies", "demo_planner")
    assert found.summary == "Plans before it writes (Doe et al., 2024)."
    assert found.citation == "Doe et al., 2024"
    assert found.origin == "built-in"
    assert found.estimate == Estimate(1, 2, 4, 2)
    assert found.settings[:4] == (
        Setting("depth", "int", "2", "Layers of plans."),
        Setting("ratio", "float", "0.5", ""),
        Setting("style", "Literal['short', 'long']", "short", ""),
        Setting("title", "str | None", "none", "What stands above a plan."),
    )
    assert [s.default for s in found.settings[4:]] == ["[1, 2]", "{}", "none", '""']


def test_a_needed_setting_has_no_default_and_allows_no_estimate() -> None:
    found = describe("strategies", "demo_nesting")
    assert found.settings[0] == Setting("inner", "Strategy", None, "")
    assert found.estimate is None
    assert found.citation == "arXiv 2401.00001"


def test_inherited_fields_are_described_too() -> None:
    assert describe("verifiers", "demo_formatted").settings == (Setting("strict", "bool", "false", ""),)


def test_a_client_is_described_by_its_module() -> None:
    found = describe("clients", "demo_client")
    assert (found.summary, found.settings, found.estimate) == ("Serves nobody.", (), None)


def test_what_a_strategy_takes_is_found_out_by_asking_it() -> None:
    found = describe("strategies", "self_consistency")
    assert found.several == Estimate(3, 3.0, 3, 1)
    assert set(found.calls_depend_on) == {"samples", "stop"}
    assert (found.ladder, found.smallest) == ("fewer samples, down to one.", 1)
    assert (found.verifier, found.aggregator) == ("none", "majority")


def test_the_numbered_steps_stand_apart_from_the_other_paragraphs() -> None:
    found = describe("strategies", "plansearch")
    assert 1 <= len(found.algorithm) <= 5
    assert [step.partition(":")[0] for step in found.algorithm[:2]] == ["Observations", "Sets"]
    assert found.algorithm[1].endswith("layers.")
    assert len(found.notes) == 2
    assert found.notes[1].startswith("Departs from the paper: ")


def test_choices_are_told_where_the_source_has_but_a_name_for_them() -> None:
    stop = next(s for s in describe("strategies", "self_consistency").settings if s.name == "stop")
    assert stop.type == "Literal['fixed', 'asc', 'esc']"


def test_what_something_needs_is_told_where_it_says_so() -> None:
    assert describe("verifiers", "unit_tests").needs == "problems of kind code with public tests"
    assert describe("strategies", "demo_planner").needs is None


@pytest.mark.parametrize("name", ["ab_mcts", "reflexion"])
def test_a_strategy_that_tells_the_scores_of_its_search_has_a_verifier_of_its_own(name: str) -> None:
    assert describe("strategies", name).verifier == "its own"


def test_an_aggregator_that_depends_on_the_settings_is_told_for_their_defaults() -> None:
    assert describe("strategies", "deepconf").aggregator == "deepconf(measure=tail, keep=0.9, window=2048)"


def test_what_must_be_given_settings_tells_no_calls() -> None:
    found = describe("strategies", "demo_nesting")
    assert (found.estimate, found.several, found.calls_depend_on, found.smallest) == (None, None, (), None)
