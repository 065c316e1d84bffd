"""Programs to try a sandbox with: each `cases/CLASS/NAME.case` is a header in TOML, a line `---`, and the program.

The header says in `about` what the program tries, in `ideal` the verdict it should get, and in `accept` which verdicts
will do: a list, `refused` (anything but `passed`, the default where `ideal` is not that), `sealed` (anything but
`failed`, which says that something was found that should be out of reach) or `anything`. `seconds`, `wall` and
`memory_mb` are its limits. `checks` names what is looked at afterwards, `needs` modules without which the case makes no
sense, `machines` those it is written for. `contained` cases harm the machine where nothing holds them; `again` ones are
run twice. Tests are `[calls]`, `[asserts]` or `[stdio]`, values as Python literals, or `tests` with the name of one of
the suites below. Marks in programs and tests, such as `$TOKEN$`, are filled in anew for each run; `[marks]` has more,
as code points or as a text that is repeated.
"""

from __future__ import annotations

import math
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Ruling, Stdio, Stream, Suite

FOLDER = Path(__file__).with_name("cases")
EVERY: frozenset[str] = frozenset(get_args(Ruling))
_ACCEPTED = {"anything": EVERY, "refused": EVERY - {"passed"}, "sealed": EVERY - {"failed"}}
_SUITES: dict[str, dict[str, Any]] = {
    "doubles": {"calls": {"entry": "solve", "cases": [["(1,)", "2"], ["(5,)", "10"]]}},
    "sealed": {"calls": {"entry": "solve", "cases": [["(1,)", "'$SECRET1$'"], ["(2,)", "'$SECRET2$'"]]}},
    "sealed-asserts": {
        "asserts": {
            "entry": "solve",
            "tests": [
                "def check(f):\n    assert f(1) == '$SECRET1$'\n    assert f(2) == '$SECRET2$'\n",
            ],
        }
    },
    "nothing-found": {"calls": {"entry": "solve", "cases": [["(0,)", "'nothing'"]]}},
}
_WAITING = ("time", "hold-exit")
"""Classes whose programs use up what time they have."""
_VALUES = {"nan": math.nan, "inf": math.inf}


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    about: str
    ideal: str
    accept: frozenset[str]
    program: str
    tests: Mapping[str, Any]
    limits: Limits
    checks: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    contained: bool = False
    again: bool = False
    slow: bool = False
    own_format: bool = False
    """Whether the tests have a form that only this sandbox knows."""
    outcomes: tuple[bool | None, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    def text(self, marks: Mapping[str, str]) -> str:
        """The program, with its own marks and those of a run filled in."""
        return filled(filled(self.program, self.marks), marks)

    def suite(self, marks: Mapping[str, str]) -> Suite:
        return suite_of(self.tests, {**self.marks, **marks})


def fresh_marks() -> dict[str, str]:
    """Answers and names that no program can know."""
    marks = {f"$SECRET{n}$": f"SEALED-{n}-{secrets.token_hex(8)}" for n in (1, 2)}
    number = 1 + secrets.randbelow(980_000) / 10_000
    return {**marks, "$NUMBER$": f"{number:.4f}", "$TOKEN$": f"tkn{secrets.token_hex(5)}"}


def filled(text: str, marks: Mapping[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    while (at := text.find("$LINES:")) >= 0:
        mark = text[at : text.index("$", at + 1) + 1]
        lines = "".join(f"{i:09d}\n" for i in range(int(mark[7:-1])))
        text = text.replace(mark, lines)
    return text


def load() -> list[Case]:
    return [_case(path) for path in sorted(FOLDER.glob("*/*.case"))]


def _case(path: Path) -> Case:
    head, _, program = path.read_bytes().decode().partition("\n---\n")
    about = tomllib.loads(head)
    name = f"{path.parent.name}/{path.stem}"
    accept = about.pop("accept", "refused" if about["ideal"] != "passed" else ["passed"])
    tests = _SUITES[about.pop("tests")] if "tests" in about else {k: about.pop(k) for k in _FORMS if k in about}
    return Case(
        name,
        about.pop("about"),
        about.pop("ideal"),
        _ACCEPTED[accept] if isinstance(accept, str) else frozenset(accept),
        program,
        tests,
        _limits(path.parent.name, about),
        frozenset(about.pop("checks", ())),
        tuple(about.pop("needs", ())),
        tuple(about.pop("machines", ())),
        outcomes=tuple(about.pop("outcomes", ())),
        marks={mark: _made(made) for mark, made in about.pop("marks", {}).items()},
        **about,
    )


def _limits(kind: str, about: dict[str, Any]) -> Limits:
    seconds = about.pop("seconds", 5.0 if kind == "honest" else 0.3 if kind in _WAITING else 1.0)
    wall = about.pop("wall", seconds + (5.0 if kind == "honest" else 0.7 if kind in _WAITING else 1.0))
    return Limits(seconds, wall, about.pop("memory_mb", 512), fail_fast="outcomes" not in about)


def _made(made: list[int] | dict[str, Any]) -> str:
    if isinstance(made, list):
        return "".join(map(chr, made))
    if made.get("indent"):
        return "\n".join(" " * i + made["text"] for i in range(made["times"])) + " pass"
    return str(made["text"]) * int(made["times"])


def suite_of(tests: Mapping[str, Any], marks: Mapping[str, str]) -> Suite:
    ((form, about),) = tests.items()
    return _FORMS[form](about, marks)


def _calls(about: Mapping[str, Any], marks: Mapping[str, str]) -> Calls:
    cases = tuple(Call(value_of(given, marks), value_of(expected, marks)) for given, expected in about["cases"])
    return Calls(about["entry"], cases, about.get("compare", "exact"), about.get("atol"))


def value_of(text: str, marks: Mapping[str, str]) -> Any:
    return eval(filled(text, marks), {"__builtins__": {}, **_VALUES})


def _asserts(about: Mapping[str, Any], marks: Mapping[str, str]) -> Asserts:
    tests = tuple(filled(test, marks) for test in about["tests"])
    return Asserts(tests, about.get("entry"), filled(about.get("prelude", ""), marks), about.get("trusted", True))


def _stdio(about: Mapping[str, Any], marks: Mapping[str, str]) -> Stdio:
    cases = tuple(Stream(filled(given, marks), filled(expected, marks)) for given, expected in about["cases"])
    return Stdio(cases, about.get("compare", "lcb"))


_FORMS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Suite]] = {
    "calls": _calls,
    "asserts": _asserts,
    "stdio": _stdio,
}
