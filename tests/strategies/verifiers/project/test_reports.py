"""Reports of tests, which may have been tampered with, and what is made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.strategies.verifiers.project.globs import matching
from orchestrator.strategies.verifiers.project.judging import judged
from orchestrator.strategies.verifiers.project.junit import BadReport, Report, merged, read

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5" time="0.1">
<testcase classname="tests.test_a" name="test_one[x::y]" time="0.001" />
<testcase classname="tests.test_a" name="test_two"><failure message="no">E <![CDATA[<failure/>]]></failure></testcase>
<testcase classname="tests.test_a.TestB" name="test_three"><skipped type="pytest.skip" message="no" /></testcase>
<testcase classname="tests.test_a" name="test_four" />
<testcase classname="tests.test_a" name="test_four"><error message="teardown" /><system-out>x</system-out></testcase>
<testcase classname="" name="tests.test_b"><error message="collection failure">x</error></testcase>
</testsuite></testsuites>"""


def test_what_pytest_writes_is_read() -> None:
    assert read(PYTEST) == {
        "tests.test_a::test_one[x::y]": ("passed",),
        "tests.test_a::test_two": ("failed",),
        "tests.test_a.TestB::test_three": ("skipped",),
        "tests.test_a::test_four": ("passed", "error"),
        "tests.test_b": ("error",),
    }


def test_a_suite_alone_and_nested_suites_are_read() -> None:
    assert read(b'<testsuite><testcase file="a.js" name="t"/></testsuite>') == {"a.js::t": ("passed",)}
    nested = b'<testsuites><testsuite><testsuite><testcase name="t"/></testsuite></testsuite></testsuites>'
    assert read(nested) == {"t": ("passed",)}
    assert read(b"<testsuites/>") == {}


def test_the_worst_of_an_entry_counts() -> None:
    case = b'<testsuite><testcase name="t"><skipped/><failure/><skipped/></testcase></testsuite>'
    assert read(case) == {"t": ("failed",)}


def test_several_documents_are_one_report() -> None:
    one, other = b'<testsuite><testcase name="t"/></testsuite>', b'<testsuite><testcase name="u"/></testsuite>'
    assert merged([one, other, one]) == {"t": ("passed", "passed"), "u": ("passed",)}


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (b"", "no report"),
        (b" \n", "no report"),
        (PYTEST + PYTEST, "not one XML document"),
        (PYTEST + b"x", "not one XML document"),
        (PYTEST[:-10], "not one XML document"),
        (b"2 passed", "not one XML document"),
        (b"<html><testcase name='t'/></html>", "not of JUnit's form"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "document type"),
        (b"<testsuite>" * 1000 + b"</testsuite>" * 1000, "nested too deeply"),
        (b"\xff\xfe\x00", "not one XML document"),
    ],
    ids=["none", "blank", "twice", "more", "torn", "text", "html", "entities", "deep", "binary"],
)
def test_anything_else_is_no_report(report: bytes, says: str) -> None:
    with pytest.raises(BadReport, match=says):
        read(report)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(text: bytes) -> None:
    for report in (text, b"<testsuite>" + text + b"</testsuite>"):
        try:
            read(report)
        except BadReport:
            continue


BEFORE: Report = {
    "m::pass": ("passed",),
    "m::fail": ("failed",),
    "m::skip": ("skipped",),
    "m::ends": ("passed", "error"),
    "new": ("error",),
}
AFTER: Report = {
    "m::pass": ("passed",),
    "m::fail": ("passed",),
    "m::skip": ("skipped",),
    "m::ends": ("passed",),
    "new::first": ("passed",),
}


def test_all_is_well() -> None:
    found = judged(BEFORE, AFTER, 0)
    assert (found.passed, found.share, found.reason) == (True, 1.0, "5 of 5 tests passed, 1 new")


@pytest.mark.parametrize(
    ("change", "share", "says"),
    [
        ({"m::pass": ("failed",)}, 0.8, "1 failed: m::pass"),
        ({"m::pass": ("passed", "error")}, 0.8, "1 failed: m::pass"),
        ({"m::pass": ("skipped",)}, 0.8, "1 skipped, though the unedited project runs them: m::pass"),
        ({"m::fail": ("skipped",)}, 0.8, "1 skipped, though"),
        ({"m::pass": None}, 0.8, "1 not in the report, though the unedited project has them: m::pass"),
        ({"m::skip": None}, 0.8, "1 not in the report"),
        ({"new::first": None}, 0.8, "1 not in the report, though the unedited project has them: new"),
        ({"new::first": ("failed",)}, 1.0, "1 failed: new::first"),
        ({"m::more": ("failed",)}, 1.0, "1 failed: m::more"),
        (dict.fromkeys(BEFORE) | {"new::first": None}, 0.0, "5 not in the report"),
    ],
)
def test_what_is_missing_failed_or_skipped_anew_fails(
    change: dict[str, tuple[str, ...] | None], share: float, says: str
) -> None:
    after = {name: outcomes for name, outcomes in {**AFTER, **change}.items() if outcomes is not None}
    found = judged(BEFORE, after, 0)  # type: ignore[arg-type]
    assert (found.passed, found.share) == (False, pytest.approx(share))
    assert says in found.reason


def test_a_status_that_is_not_zero_fails() -> None:
    assert judged(BEFORE, AFTER, 1).reason == "5 of 5 tests passed; the command ended with status 1"
    assert not judged(BEFORE, AFTER, 1).passed
    assert not judged(BEFORE, AFTER, None).passed


def test_a_test_that_ran_twice_must_run_twice() -> None:
    assert not judged({"t": ("passed", "passed")}, {"t": ("passed",)}, 0).passed


def test_skipped_tests_alone_prove_nothing() -> None:
    found = judged({"t": ("skipped",)}, {"t": ("skipped",)}, 0)
    assert (found.passed, found.reason) == (False, "1 of 1 tests passed; no test ran")


def test_names_are_cut() -> None:
    before: Report = {f"t{i}": ("passed",) for i in range(9)}
    found = judged(before, dict.fromkeys(before, ("failed",)), 1)
    assert found.reason == "0 of 9 tests passed; 9 failed: t0, t1, t2 and 6 more"


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("test_*.py", ["test_a.py", "x/y/TEST_a.py"], ["test_a.pyc", "a_test_b.py", "test_a/x.py"]),
        ("**/tests/**", ["tests/x", "a/tests/b/c"], ["tests", "mytests/x"]),
        ("docs/*.md", ["docs/a.md"], ["docs/b/a.md", "a/docs/b.md"]),
        ("/pytest.py", ["pytest.py"], ["a/pytest.py"]),
        ("build/", ["build/x", "a/build/x/y"], ["build", "builds/x"]),
        ("*.t[x]t", ["a.t[x]t"], ["a.txt"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], not_fits: list[str]) -> None:
    assert matching([*fits, *not_fits], [pattern]) == fits
    assert matching(fits, ["none", pattern]) == fits
    assert matching(fits, []) == []
