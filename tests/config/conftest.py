"""A home, a repository and files of one's own."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator import strategies
from orchestrator.config import Config, load, user_file

PLANNER = """
from dataclasses import dataclass, field
from pathlib import Path
from orchestrator.registry import strategy

@strategy
@dataclass(frozen=True)
class Planner:
    depth: int = 2
    notes: Path | None = None
    shell: str = field(default="", metadata={"trust": True})

    async def __call__(self, problem, run): ...
"""


@dataclass(frozen=True)
class Place:
    """A user's home with a repository in it."""

    home: Path
    repo: Path

    def user(self, text: str) -> Path:
        return self._put(user_file(), text)

    def project(self, text: str) -> Path:
        return self._put(self.repo / "orchestrator.toml", text)

    def load(self, *, cwd: Path | None = None, environment: dict[str, str] | None = None, **options: object) -> Config:
        return load(cwd or self.repo, options, environment or {})

    def _put(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    home, repo = tmp_path / "home", tmp_path / "home" / "code" / "repo"
    (repo / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    return Place(home, repo)


@pytest.fixture
def planner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A strategy `demo_planner` with a plain setting, one that is a file and one that is a command."""
    (tmp_path / "demo_planner.py").write_text(PLANNER)
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield
    sys.modules.pop("orchestrator.strategies.demo_planner", None)
