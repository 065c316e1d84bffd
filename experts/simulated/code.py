"""Small Python tasks, out of a library: right and plausible wrong programs, found by what the task's text says.

Unlike the other families this one solves nothing: a task that the library does not have is not read. The text gives the
function's name, its parameters and the numbers that the program depends on; the name is no key to the library.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.answers import code
from orchestrator.types import Kind, Problem

from .code_library import Constants, Entry, filled, library, result
from .family import Worked

_STUB = re.compile(
    r"^(?P<head>(?:async )?def (?P<name>\w+)\s*\((?P<parameters>[^()]*(?:\([^()]*\)[^()]*)*)\)[^:\n]*:)"
    r"(?P<doc>\s*(?:r?\"\"\".*?\"\"\"|r?'''.*?'''))?(?P<body>[^\n]*(?:\n(?:[ \t]+[^\n]*)?)*)",
    re.MULTILINE | re.DOTALL,
)
_NOTHING = re.compile(r"\s*(?:#[^\n]*\s*|pass\s*|\.\.\.\s*|raise NotImplementedError[^\n]*\s*|```\s*)*")
_CALLED = re.compile(
    r"(?:\b(?:functions?|called|named|method|implement|write|define|define a|complete)\s+`?|`)"
    r"(?P<name>[a-z_]\w*)\((?P<parameters>[\w\s,:=\[\]|.'\"]*)\)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:function(?:'s name is)?|called|named)\s+`?(?P<name>[a-z]\w*_\w+|(?<=`)[a-z_]\w*)\b`?", re.IGNORECASE
)
_TESTED = re.compile(r"^\s*assert\s+(?:not\s+)?(?P<name>[a-z_]\w*)\(", re.MULTILINE)
_NAMES_CALLED = re.compile(r"\b\w+\([^()\n]*\)")
"""Names of functions, which say nothing for sure."""
_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class _Head:
    """What the text says of the function."""

    name: str
    parameters: tuple[str, ...] | None
    """`None` where the text does not give them."""
    line: str
    """The line that begins the definition; empty where the text is no stub."""
    says: str
    """What tells the task."""


@dataclass(frozen=True)
class Program:
    """A task of the library under the name, the parameters and the numbers of one text."""

    entry: Entry
    name: str
    parameters: tuple[str, ...]
    head: str
    constants: Constants

    kind: Kind = "code"

    @property
    def skills(self) -> tuple[str, ...]:
        return ("programming", self.entry.topic)

    @property
    def difficulty(self) -> float:
        return self.entry.difficulty

    def solve(self, slip: random.Random | None = None) -> Worked:
        ideas = tuple(filled(idea, self.constants) for idea in self.entry.ideas)
        if slip is None:
            return Worked(ideas, self._named(self.entry.right))
        wrong = slip.choice(self.entry.wrong)
        return Worked((*ideas[:1], filled(wrong.thought, self.constants)), self._named(wrong.program))

    def right(self, answer: str) -> bool:
        """Whether the answer is the library's program, by its syntax tree; any other is taken for wrong."""
        return code.same(Problem("", (), kind="code"), self._named(self.entry.right), answer)

    def tests(self, slip: random.Random | None = None) -> tuple[str, ...]:
        wrong = None if slip is None else slip.choice(self.entry.wrong).program
        return tuple(f"assert {call} == {value!r}" for call, value in self._examples(wrong))

    def observations(self) -> tuple[str, ...]:
        count = len(self.parameters)
        takes = f"{self.name} takes {count} argument{'s' if count > 1 else ''}, {', '.join(self.parameters)}."
        authored = [filled(text, self.constants) for text in self.entry.observations]
        examples = [f"{call} has to give {value!r}." for call, value in self._examples(None)]
        return (*authored, *examples[1:4], takes)

    def _examples(self, wrong: str | None) -> Iterator[tuple[str, object]]:
        """Calls and what they return; by a wrong program where that differs and returns at all."""
        for source in self.entry.inputs:
            arguments = filled(source, self.constants)
            value = result(filled(self.entry.right, self.constants), arguments)
            if wrong is not None:
                try:
                    value = result(filled(wrong, self.constants), arguments)
                except (IndexError, TypeError, ValueError, ZeroDivisionError):
                    continue  # who believes in this program does not think of this input
            shown = ", ".join(map(repr, eval(f"({arguments},)")))
            yield f"{self.name}({shown})", value

    def _named(self, program: str) -> str:
        """A program of the library under the name and the parameters of the text."""
        text = filled(program, self.constants)
        ours = self.entry.parameters
        _, _, body = text.partition("\n")
        names = dict(zip(ours, self.parameters, strict=True))
        if set(self.parameters) & (set(re.findall(r"\w+", body)) - set(ours)):
            names = {}  # a parameter of that name would stand for something else in the program
        head = self.head if names and self.head else f"def {self.name}({', '.join(names.values() or ours)}):"
        names["solution"] = self.name
        words = re.compile(rf"\b(?:{'|'.join(names)})\b")
        return f"{head}\n{words.sub(lambda found: names[found[0]], body)}"


@dataclass(frozen=True, slots=True)
class ProgramLibrary:
    """Small Python tasks that the library has."""

    name: str = "code"

    def read(self, text: str) -> Program | None:
        """The last task in the text that the library knows."""
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Program | None:
    for head in _heads(text):
        said = re.sub(r"\s+", " ", _NAMES_CALLED.sub(" ", head.says)).lower()
        for entry in library():
            constants = entry.found_in(said)
            parameters = entry.parameters if head.parameters is None else head.parameters
            if constants is not None and len(parameters) == len(entry.parameters):
                return Program(entry, head.name, parameters, head.line, constants)
    return None


def _heads(text: str) -> Iterator[_Head]:
    """What may be the function that is asked for, the likeliest first, each with what is said close by before all."""
    if len(_QUOTES.findall(text)) % 2:
        return
    prose = _prose(text)
    stubs = [found for found in _STUB.finditer(text) if _NOTHING.fullmatch(found["body"])]
    for found in reversed(stubs):
        for says in filter(None, (found["doc"], prose)):
            yield _Head(found["name"], _names(found["parameters"]), found["head"], says)
    for found in reversed(list(_CALLED.finditer(prose))):
        for says in (_paragraph(prose, found), prose):
            yield _Head(found["name"], _names(found["parameters"]), "", says)
    for pattern in (_NAMED, _TESTED):
        for found in reversed(list(pattern.finditer(text))):
            yield _Head(found["name"], None, "", prose)


def _prose(text: str) -> str:
    """The text without programs and tests; of stubs what stands in them."""
    for found in reversed(list(_STUB.finditer(text))):
        kept = f"{found['doc'] or ''}{found['body']}" if _NOTHING.fullmatch(found["body"]) else ""
        text = text[: found.start()] + kept + text[found.end() :]
    return re.sub(r"^\s*assert\b.*$", "", text, flags=re.MULTILINE)


def _paragraph(text: str, found: re.Match[str]) -> str:
    """What stands between blank lines around a match."""
    return text[: found.end()].split("\n\n")[-1] + text[found.end() :].split("\n\n")[0]


def _names(parameters: str) -> tuple[str, ...]:
    """The names in a list of parameters; brackets in annotations may hold commas."""
    while re.search(r"\[[^\[\]]*\]", parameters):
        parameters = re.sub(r"\[[^\[\]]*\]", "", parameters)
    found = [re.match(r"\s*\*{0,2}(\w+)", part) for part in parameters.split(",")]
    return tuple(match[1] for match in found if match)


FAMILY = ProgramLibrary()
