from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.registry import Spec, build, resolve, spec_of

from .conftest import DEMO, PLANNER, Write

pytestmark = pytest.mark.usefixtures("rooms")


def made(spec: str, **settings: object) -> Any:
    return build("strategies", spec, settings)


def test_a_name_alone_builds_the_defaults() -> None:
    assert (made("demo_planner").depth, made("demo_planner").steps) == (2, (1, 2))


def test_values_are_converted_to_the_fields_types() -> None:
    planner = made(
        'demo_planner(depth=3, ratio=1, style=long, title="a b", steps=[3, 4], weights={x: 1}, notes="n.md")'
    )
    assert (planner.depth, planner.ratio, planner.style, planner.title) == (3, 1.0, "long", "a b")
    assert (planner.steps, planner.weights, planner.notes) == ((3, 4), {"x": 1.0}, Path("n.md"))


def test_settings_are_put_over_the_spec_and_read_as_text() -> None:
    planner = made("demo_planner(depth=3)", depth="5", title="4", steps="[7]", weights={"y": 2})
    assert (planner.depth, planner.title, planner.steps, planner.weights) == (5, "4", (7,), {"y": 2.0})


def test_text_that_reads_as_none_is_none_where_the_field_takes_it() -> None:
    assert made("demo_planner(title=x)", title="none").title is None


def test_text_that_reads_as_a_spec_stays_text_where_the_field_takes_text() -> None:
    assert made("demo_planner", title="f(x=1)").title == "f(x=1)"
    assert str(resolve("strategies", "demo_planner", {"title": "f(x=1)"})) == 'demo_planner(title="f(x=1)")'


def test_strategies_verifiers_and_aggregators_nest() -> None:
    outer = made(
        "demo_nesting(inner=demo_planner(depth=1), others=[demo_planner, demo_nesting(inner=demo_planner)],"
        " check=demo_formatted(strict=true), vote=demo_first)"
    )
    assert outer.inner.depth == 1
    assert [type(other).__name__ for other in outer.others] == ["Planner", "Nesting"]
    assert outer.check.strict is True
    assert type(outer.vote).__name__ == "First"


def test_a_nested_name_may_come_as_text() -> None:
    assert made("demo_nesting", inner="demo_planner(depth=9)").inner.depth == 9
    assert made("demo_nesting(inner=demo_planner)", check="none").check is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("demo_planner(dept=1)", "unknown setting 'dept' in strategy demo_planner; did you mean 'depth'"),
        ("demo_first(x=1)", "unknown strategy 'demo_first'"),
        ("demo_nesting(inner=demo_planer)", "unknown strategy 'demo_planer'; did you mean 'demo_planner'"),
        ("demo_nesting(inner=demo_planner(dept=1))", "unknown setting 'dept' in strategy demo_planner"),
        ("demo_nesting(inner=demo_planner, check=demo_first)", "unknown verifier 'demo_first'"),
    ],
)
def test_unknown_names_and_fields_are_said_where_they_stand(spec: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        made(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("demo_planner(depth=word)", "strategy demo_planner: depth=word does not fit: should be a valid integer"),
        ("demo_planner(depth=4.5)", "depth=4.5 does not fit"),
        ("demo_planner(style=medium)", "style=medium does not fit: should be 'short' or 'long'"),
        ("demo_planner(steps=1)", r"steps=1 does not fit: should be a list, such as \[a, b\]"),
        ("demo_planner(title=demo_first(x=1))", r"it takes no demo_first\(\.\.\.\)"),
        ("demo_nesting(inner=4)", "inner=4 does not fit: should be the name of a strategy"),
        ("demo_nesting", r"strategy demo_nesting needs inner: write demo_nesting\(inner=\.\.\.\)"),
    ],
)
def test_values_that_do_not_fit_get_one_line(spec: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        made(spec)
    assert "\n" not in str(caught.value)


def test_a_class_that_refuses_its_values_is_a_config_error(write: Write) -> None:
    check = "if self.depth < 1:\n            raise ValueError('depth starts at 1')"
    write("strategies", "demo_picky", f"{PLANNER}\n    def __post_init__(self):\n        {check}\n")
    with pytest.raises(ConfigError, match=r"strategy demo_picky\(depth=0\): depth starts at 1"):
        made("demo_picky(depth=0)")


def test_a_type_that_exists_for_type_checkers_only_is_said(write: Write) -> None:
    write("strategies", "demo_typing", PLANNER.replace("depth: int = 2", "depth: Run = 2"))
    with pytest.raises(ConfigError, match="TYPE_CHECKING"):
        made("demo_typing(depth=1)")


def test_the_canonical_spec_has_what_was_given_in_field_order() -> None:
    given = 'demo_planner(steps=(1,), weights={"b": 1}, title="long words", depth="3", style=short, ratio=1)'
    canonical = resolve("strategies", given)
    text = 'demo_planner(depth=3, ratio=1.0, style=short, title="long words", steps=[1], weights={b: 1.0})'
    assert str(canonical) == text
    assert str(resolve("strategies", text)) == text
    assert made(text) == made(given)


def test_the_canonical_spec_keeps_nesting() -> None:
    text = "demo_nesting(inner=demo_planner(depth=1), others=[demo_planner], check=demo_formatted(strict=true))"
    shuffled = "demo_nesting(check=demo_formatted(strict=true), others=(demo_planner(),), inner=demo_planner(depth=1))"
    assert str(resolve("strategies", shuffled)) == text


def test_the_spec_of_an_instance_builds_its_equal() -> None:
    thing = made("demo_nesting(inner=demo_planner(depth=1, steps=[5]), check=demo_formatted)")
    assert str(spec_of(thing)) == "demo_nesting(inner=demo_planner(depth=1, steps=[5]), check=demo_formatted)"
    assert build("strategies", spec_of(thing)) == thing


def test_instances_and_functions_pass_through() -> None:
    async def check(problem: object, candidate: object, run: object) -> None: ...

    thing = made("demo_planner")
    assert build("strategies", thing) is thing
    assert build("verifiers", check) is check
    assert spec_of(check) == Spec("check")


def test_what_cannot_act_is_refused() -> None:
    @dataclass(frozen=True)
    class Idle:
        def __call__(self) -> None: ...

    with pytest.raises(ConfigError, match="Planner is a class; give an instance"):
        build("strategies", type(made("demo_planner")))
    with pytest.raises(ConfigError, match="neither a name nor callable"):
        build("strategies", 7)
    with pytest.raises(ConfigError, match="Idle must be an async function"):
        build("strategies", Idle())


def test_a_plain_function_from_an_entry_point_is_its_own_instance(install: Any) -> None:
    source = f"{DEMO}\nasync def check(problem, candidate, run): ...\n"
    install("demo-checks", "demo_checks", source, "[orchestrator.verifiers]\ndemo_check = demo_checks:check\n")
    assert build("verifiers", "demo_check").__name__ == "check"  # type: ignore[attr-defined]
    with pytest.raises(UnknownName, match="unknown setting 'x' in verifier demo_check"):
        build("verifiers", "demo_check(x=1)")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("cot(temperature=-1)", "temperature is 0 or more, not -1"),
        ("ideasearch(code_temperature=-0.5)", "code_temperature is 0 or more, not -0.5"),
        ("ideasearch(top_p=3)", "top_p is above 0 and at most 1, not 3"),
        ("cot(max_tokens=0)", "max_tokens counts from 1, not 0"),
    ],
)
def test_settings_that_all_strategies_share_have_one_range(spec: str, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        build("strategies", spec)


def test_a_time_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="timeout is above 0, not 0"):
        build("verifiers", "unit_tests(timeout=0)")
