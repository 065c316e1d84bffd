"""Texts that wait for a verdict, in the layouts of HumanEval, EvalPlus, LiveCodeBench and recorded generations.

A file has one JSON object a line, plain or gzipped: `task_id` with `completion` (what continues the prompt) or
`solution` (a whole program), `question_id` with `code_list` (whole programs), or `problem_id` with `text` (a whole
reply, out of which the answer is read); or all of them in one JSON array. A folder is EvalPlus's: `TASK/NUMBER.py` with
whole programs, where TASK has `_` for the first `/` of the task's id.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from orchestrator import answers
from orchestrator.errors import BenchmarkError
from orchestrator.recording import Joining
from orchestrator.types import Json

from .case import Case
from .rows import Line, opened, read_lines

Form: TypeAlias = Literal["completion", "solution", "reply", "answer"]
"""What a text is: the rest of the prompt, a whole program, a reply to be read, or an answer that was read before."""

_HEAD = 64
"""Bytes in which a file that is one array has its bracket."""
_LAYOUTS = "'task_id' with 'completion' or 'solution', 'question_id' with 'code_list', or 'problem_id' with 'text'"


@dataclass(frozen=True, slots=True)
class Sample:
    """One text that wants a verdict."""

    task: str
    """Id of its problem, as the file has it."""
    text: str | None
    """`None`: an answer that could not be read."""
    form: Form
    source: str = ""
    """Who wrote it, where the file says so: `EXPERT/STYLE`, or a run's strategy."""
    name: str = ""
    """What tells it from others of its task and source, where the file says so."""
    recorded: bool | None = None
    """The verdict that stands beside it."""
    chosen: bool = False
    """It is what a strategy answered in the end, and no sample of its own."""
    joining: Joining | None = None
    """How a recorded completion is put behind its prompt."""
    where: str = ""
    """File and line."""

    async def answer(self, case: Case) -> str | None:
        """What is to be graded; `None` where nothing can be read out of a reply.

        Raises:
            BenchmarkError: the set lacks the prompt that the text completes.
        """
        if self.text is None or self.form == "answer":
            return self.text
        if case.problem.kind != "code" or self.form == "reply":
            reading = await answers.read(case.problem, self._whole(case))
            return None if reading is None else reading.value
        return self._continued(case) if self.form == "completion" else self.text

    def _whole(self, case: Case) -> str:
        text = self.text or ""
        if self.joining is None:
            return text
        prompt = case.problem.meta.get(self.joining.key)
        if not isinstance(prompt, str):
            raise BenchmarkError(
                f"the text completes meta.{self.joining.key}, which problem '{case.problem.id}' lacks", self.where
            )
        return self.joining.joined(prompt, text)

    def _continued(self, case: Case) -> str:
        """Behind the prompt where that is the head of a function; else the text, as words cannot be run."""
        entry, prompt = case.reference.entry_point, case.problem.prompt
        stub = entry is not None and re.search(rf"^(async\s+)?def\s+{re.escape(entry)}\b", prompt, re.MULTILINE)
        return f"{prompt}{self.text}" if stub else self.text or ""


def read_samples(path: Path) -> Iterator[Sample]:
    """The samples of a file or folder, read as they are asked for.

    Raises:
        BenchmarkError: it cannot be read, or a row is of neither layout, with its line.
    """
    if path.is_dir():
        yield from _in_folder(path)
        return
    line = None
    for line in _lines(path):
        yield from _samples(line)
    if line is None:
        raise BenchmarkError("no sample in it", str(path))


def _lines(path: Path) -> Iterator[Line]:
    """The rows of a file: one a line, or the items of one array."""
    items = _array(path)
    if items is None:
        yield from read_lines(path)
        return
    for number, row in enumerate(items, 1):
        if not isinstance(row, dict):
            raise BenchmarkError(f"item {number}: expected a JSON object, found a {type(row).__name__}", str(path))
        yield Line(row, number, path)


def _array(path: Path) -> list[Json] | None:
    """The items of a file that is one JSON array; `None` for any other, and for one that cannot be read."""
    try:
        with opened(path) as stream:
            if not stream.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
                return None
            stream.seek(0)
            items: list[Json] = json.load(stream)
    except (OSError, EOFError, zlib.error):
        return None
    except ValueError as error:
        raise BenchmarkError(f"not JSON: {error}", str(path)) from None
    return items


