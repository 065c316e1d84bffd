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
