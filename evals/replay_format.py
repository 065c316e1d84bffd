"""The problem format of recorded pools, which is also the format for sets of one's own: one problem a line.

Fields: `id`, `kind`, `question`, `options` (choice), `answer`, `tests` and `entry_point` (code), `category`, `subject`,
`split`, `part`, `benchmark`, `meta`; and, beyond recorded pools, `public_tests` (code) and `schema` (json). Tests are
Python or, beyond recorded pools, inputs and outputs.
A plan problem takes its domain from `meta.pddl_domain`, else from `BENCHMARK.domain.pddl` beside the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from orchestrator.types import LETTERS, Json, Kind, Message, Problem

from .case import Case, Reference, part_of, split_of
from .row_tests import RowTests
from .rows import Line, Options, Reader, Row, text_of

_VISIBLE = ("entry_point", "pddl_instance", "pddl_domain", "codet_prompt", "answer_format")
"""The only keys of a row's meta that a solver sees."""
_IGNORED = {"source", "licence", "license"}
_GAME24 = "Make 24 out of the numbers on the last line, each used exactly once, with + - * / and brackets.\n\n"


class ProblemRow(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    kind: Kind
    question: str = Field(min_length=1)
    benchmark: str | None = None
    options: tuple[str, ...] | None = None
    answer: JsonValue = None
    tests: JsonValue = None
    public_tests: JsonValue = None
    entry_point: str | None = None
    answer_schema: dict[str, JsonValue] | None = Field(default=None, alias="schema")
    category: str | None = None
    subject: str | None = None
    split: str | None = None
    part: str | None = None
    meta: dict[str, JsonValue] = {}


_FIELDS = frozenset(field.alias or name for name, field in ProblemRow.model_fields.items())


def recognises(row: Row) -> bool:
    return {"id", "kind", "question"} <= row.keys()


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    domains: dict[Path, str] = {}
    for line in lines:
        _check_names(line)
        yield _case(line.parse(ProblemRow), line, domains)


def _check_names(line: Line) -> None:
    """A field that is not ours may stand in a row, unless it looks like a misspelt one of ours."""
    for name in line.row.keys() - _FIELDS - _IGNORED:
        if close := difflib.get_close_matches(name, _FIELDS - line.row.keys(), n=1, cutoff=0.8):
            raise line.error(f"unknown field '{name}'; did you mean '{close[0]}'?")


def _case(row: ProblemRow, line: Line, domains: dict[Path, str]) -> Case:
    key = str(row.meta.get("split_key") or row.id)
    visible = {name: row.meta[name] for name in _VISIBLE if row.meta.get(name) is not None}
    if row.entry_point is not None:
        visible["entry_point"] = row.entry_point
    if row.kind == "plan":
        visible.update(_plan(row, line, domains))
    public = RowTests.of(line, "public_tests", row.entry_point)
    problem = Problem(
        id=row.id,
        messages=(Message("user", _question(row, line)),),
        kind=row.kind,
        options=_options(row, line),
        schema=row.answer_schema,
        public_tests=public.texts,
        meta=visible,
        examples=public.examples,
    )
    hidden = {name: value for name, value in row.meta.items() if name not in visible}
    tests = RowTests.of(line, "tests", row.entry_point).suites(row.question, row.entry_point)
    reference = Reference(text_of(row.answer), tests, row.entry_point, hidden)
    return Case(problem, reference, row.category, row.subject, row.split or split_of(key), row.part or part_of(key))


def _question(row: ProblemRow, line: Line) -> str:
    if row.kind != "game24":
        return row.question
    if not re.search(r"\d", row.question.strip().rsplit("\n", 1)[-1]):
        raise line.error("field 'question': a game24 problem has its numbers on the last line")
    return _GAME24 + row.question.strip() if re.fullmatch(r"[\d\s,]+", row.question) else row.question.strip()


def _options(row: ProblemRow, line: Line) -> tuple[str, ...]:
    if row.kind != "choice":
        return ()
    if not row.options or len(row.options) > len(LETTERS):
        raise line.error(f"field 'options': a choice problem has from 1 to {len(LETTERS)} of them")
    if row.answer is not None and row.answer not in tuple(LETTERS[: len(row.options)]):
        raise line.error(f"field 'answer': {row.answer!r} is not the letter of one of {len(row.options)} options")
    return row.options


def _plan(row: ProblemRow, line: Line, domains: dict[Path, str]) -> dict[str, Json]:
    if not isinstance(row.meta.get("pddl_instance"), str):
        raise line.error("field 'meta.pddl_instance': a plan problem needs its PDDL instance")
    if isinstance(row.meta.get("pddl_domain"), str):
        return {}
    benchmark = row.benchmark or row.id.rpartition("/")[0]
    if not benchmark or Path(benchmark).name != benchmark:
        raise line.error(f"'{benchmark}' cannot name the file of a PDDL domain; give meta.pddl_domain")
    path = line.path.parent / f"{benchmark}.domain.pddl"
    if path not in domains:
        domains[path] = _domain(path, line)
    return {"pddl_domain": domains[path]}


def _domain(path: Path, line: Line) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"a plan problem needs its PDDL domain: put it in {path}, or in meta.pddl_domain"
    except (OSError, UnicodeDecodeError) as error:
        message = f"the PDDL domain {path} cannot be read: {error}"
    raise line.error(message)


READER = Reader(
    "problems", "one problem a line with id, kind, question, answer; also for sets of one's own", recognises, cases
)