def _samples(line: Line) -> Iterator[Sample]:
    row, where = line.row, f"{line.path}:{line.number}"
    if "problem_id" in row and "text" in row:
        yield _recorded(line, where)
    elif "question_id" in row and isinstance(codes := row.get("code_list"), list):
        for number, code in enumerate(codes):
            if not isinstance(code, str):
                raise line.error(f"field 'code_list.{number}': should be text, not {type(code).__name__}")
            yield Sample(_id(line, "question_id"), code, "solution", name=str(number), where=where)
    else:
        yield _sample(line, where)


def _sample(line: Line, where: str) -> Sample:
    row = line.row
    task = row.get("task_id")
    form: Form = "solution" if row.get("solution") is not None else "completion"
    if task is None or row.get(form) is None:
        raise line.error(f"a sample has {_LAYOUTS}; this row has {', '.join(list(row)[:8]) or 'nothing'}")
    return Sample(_id(line, "task_id"), _text(line, form), form, where=where)


def _recorded(line: Line, where: str) -> Sample:
    row = line.row
    source = "/".join(str(row[name]) for name in ("expert", "prompt_style") if row.get(name))
    meta, recorded = row.get("meta"), row.get("correct")
    note: Json = meta.get("text_is") if isinstance(meta, dict) else None
    try:
        joining = Joining.of(note) if isinstance(note, str) else None
    except ValueError:
        raise line.error(f"field 'meta.text_is': the texts to cut at cannot be read: {note}") from None
    name = "" if row.get("sample_index") is None else str(row["sample_index"])
    return Sample(
        _id(line, "problem_id"),
        _text(line, "text"),
        "reply",
        source,
        name,
        recorded if isinstance(recorded, bool) else None,
        joining=joining,
        where=where,
    )


def _id(line: Line, name: str) -> str:
    value = line.row[name]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise line.error(f"field '{name}': should be the id of a problem")
    return str(value)


def _text(line: Line, name: str) -> str:
    value = line.row[name]
    if not isinstance(value, str):
        raise line.error(f"field '{name}': should be text, not {type(value).__name__}")
    return value


def _in_folder(path: Path) -> Iterator[Sample]:
    found = sorted(path.glob("*/*.py"), key=_natural)
    if not found:
        raise BenchmarkError("no TASK/NUMBER.py in this folder, and no manifest.json of a run", str(path))
    for file in found:
        task = file.parent.name.replace("_", "/", 1)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BenchmarkError(f"cannot be read: {error}", str(file)) from None
        yield Sample(task, text, "solution", name=file.stem, where=str(file))


def _natural(file: Path) -> list[tuple[int, str]]:
    """Order by the numbers in a path: 2 before 10."""
    parts = re.split(r"(\d+)", f"{file.parent.name}/{file.name}")
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


@dataclass(slots=True)
class Contents:
    """What one reading of all samples tells."""

    samples: int = 0
    """Those that count."""
    tasks: dict[str, int] = field(default_factory=dict)
    """Samples by task, as the file names it."""
    twice: dict[str, int] = field(default_factory=dict)
    """By task, samples that bear the name of an earlier one of the same source; the first of a name counts."""
    repeated: int = 0
    """Samples without names that are word for word an earlier one of their task; all of them count."""


def distinct(samples: Iterable[Sample], contents: Contents | None = None) -> Iterator[Sample]:
    """The samples that count, which are noted in `contents`."""
    contents = contents or Contents()
    seen: set[int] = set()
    for sample in samples:
        key = hash((sample.task, sample.source, sample.name, sample.chosen, None if sample.name else sample.text))
        if key in seen and sample.name:
            contents.twice[sample.task] = contents.twice.get(sample.task, 0) + 1
            continue
        contents.repeated += key in seen
        seen.add(key)
        contents.samples += 1
        contents.tasks[sample.task] = contents.tasks.get(sample.task, 0) + 1
        yield sample


def survey(samples: Iterable[Sample]) -> Contents:
    """Reads all samples once.

    Raises:
        BenchmarkError: one of them cannot be read.
    """
    contents = Contents()
    for _ in distinct(samples, contents):
        pass
    return contents
