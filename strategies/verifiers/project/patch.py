"""Unified diffs as models write them, whose line numbers may be wrong or missing, and the patches of `apply_patch`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .draft import Draft, Rejected

_HUNK = re.compile(r"^@@(?: -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))?)?(?: @@)?(.*)$")
_SECTION = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$")
_NO_END = "\\ No newline"


@dataclass(frozen=True, slots=True)
class Hunk:
    lines: tuple[str, ...]
    """Each with its sign: space, plus or minus."""
    start: int | None = None
    """Line of the old file, from 1; where it is wrong, the nearest place that fits counts."""
    anchor: str = ""
    """A line that comes before."""
    ends: bool | None = None
    """Whether the new file's last line is ended, where the hunk says so."""

    @property
    def old(self) -> list[str]:
        return [line[1:] for line in self.lines if line[0] != "+"]

    def on(self, lines: Sequence[str]) -> list[str]:
        """The new lines; those that stay are the file's own, which may differ from the hunk's in spaces."""
        new: list[str] = []
        at = 0
        for line in self.lines:
            if line[0] != "-":
                new.append(line[1:] if line[0] == "+" else lines[at])
            at += line[0] != "+"
        return new


@dataclass(frozen=True, slots=True)
class FilePatch:
    """Edits of one file; `None` for a side that is not there."""

    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...] = ()
    prefixed: bool = False
    """Whether `a/` and `b/` stood before the paths and were taken off."""
    executable: bool = False
    keeps: bool = False
    """Whether the old file stays, as a copy's does."""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path in (self.old, self.new) if path is not None))

    def make(self, draft: Draft) -> None:
        if self.new is None:
            draft.put(self.old or "", None)
            return
        text = "" if self.old is None else draft.read(self.old)
        if text is None and self.prefixed:
            return FilePatch(f"a/{self.old}", f"b/{self.new}", self.hunks, executable=self.executable).make(draft)
        if text is None:
            raise Rejected(f"the diff changes {self.old}, and there is no such file")
        draft.put(self.new, patched(text, self.hunks, self.new))
        if self.executable:
            draft.executable.add(self.new)
        if self.old not in (None, self.new) and not self.keeps:
            draft.put(self.old, None)


def begins(lines: Sequence[str], at: int) -> bool:
    """Whether a diff or patch begins at this line."""
    line = lines[at]
    if line.startswith(("diff --git ", "*** Begin Patch")) or _SECTION.match(line):
        return True
    return line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def parsed(lines: Sequence[str]) -> list[FilePatch]:
    """The file patches in the text of a diff; lines before the first and between them are passed over.

    Raises:
        Rejected: a binary patch, a link or a submodule, or a path that cannot be read.
    """
    return _Reader(lines).patches()


# -- making ---------------------------------------------------------------------------------


def patched(text: str, hunks: Sequence[Hunk], path: str) -> str:
    """The text with the hunks made, each at the place that fits nearest to where it says.

    Raises:
        Rejected: there is no such place.
    """
    ends = text.endswith("\n") or not text
    lines = text.removesuffix("\n").split("\n") if text else []
    moved, after = 0, 0
    for number, hunk in enumerate(hunks, 1):
        hunk, at = _placed(lines, hunk, moved, after)
        if at is None:
            raise Rejected(f"part {number} of the diff of {path} does not fit the file")
        new = hunk.on(lines[at:])
        lines[at : at + len(hunk.old)] = new
        moved += len(new) - len(hunk.old)
        after = at + len(new)
        ends = hunk.ends if hunk.ends is not None and after == len(lines) else ends
    return "\n".join(lines) + ("\n" if ends and lines else "")


def _placed(lines: list[str], hunk: Hunk, moved: int, after: int) -> tuple[Hunk, int | None]:
    """The hunk as it fits, and its place. Empty lines at its end may only be the end of the block it stood in."""
    at = _place(lines, hunk, moved, after)
    end = len(hunk.lines)
    while end and not hunk.lines[end - 1].strip():
        end -= 1
    if at is None and end < len(hunk.lines):
        hunk = Hunk(hunk.lines[:end], hunk.start, hunk.anchor, hunk.ends)
        at = _place(lines, hunk, moved, after)
    return hunk, at


def _place(lines: list[str], hunk: Hunk, moved: int, after: int) -> int | None:
    old = hunk.old
    if not old:
        return min(len(lines), hunk.start + moved) if hunk.start is not None else len(lines)
    wanted = after if hunk.start is None else hunk.start - 1 + moved
    if hunk.anchor:
        wanted = next((i + 1 for i in range(after, len(lines)) if lines[i].strip() == hunk.anchor), wanted)
    for strip in (str, str.rstrip):
        there, sought = [strip(line) for line in lines], [strip(line) for line in old]
        places = range(len(lines) - len(old) + 1)
        fits = [i for i in places if there[i] == sought[0] and there[i : i + len(old)] == sought]
        if fits:
            # Without a number the first from here on, else the nearest; of two as near, the earlier.
            later = [i for i in fits if i >= wanted]
            return (later or fits)[0] if hunk.start is None else min(fits, key=lambda i: (abs(i - wanted), i))
    return None


