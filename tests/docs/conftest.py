"""A place where the blocks of one page run: its own folder and home, no key, nobody to reach."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import runpy
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestrator.cli.app import app
from orchestrator.cli.failures import exit_code
from orchestrator.config import load
from orchestrator.experts.pool import read_pool
from orchestrator.experts.scripted import from_file
from orchestrator.own_prompts import read_own_prompts
from orchestrator.types import Expert, Price
from tests.docs.blocks import ROOT, Block, commands_of

REWRITE = "REWRITE_DOCS"
"""Variable that, when it is set, has outputs that have changed written into the pages; look at the difference then."""

_COLUMNS = "80"
_TIMED = ("calls", "tokens")
"""Columns that are not compared: what was under way when a check ended a search is a matter of timing."""


class Stage:
    """Runs the blocks of a page, one after the other, in one folder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._patch, self._capture = folder, patch, capture
        self.printed = ""
        """What the block before printed on standard output."""

    def run(self, block: Block) -> None:
        """Does with a block what its language and its marks say."""
        if "file" in block.marks:
            path = self.folder / block.marks["file"]
            path.write_text(block.text, encoding="utf-8")
            self._check_file(path)
        elif "output" in block.marks:
            self._compare(block)
        elif block.language == "bash":
            self._commands(block)
        elif block.language == "python":
            self._program(block)

    def _compare(self, block: Block) -> None:
        if _plain(self.printed) == _plain(block.text):
            return
        if os.environ.get(REWRITE):
            page = block.page.read_text(encoding="utf-8")
            block.page.write_text(page.replace(block.text, f"{self.printed.rstrip()}\n"), encoding="utf-8")
            return
        raise AssertionError(f"{block.where}: the command prints\n{self.printed}\n({REWRITE}=1 puts that in its place)")

    def _check_file(self, path: Path) -> None:
        """Has a TOML file read by what reads such files; one for a strategy is read by the commands that use it."""
        if path.suffix != ".toml":
            return
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if path.name == "pyproject.toml":
            self._install(table["project"])
        elif path.name == "orchestrator.toml":
            load(cwd=path.parent)
        elif "rule" in table:
            from_file(path, "script")
        elif path.name == "prompts.toml":
            read_own_prompts(path)
        elif "expert" in table or "pool" in path.name:
            read_pool(path)

    def _install(self, project: Mapping[str, Any]) -> None:
        """Lets Python find a project's entry points, as it would when the project was installed."""
        info = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
        groups = project["entry-points"].items()
        lines = [
            line for group, points in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        importlib.invalidate_caches()

    def _commands(self, block: Block) -> None:
        needs = "needs" in block.marks
        commands = commands_of(block)
        printed = []
        for number, words in enumerate(commands):
            if words[0] == "export" and not needs:
                name, _, value = words[1].partition("=")
                self._patch.setenv(name, value)
                continue
            if needs and words[0] != "orchestrator":
                continue
            assert words[0] == "orchestrator", f"{block.where}: no test can run `{' '.join(words)}`; mark what it needs"
            last = number == len(commands) - 1
            wanted = int(block.marks.get("exit", "0")) if last else 0
            if needs:
                _check_options(words[1:], block.where)
                words = _harmless(words)
            if words:
                printed.append(self._command(words, wanted, block.where))
        self.printed = "".join(printed)

    def _command(self, words: Sequence[str], wanted: int, where: str) -> str:
        self._patch.setattr(sys, "argv", list(words))
        self._patch.setattr(sys, "stdin", io.StringIO(""))
        self._capture.readouterr()
        ended = exit_code(app)
        out, err = self._capture.readouterr()
        assert ended == wanted, f"{where}: `{' '.join(words)}` ends with {ended}, not {wanted}:\n{out}\n{err}"
        return out

    def _program(self, block: Block) -> None:
        path = self.folder / f"line_{block.line}.py"
        path.write_text(block.text, encoding="utf-8")
        if "needs" in block.marks:
            self._patch.setattr("orchestrator.experts.pool.experts_of", _simulated)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(path), run_name="__main__")
        self.printed = printed.getvalue()


def _simulated(ids: Sequence[str], **_: object) -> tuple[Expert, ...]:
    """Experts with the ids asked for whom a simulated one answers for."""
    return tuple(Expert(name, "sim:ada", client="sim", price=Price()) for name in ids)


def _harmless(words: list[str]) -> list[str]:
    """A command that asks somebody, as one that only tells what it would take; none for what has no such form."""
    foreign = any(word.endswith(".jsonl") and not Path(word).exists() for word in words)
    if foreign or words[1] not in ("solve", "bench"):
        return []
    return words if "--dry-run" in words else [*words, "--dry-run"]


def _check_options(words: list[str], where: str) -> None:
    """Parses a command's options without running it."""
    # Any: of the click that typer brings along or finds, depending on its version.
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        context = command.make_context(command.name, list(words))
        rest = [*context._protected_args, *context.args]
        assert rest, f"{where}: no command is named"
        assert rest[0] in command.commands, f"{where}: there is no command '{rest[0]}'"
        command, words = command.commands[rest[0]], rest[1:]
    command.make_context(command.name, list(words))


def _plain(text: str) -> list[list[str]]:
    """Cells of each line, without what columns are set with and without those that timing may change."""
    lines = [re.split(r"\s{2,}", re.sub("─+", "─", line.strip())) for line in text.strip().splitlines()]
    timed = {i for i, name in enumerate(lines[0] if lines else ()) if name in _TIMED}
    return [[cell for i, cell in enumerate(line) if i not in timed] for line in lines]


@pytest.fixture
def stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Stage]]:
    """Opens a stage; in one for a page that is read in a clone, the clone's files are there."""
    before = set(sys.modules)

    def opened(in_clone: bool = False) -> Stage:
        work = tmp_path / "work"
        (work / ".git").mkdir(parents=True)
        for name in os.listdir(ROOT) if in_clone else ():
            if not name.startswith("."):
                (work / name).symlink_to(ROOT / name)
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("COLUMNS", _COLUMNS)
        monkeypatch.setattr("orchestrator.cli.local_servers.find", lambda *_: [])
        monkeypatch.setattr("orchestrator.cli.embedded.find", lambda *_: [])
        monkeypatch.chdir(work)
        monkeypatch.syspath_prepend(work)
        return Stage(work, monkeypatch, capsys)

    yield opened
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
