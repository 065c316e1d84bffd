"""Reads JUnit XML, which pytest and most other runners write, and which the code under test may have tampered with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["passed", "skipped", "failed", "error"]
Report: TypeAlias = Mapping[str, tuple[Outcome, ...]]
"""By id, the outcome of each of its entries: a test may have several, such as one for its teardown."""

_DEEPEST = 32


class BadReport(Exception):
    """No report, or not just one; says why in one line."""


def merged(reports: Iterable[bytes]) -> Report:
    """The tests of several documents together.

    Raises:
        BadReport: one of them cannot be read.
    """
    found: dict[str, tuple[Outcome, ...]] = {}
    for report in reports:
        for name, outcomes in read(report).items():
            found[name] = (*found.get(name, ()), *outcomes)
    return found


def read(report: bytes) -> Report:
    """The tests of one document; an id is `classname::name`, with the file before it where the runner tells it.

    Raises:
        BadReport: it is empty, not XML, more than one document, or has a document type, which no runner writes.
    """
    from xml.parsers import expat

    if not report.strip():
        raise BadReport("the command wrote no report")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(report, True)
    except expat.ExpatError as error:
        raise BadReport(f"its report is not one XML document: {error}") from None
    if not reader.suites:
        raise BadReport("its report is XML, but not of JUnit's form")
    return {name: tuple(outcomes) for name, outcomes in reader.found.items()}


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, list[Outcome]] = {}
        self.suites = 0
        self._path: list[str] = []
        self._test = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > _DEEPEST:
            raise BadReport("its report is nested too deeply")
        above = self._path[-2] if len(self._path) > 1 else ""
        self.suites += tag in ("testsuite", "testsuites") and above in ("", "testsuites", "testsuite")
        if tag == "testcase" and above == "testsuite":
            self._test = _name(attributes)
            self.found.setdefault(self._test, []).append("passed")
        elif above == "testcase" and self._test and tag in ("failure", "error", "skipped"):
            outcomes = self.found[self._test]
            # An entry that says two things counts by the worse.
            worse: Outcome = "skipped" if tag == "skipped" else "failed" if tag == "failure" else "error"
            if worse != "skipped" or outcomes[-1] == "passed":
                outcomes[-1] = worse

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag == "testcase":
            self._test = ""

    def refuse(self, *_: object) -> None:
        raise BadReport("its report has a document type, which no runner writes")


def _name(attributes: dict[str, str]) -> str:
    parts = (attributes.get("file", ""), attributes.get("classname", ""), attributes.get("name", ""))
    return "::".join(part for part in parts if part)[:500]
