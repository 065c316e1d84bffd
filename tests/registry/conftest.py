"""Rooms filled with strategies of our own, written as files a user could write."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.registry import ROOMS, Group

DEMO = '''
"""Strategies for these tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem

if TYPE_CHECKING:
    from orchestrator.protocols import Aggregator, Strategy, Verifier
    from orchestrator.run import Run
'''

PLANNER = (
    DEMO
    + '''

@strategy
@dataclass(frozen=True, slots=True)
class Planner:
    """Plans before it writes (Doe et al., 2024).

    Departs from the paper: plans are numbered.
    """

    depth: int = 2
    """Layers of plans."""
    ratio: float = 0.5
    style: Literal["short", "long"] = "short"
    title: str | None = None
    """What stands
    above a plan."""
    steps: tuple[int, ...] = (1, 2)
    weights: Mapping[str, float] = field(default_factory=dict)
    notes: Path | None = None
    shell: str = field(default="", metadata={"trust": True})

    async def __call__(self, problem: Problem, run: Run) -> None: ...

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(1, self.depth, 2 * self.depth, self.depth)
'''
)

NESTING = (
    DEMO
    + '''

@strategy
@dataclass(frozen=True)
class Nesting:
    """Runs others inside.

    arXiv 2401.00001
    """

    inner: Strategy
    others: tuple[Strategy, ...] = ()
    check: Verifier | None = None
    vote: Aggregator | None = None
    depth: int = 1

    async def __call__(self, problem: Problem, run: Run) -> None: ...
'''
)

FORMATTED = (
    DEMO
    + '''

@dataclass(frozen=True)
class _Base:
    strict: bool = False


@dataclass(frozen=True)
class Formatted(_Base):
    """Looks at the form."""

    async def __call__(self, problem, candidate, run): ...


@dataclass(frozen=True)
class Plain:
    """No verifier: it cannot be called."""

    x: int = 0
'''
)

FIRST = (
    DEMO
    + '''

@dataclass(frozen=True)
class First:
    """Takes the first."""

    async def __call__(self, problem, scored, run): ...
'''
)

CLIENT = '''
"""Serves nobody."""


def backend(expert):
    return expert.id
'''

Write = Callable[[Group, str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Puts a module into a room for the length of a test."""
    packages = {group: importlib.import_module(room.package) for group, room in ROOMS.items()}
    before = {group: list(package.__path__) for group, package in packages.items()}
    loaded = set(sys.modules)

    def put(group: Group, name: str, source: str) -> None:
        folder = tmp_path / "rooms" / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(source)
        if str(folder) not in packages[group].__path__:
            packages[group].__path__.append(str(folder))
        importlib.invalidate_caches()

    yield put
    for group, package in packages.items():
        package.__path__[:] = before[group]
        for name in set(sys.modules) - loaded:
            if name.startswith(f"{package.__name__}."):
                del sys.modules[name]
                vars(package).pop(name.rpartition(".")[2], None)


@pytest.fixture
def rooms(write: Write) -> None:
    """A few things of each kind."""
    write("strategies", "demo_planner", PLANNER)
    write("strategies", "demo_nesting", NESTING)
    write("verifiers", "demo_formatted", FORMATTED)
    write("aggregators", "demo_first", FIRST)
    write("clients", "demo_client", CLIENT)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a distribution with entry points: a module and its dist-info on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    made: list[str] = []

    def put(distribution: str, module: str, source: str, entry_points: str) -> None:
        (site / f"{module}.py").write_text(source)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        made.append(module)
        importlib.invalidate_caches()

    yield put
    for module in made:
        sys.modules.pop(module, None)
