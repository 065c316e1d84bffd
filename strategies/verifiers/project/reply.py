"""Reads edits out of a reply: search/replace blocks, diffs and patches, and fenced blocks of whole files.

    src/calc.py                     ```diff                      src/calc.py
    ```python                       --- a/src/calc.py            ```python
    <<<<<<< SEARCH                  +++ b/src/calc.py            def add(a, b):
    return a - b                    @@ -2 +2 @@                      return a + b
    =======                         -    return a - b            ```
    return a + b                    +    return a + b
    >>>>>>> REPLACE                 ```
    ```

Fences may be left out around the first two. A path may also stand in the line of a fence, or alone in a comment that
is the first line of a whole file. Blocks without a path are no edits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from . import patch
from .draft import Change, Draft, Rejected

_LONGEST = 500_000
_LONGEST_COMMENT = 300
_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
_SEARCH = re.compile(r"^(?:<{5,9}|-{5,9}) ?SEARCH>?\s*$")
_DIVIDER = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^(?:>{5,9}|\+{5,9}) ?REPLACE\s*$")
_DIFFS = frozenset({"diff", "patch", "udiff"})
_MESSAGES = frozenset({"bash", "console", "output", "sh", "shell", "text", "txt", "zsh"})
"""Languages of blocks that show what to type or what comes out: edits only where a path stands in the fence's line."""

