"""A candidate's edits, held in memory until all of them are known to be allowed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

_LONGEST = 1024
_LARGEST = 16 * 2**20


class Rejected(Exception):
    """Edits that cannot or must not be made; says why in one line."""


class Change(Protocol):
    """One edit of one file."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it would change, as the candidate names them."""
        ...

    def make(self, draft: Draft) -> None:
        """Makes it.

        Raises:
            Rejected: it does not fit the file as it is.
        """
        ...


@dataclass(slots=True)
class Draft:
    """The files of a copy as the edits so far leave them. Lines end with a line feed; files keep their own ends."""

    copy: Path
    changed: dict[str, str | None] = field(default_factory=dict)
    """By path from the copy; `None` where the file is deleted."""
    executable: set[str] = field(default_factory=set)
    _ends: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """A file's text, `None` where there is none.

        Raises:
            Rejected: the path is not one of the project's own, or its file is no text.
        """
        path = inside(path)
        if path in self.changed:
            return self.changed[path]
        file = self._file(path)
        if not file.exists():
            return None
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            raise Rejected(f"{path} is not UTF-8 text") from None
        if "\r\n" in text:
            self._ends[path] = "\r\n"
        return text.replace("\r\n", "\n")

    def put(self, path: str, text: str | None) -> None:
        """Gives a file a new text, or deletes it with `None`.

        Raises:
            Rejected: the path is not one of the project's own.
        """
        path = inside(path)
        file = self._file(path)
        if text is None and (self.changed[path] is None if path in self.changed else not file.exists()):
            raise Rejected(f"{path} cannot be deleted: there is no such file")
        if text is not None and file.exists() and path not in self._ends:
            self._ends[path] = "\r\n" if b"\r\n" in file.read_bytes()[:65536] else "\n"
        self.changed[path] = text
        if sum(len(new or "") for new in self.changed.values()) > _LARGEST:
            raise Rejected("the edits are larger than 16 MiB")

    def alters(self) -> bool:
        """Whether any file would not be what it is."""
        before = Draft(self.copy)
        for path, text in self.changed.items():
            try:
                if before.read(path) != text:
                    return True
            except Rejected:  # not text, or below a file that goes: in any case something else than what is to come
                return True
        return False

    def save(self) -> None:
        """Writes everything into the copy, deletions first.

        Raises:
            Rejected: the edits contradict each other, such as a file in the place of a folder.
        """
        for path in [path for path, text in self.changed.items() if text is None]:
            self._file(path).unlink(missing_ok=True)
        for path, text in self.changed.items():
            if text is None:
                continue
            file = self._file(path)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.replace("\n", self._ends.get(path, "\n")).encode("utf-8", "surrogatepass"))
            except OSError as error:
                raise Rejected(f"{path} cannot be written: {error.strerror}") from None
            if path in self.executable:
                file.chmod(file.stat().st_mode | 0o111)

    def _file(self, path: str) -> Path:
        """The file in the copy, whose folders are folders and no links.

        Raises:
            Rejected: they are not, or the file is a link, a folder or something else that is no file.
        """
        file = self.copy
        parts = PurePosixPath(path).parts
        for i, part in enumerate(parts, 1):
            file = file / part
            try:
                mode = os.lstat(file).st_mode
            except FileNotFoundError:
                break
            if stat.S_ISLNK(mode):
                raise Rejected(f"{path} leads through the link {PurePosixPath(*parts[:i])}")
            if i < len(parts) and not stat.S_ISDIR(mode):
                if self.changed.get(str(PurePosixPath(*parts[:i])), "") is not None:
                    raise Rejected(f"{path} lies below {PurePosixPath(*parts[:i])}, which is a file")
                break
            if i == len(parts) and not stat.S_ISREG(mode):
                raise Rejected(f"{path} is a folder" if stat.S_ISDIR(mode) else f"{path} is not a plain file")
        return self.copy / path


def inside(path: str) -> str:
    """The path in its plain form, from the project's folder.

    Raises:
        Rejected: it is absolute, leaves the folder, goes into `.git`, or holds what no path should.
    """
    shown = repr(path[:100])
    if not path or len(path) > _LONGEST or any(not c.isprintable() for c in path):
        raise Rejected(f"{shown} is not a path")
    if path.startswith(("/", "~", "\\")) or path[1:2] == ":":
        raise Rejected(f"{shown} is outside the project: paths are relative to its folder")
    if "\\" in path:
        raise Rejected(f"{shown} is not a path: write / between folders")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Rejected(f"{shown} is outside the project: it has '..'")
    if not parts or path.endswith("/"):
        raise Rejected(f"{shown} is a folder")
    # Some file systems also take these for `.git`.
    if any(part.casefold().rstrip(". ") in (".git", "git~1") for part in parts):
        raise Rejected(f"{shown} lies in .git")
    return "/".join(parts)
