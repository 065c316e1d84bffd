"""Fenced blocks of a page, with what its source says of them in HTML comments that readers do not see.

    <!-- file: pool.toml -->       the block is written to that file before the blocks below it run
    <!-- needs: key -->            the block needs what a test does not have
    <!-- exit: 5 -->               its last command ends with this code
    <!-- output -->                the block holds what the command block above it prints on standard output

Several may stand in one comment, with semicolons between them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

_MARKS = frozenset({"file", "needs", "exit", "output"})
_FENCE = re.compile(r"^```(\w*)\s*$")
_COMMENT = re.compile(r"^<!--(.*)-->\s*$")
_SETTING_UP = frozenset({"pip", "pytest", "git", "cd", "python", "source", "uv", "pipx"})
"""Commands that put the package in its place, where a test already has it."""
_ALIASES = (("uvx", "diverse-orchestrator"), ("uvx", "--from", "diverse-orchestrator", "orchestrator"))


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Of its fence, from 1."""
    language: str
    text: str
    marks: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    found: list[Block] = []
    marks: dict[str, str] = {}
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            found.append(Block(page, number, fence[1], _inside(lines), marks))
            marks = {}
        elif comment := _COMMENT.match(line):
            marks = _marks(comment[1])
        elif line.strip():
            marks = {}
    return found


def _inside(lines: Iterator[tuple[int, str]]) -> str:
    inside = []
    for _, line in lines:
        if line.rstrip() == "```":
            return "".join(f"{each}\n" for each in inside)
        inside.append(line)
    raise AssertionError("a fence is not closed")


def _marks(comment: str) -> dict[str, str]:
    """What a comment says of the block below it; nothing where it is of another sort."""
    pairs = (part.partition(":") for part in comment.split(";"))
    found = {name.strip(): value.strip() for name, _, value in pairs}
    return found if found.keys() <= _MARKS else {}


def commands_of(block: Block) -> list[list[str]]:
    """The words of each command of a shell block; those that set a user's machine up are left out.

    Raises:
        AssertionError: a command that no test can run.
    """
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            found.append(_unaliased(words[:end]))
            words = words[end + 1 :]
    return [words for words in found if words[0] not in _SETTING_UP]


def _unaliased(words: list[str]) -> list[str]:
    for alias in _ALIASES:
        if tuple(words[: len(alias)]) == alias:
            return ["orchestrator", *words[len(alias) :]]
    return words
