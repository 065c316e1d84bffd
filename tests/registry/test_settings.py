from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.registry import guarded, resolve, with_defaults, with_settings

from .conftest import PLANNER, Write

pytestmark = pytest.mark.usefixtures("rooms")

NESTED = "demo_nesting(inner=demo_planner)"


def test_a_setting_goes_to_every_strategy_that_has_it(write: Write) -> None:
    write("strategies", "demo_other", PLANNER.replace("depth", "breadth"))
    specs = ["demo_planner(depth=1)", "demo_other", NESTED]
    assert with_settings(specs, ["depth=4"]) == [
        "demo_planner(depth=4)",
        "demo_other",
        "demo_nesting(inner=demo_planner(depth=4), depth=4)",
    ]


def test_a_named_setting_goes_to_one() -> None:
    specs = ["demo_planner", NESTED]
    assert with_settings(specs, ["demo_nesting.depth=4"]) == [
        "demo_planner",
        "demo_nesting(inner=demo_planner, depth=4)",
    ]
    assert with_settings([NESTED], ["demo_planner.depth=4"]) == ["demo_nesting(inner=demo_planner(depth=4))"]


def test_later_settings_see_what_earlier_ones_put_in() -> None:
    given = with_settings([NESTED], ["check=demo_formatted", "demo_formatted.strict=true", "depth=2", "depth=3"])
    assert given == ["demo_nesting(inner=demo_planner(depth=3), check=demo_formatted(strict=true), depth=3)"]


def test_a_bare_setting_leaves_verifiers_alone() -> None:
    with pytest.raises(UnknownName, match="unknown setting 'strict' in --set strict=true"):
        with_settings([f"{NESTED[:-1]}, check=demo_formatted)"], ["strict=true"])


def test_a_value_may_hold_equals_signs_and_spaces() -> None:
    assert with_settings(["demo_planner"], ["title=a = b"]) == ['demo_planner(title="a = b")']


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("dept=1", "unknown setting 'dept' in --set dept=1; did you mean 'depth'"),
        ("demo_planner.dept=1", "unknown setting 'dept' in --set demo_planner.dept=1; did you mean 'depth'"),
        ("demo_plan.depth=1", "unknown strategy 'demo_plan' in --set demo_plan.depth=1; did you mean 'demo_planner'"),
        ("depth", "write FIELD=VALUE"),
        ("=1", "write FIELD=VALUE"),
        ("depth=x", "depth=x does not fit"),
    ],
)
def test_a_setting_that_nobody_takes_is_an_error(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_settings(["demo_planner"], [setting])


def test_defaults_give_way_to_the_spec() -> None:
    defaults: Mapping[str, Mapping[str, object]] = {
        "demo_planner": {"depth": 7, "title": "t", "steps": [1]},
        "demo_unused": {"x": 1},
    }
    assert with_defaults(["demo_planner(depth=1)", NESTED], defaults) == [
        "demo_planner(depth=1, title=t, steps=[1])",
        "demo_nesting(inner=demo_planner(depth=7, title=t, steps=[1]))",
    ]


def test_defaults_are_checked() -> None:
    with pytest.raises(UnknownName, match="unknown setting 'dept' in strategy demo_planner"):
        with_defaults(["demo_planner"], {"demo_planner": {"dept": 1}})


def test_files_and_marked_fields_are_guarded_wherever_they_stand() -> None:
    spec = 'demo_nesting(inner=demo_planner(notes="x.md", depth=1), others=[demo_planner(shell=ls)])'
    assert guarded(resolve("strategies", spec)) == ("demo_planner.notes", "demo_planner.shell")
    assert guarded(resolve("strategies", NESTED)) == ()