# -- reading --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Header:
    """What the lines before the hunks say of a file."""

    old: str | None = None
    new: str | None = None
    named: bool = False
    prefixed: bool = False
    executable: bool = False
    keeps: bool = False
    moves: bool = False
    hunks: list[Hunk] = field(default_factory=list)


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self.at = 0
        self.found: list[FilePatch] = []
        self.header: _Header | None = None

    def patches(self) -> list[FilePatch]:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if section := _SECTION.match(line):
                self._section(section[1], section[2].strip())
            elif line.startswith("diff --git "):
                self._close()
                self.header = _of_git(line)
            elif self.header is not None and self._extended(line, self.header):
                continue
            elif line.startswith("--- ") and self._next().startswith("+++ "):
                self._names(line, self._next())
                self.at += 1
            elif line.startswith("@@") and self.header is not None:
                self.header.hunks.append(self._hunk(line))
        self._close()
        return self.found

    def _next(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def _close(self) -> None:
        header, self.header = self.header, None
        if header is not None and header.old is None and header.new is None:
            raise Rejected("a diff has a file on neither side")
        if header is not None and (header.hunks or header.moves or None in (header.old, header.new)):
            self.found.append(
                FilePatch(header.old, header.new, tuple(header.hunks), header.prefixed, header.executable, header.keeps)
            )

    def _extended(self, line: str, header: _Header) -> bool:
        """Lines of git's between `diff --git` and the hunks."""
        if line.startswith(("GIT binary patch", "Binary files ")):
            raise Rejected("the diff has a binary file")
        key, _, value = line.rpartition(" ")
        if key in ("new file mode", "new mode", "old mode", "deleted file mode"):
            if value.startswith(("12", "16")):
                raise Rejected("the diff has a link or a submodule")
            header.executable = header.executable or (key.startswith("new") and value.endswith("755"))
            header.old = None if key == "new file mode" else header.old
            header.new = None if key == "deleted file mode" else header.new
            return True
        for sign in ("rename from ", "rename to ", "copy from ", "copy to "):
            if line.startswith(sign):
                path = _unquoted(line.removeprefix(sign))
                header.moves, header.keeps, header.prefixed = True, sign.startswith("copy"), False
                header.old, header.new = (path, header.new) if "from" in sign else (header.old, path)
                return True
        return line.startswith(("index ", "similarity index ", "dissimilarity index "))

    def _names(self, old: str, new: str) -> None:
        before = self.header
        if before is None or before.named or before.hunks:
            self._close()
            before = _Header()
        self.header = before
        left, right = _named(old), _named(new)
        prefixed = (left or "a/").startswith("a/") and (right or "b/").startswith("b/")
        if prefixed:
            left, right = left and left[2:], right and right[2:]
        before.old, before.new, before.named, before.prefixed = left, right, True, prefixed

    def _hunk(self, line: str) -> Hunk:
        match = _HUNK.match(line)
        if match is None or match[1] is None:
            return self._body(None, None, (match[4] if match else "").strip().removesuffix("@@").strip())
        counts = int(match[2] or 1), int(match[3] or 1)
        return self._body(int(match[1]), counts, "")

    def _body(self, start: int | None, counts: tuple[int, int] | None, anchor: str) -> Hunk:
        """Lines up to the next hunk or file; where the header's counts are not yet met, these are no borders."""
        body: list[str] = []
        ends: bool | None = None
        old = new = 0
        while self.at < len(self.lines):
            line = self.lines[self.at]
            short = counts is not None and (old < counts[0] or new < counts[1])
            border = begins(self.lines, self.at) and not (short and line[:1] == "-")
            if line.startswith(_NO_END):
                ends = bool(body) and body[-1][0] == "-"
            elif border or line.startswith(("@@", "diff --git ", "*** ")):
                break
            elif line[:1] in (" ", "+", "-", ""):
                body.append(line or " ")
                old += line[:1] != "+"
                new += line[:1] != "-"
            else:
                break
            self.at += 1
        return Hunk(tuple(body), start, anchor, ends)

    def _section(self, what: str, path: str) -> None:
        """`*** Update File: PATH` and the like."""
        self._close()
        if what == "Delete":
            self.found.append(FilePatch(path, None))
            return
        if what == "Add":
            body = self._body(None, None, "")
            self.found.append(FilePatch(None, path, (Hunk(tuple(x for x in body.lines if x[0] == "+")),)))
            return
        self.header = _Header(path, path, named=True)
        if self._next().startswith("*** Move to: "):
            self.header.new, self.header.moves = self._next().removeprefix("*** Move to: ").strip(), True
            self.at += 1
        if not self._next().startswith(("@@", "*** ")):
            self.header.hunks.append(self._body(None, None, ""))


def _of_git(line: str) -> _Header:
    """The names that `diff --git a/X b/X` gives, for files that have no others."""
    words = line.removeprefix("diff --git ")
    half = len(words) // 2
    left, right = words[:half], words[half + 1 :]
    if left[2:] == right[2:] and left.startswith("a/") and right.startswith("b/"):
        return _Header(left[2:], right[2:])
    return _Header("", "")


def _named(line: str) -> str | None:
    path = _unquoted(line[4:].partition("\t")[0].rstrip())
    return None if path == "/dev/null" else path


def _unquoted(path: str) -> str:
    path = path.strip()
    if path.startswith('"'):
        raise Rejected(f"the diff quotes the path {path[:100]}; such names are not supported")
    return path