_LABEL = re.compile(r"^(?:file ?name|file|path)\s*[:=]\s*", re.IGNORECASE)
_NAME = re.compile(r"^[^\s`\"'<>|*?:()]+$")
_ENDING = re.compile(r"\.[A-Za-z]\w{0,9}$")
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|%|/\*|<!--)\s*(.+?)\s*(?:\*/|-->)?\s*$")
_IN_FENCE = re.compile(r"(?:title|file ?name|file|path)\s*=\s*[\"']?([^\"'\s}]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Whole:
    """A file's new text."""

    path: str
    text: str

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def make(self, draft: Draft) -> None:
        draft.put(self.path, self.text)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines of a file, and what comes in their place; without lines to look for they come at its end."""

    path: str
    search: tuple[str, ...]
    replace: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def make(self, draft: Draft) -> None:
        text = draft.read(self.path)
        if not any(line.strip() for line in self.search):
            before = "" if not text or text.endswith("\n") else "\n"
            draft.put(self.path, (text or "") + before + "".join(f"{line}\n" for line in self.replace))
            return
        if text is None:
            raise Rejected(f"the edit looks for lines of {self.path}, and there is no such file")
        lines = text.removesuffix("\n").split("\n")
        at, replace = self._found(lines)
        new = "\n".join([*lines[:at], *replace, *lines[at + len(self.search) :]])
        draft.put(self.path, f"{new}\n" if text.endswith("\n") and new else new)

    def _found(self, lines: list[str]) -> tuple[int, Sequence[str]]:
        """The first place of the lines, and the new ones indented to fit: exactly, else but for spaces at the end of
        lines, else but for how far all are indented."""
        size = len(self.search)
        places = range(len(lines) - size + 1)
        for strip in (str, str.rstrip):
            wanted = [strip(line) for line in self.search]
            for at in places:
                if [strip(line) for line in lines[at : at + size]] == wanted:
                    return at, self.replace
        for at in places:
            shift = _shift(self.search, lines[at : at + size])
            if shift is not None:
                return at, [f"{shift}{line}" if line.strip() else line for line in self.replace]
        first = next(line.strip() for line in self.search if line.strip())
        raise Rejected(f"the lines to replace in {self.path} are not there: {first[:80]!r}")


def changes(text: str, known: Collection[str] = ()) -> list[Change]:
    """The edits of a reply, in order.

    Args:
        known: paths of the project's files, which count as paths also where they look like words.

    Raises:
        Rejected: a block that begins as an edit and is none, or more text than anybody would read.
    """
    if len(text) > _LONGEST:
        raise Rejected(f"the reply is longer than {_LONGEST // 1000},000 characters")
    found = list(_Reply(text.replace("\r\n", "\n").split("\n"), frozenset(known)).changes())
    in_part = {path for change in found if not isinstance(change, Whole) for path in change.paths} & {*known}
    # Of a file that the reply edits in part, a block with its name shows what is there.
    return [change for change in found if not isinstance(change, Whole) or change.path not in in_part]


class _Reply:
    def __init__(self, lines: list[str], known: frozenset[str]) -> None:
        self.lines, self.known = lines, known
        self.last = ""
        """The path of the edit before, which search/replace blocks without one go on with."""

    def changes(self) -> Iterator[Change]:
        at = 0
        while at < len(self.lines):
            fence = _FENCE.match(self.lines[at])
            if fence:
                end = self._end_of(at, fence)
                yield from self._block(at, end, fence)
                at = end + 1
            elif _SEARCH.match(self.lines[at]):
                found, at = self._replacement(self.lines, at, self._heading(at))
                yield found
            elif patch.begins(self.lines, at):
                end = next((i for i in range(at, len(self.lines)) if _FENCE.match(self.lines[i])), len(self.lines))
                yield from self._patches(self.lines[at:end])
                at = end
            else:
                at += 1

    def _end_of(self, at: int, fence: re.Match[str]) -> int:
        """The line that closes a fence; within a search/replace block no line does."""
        within = False
        for i in range(at + 1, len(self.lines)):
            line = self.lines[i]
            if _SEARCH.match(line.strip()) or _REPLACE.match(line.strip()):
                within = bool(_SEARCH.match(line.strip()))
            other = _FENCE.match(line)
            if not within and other and other["ticks"].startswith(fence["ticks"]) and not other["info"].strip():
                return i
        return len(self.lines)

    def _block(self, at: int, end: int, fence: re.Match[str]) -> Iterator[Change]:
        indent = len(fence["indent"])
        inner = [line[indent:] if not line[:indent].strip() else line for line in self.lines[at + 1 : end]]
        language, _, rest = fence["info"].strip().partition(" ")
        if any(_SEARCH.match(line) for line in inner):
            yield from self._replacements(inner, self._in_fence(language, rest) or self._heading(at))
        elif language.lower() in _DIFFS or any(patch.begins(inner, i) for i in range(min(3, len(inner)))):
            yield from self._patches(inner)
        elif path := self._in_fence(language, rest) or self._above(at, language) or self._in_comment(inner):
            self.last = path
            yield Whole(path, "".join(f"{line}\n" for line in inner))

    # -- the forms ----------------------------------------------------------------------

    def _patches(self, lines: Sequence[str]) -> Iterator[Change]:
        found = patch.parsed(lines)
        if not found:
            raise Rejected("a diff names no file: it needs lines '--- a/PATH' and '+++ b/PATH'")
        yield from found

    def _replacements(self, lines: list[str], path: str) -> Iterator[Change]:
        at = 0
        while at < len(lines):
            if _SEARCH.match(lines[at]):
                above = next((line for line in reversed(lines[max(0, at - 2) : at]) if line.strip()), "")
                found, at = self._replacement(lines, at, self._path(above) or path)
                yield found
            else:
                at += 1

    def _replacement(self, lines: list[str], at: int, path: str) -> tuple[Replacement, int]:
        middle = next((i for i in range(at, len(lines)) if _DIVIDER.match(lines[i])), None)
        end = next((i for i in range(middle or at, len(lines)) if _REPLACE.match(lines[i])), None)
        if middle is None or end is None:
            raise Rejected("a SEARCH block has no '=======' or no '>>>>>>> REPLACE'")
        self.last = path or self.last
        if not self.last:
            raise Rejected("a SEARCH block names no file: write its path in the line above")
        return Replacement(self.last, tuple(lines[at + 1 : middle]), tuple(lines[middle + 1 : end])), end + 1

    # -- paths --------------------------------------------------------------------------

    def _heading(self, at: int) -> str:
        """The path that stands alone in the line above, or the one above an empty line."""
        above = [line for line in self.lines[max(0, at - 2) : at] if line.strip()]
        return self._path(above[-1]) if above else ""

    def _above(self, at: int, language: str) -> str:
        path = self._heading(at)
        return "" if language.lower() in _MESSAGES or not self._is_file(path) else path

    def _path(self, line: str) -> str:
        word = line.strip().strip("#*-_>").strip().removesuffix(":").strip()
        word = _LABEL.sub("", word.strip("*_").strip()).removesuffix(":")
        quoted = word[:1] == word[-1:] == "`" and len(word) > 2
        word = word.strip("`*\"'").removesuffix(":")
        plain = bool(_NAME.match(word))
        looks = ("/" in word[:-1] and plain) or (bool(_ENDING.search(word)) and (plain or quoted))
        return word if looks or word in self.known else ""

    def _is_file(self, path: str) -> bool:
        return path in self.known or ("://" not in path and bool(_ENDING.search(path)))

    def _in_fence(self, language: str, rest: str) -> str:
        """The path of a fence such as ```python src/calc.py, ```python:src/calc.py or ```python title="calc.py"."""
        if named := _IN_FENCE.search(f"{language} {rest}"):
            return named[1]
        before, colon, after = language.partition(":")
        for word in (after if colon else "", rest.strip(), before):
            if word and _NAME.match(word) and self._is_file(word):
                return word
        return ""

    def _in_comment(self, inner: Sequence[str]) -> str:
        comment = _COMMENT.match(inner[0]) if inner and len(inner[0]) < _LONGEST_COMMENT else None
        word = _LABEL.sub("", comment[1]) if comment else ""
        return word if _NAME.match(word) and self._is_file(word) and not word.startswith("!") else ""


def _shift(search: Sequence[str], there: Sequence[str]) -> str | None:
    """What stands before each line of the file and not before the lines looked for; `None` if they differ otherwise."""
    shift: str | None = None
    for wanted, line in zip(search, there, strict=True):
        if not wanted.strip() and not line.strip():
            continue
        if not wanted.strip() or not line.rstrip().endswith(wanted.rstrip()):
            return None
        more = line.rstrip()[: len(line.rstrip()) - len(wanted.rstrip())]
        if more.strip() or (shift is not None and more != shift):
            return None
        shift = more
    return shift
