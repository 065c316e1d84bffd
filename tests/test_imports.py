"""The rooms and their one-way imports, read out of the source: lower floors never import higher ones.

Imports for type checkers only (under `if TYPE_CHECKING`) are free; imports inside functions count as any other.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("experts", "strategies", "evals")

FLOORS = (
    ("errors", "files", "types"),
    (
        "answers",
        "budget",
        "ledger",
        "lessons",
        "masking",
        "own_prompts",
        "prompts",
        "protocols",
        "recording",
        "skills",
        "trace",
    ),
    ("engine", "sandbox"),
    ("run",),
    ("folder", "registry"),
    ("conduct", "contestant", "fitting", "written"),
    ("blocking", "contest", "response_model", "serving", "workshop"),
    ("step",),
    ("solve",),
    ("config",),
    ("cli",),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}

REACH = {
    "experts": {*FLOORS[0], *FLOORS[1]},
    "strategies": {*FLOORS[0], *FLOORS[1], "registry", "run", "sandbox"},
    "evals": {name for names in FLOORS[:10] for name in names},
}
"""What of the core a room may import, beside the public face."""

COMPOSING = {"serving": {"experts"}, "solve": {"experts"}, "cli": {"experts", "evals"}}
"""Core modules that put rooms together, always inside a function; all others reach rooms through the registry."""

HEAVY = {
    "aiohttp", "antlr4", "jinja2", "latex2sympy2_extended", "litellm", "math_verify", "networkx", "numpy", "openai",
    "pydantic", "rich", "scipy", "sklearn", "starlette", "sympy", "tiktoken", "uvicorn",
}  # fmt: skip
"""Libraries that a module may import at its top only if no other module imports that module at its own top."""

LATE = {"config", "evals"}
"""Rooms that may have such libraries anywhere: seen from outside they are heavy themselves."""


@dataclass(frozen=True)
class Import:
    """One module that `importer` names, as an absolute dotted name."""

    importer: str
    target: str
    where: str
    top: bool
    """At the module's top, so it happens whenever the module is imported."""


@cache
def sources() -> dict[str, Path]:
    """Dotted module name -> file, for everything that ships."""
    found = {}
    for folder in ("orchestrator", *ROOMS):
        base = ROOT / folder
        for path in sorted(base.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if folder == "orchestrator" and len(parts) > 1 and parts[1] in ROOMS:
                continue  # the links that let type checkers find the rooms
            parts = parts if folder == "orchestrator" else ("orchestrator", *parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for name, path in sources().items() for found in imports_of(name, path))


def imports_of(name: str, path: Path) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, top in runtime(ast.parse(path.read_text(encoding="utf-8")), top=True):
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, where, top)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{source}.{alias.name}"
                yield Import(name, target if target in sources() else source, where, top)


def runtime(node: ast.AST, top: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements under `node` that run, and whether they run on import."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, top
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            rest = child.body if isinstance(child.test, ast.UnaryOp) else child.orelse
            for statement in rest:
                yield from runtime(ast.Module([statement], []), top)
        else:
            yield from runtime(child, top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))


def room_of(module: str) -> str:
    """`run` for orchestrator.run, `strategies` for orchestrator.strategies.cot, `` for the face itself."""
    return module.split(".")[1] if module.count(".") else ""


def ours() -> Iterator[tuple[Import, str, str]]:
    """Imports of our own modules, with the rooms of both ends."""
    for found in imports():
        if found.target.split(".")[0] == "orchestrator":
            yield found, room_of(found.importer), room_of(found.target)


def test_every_core_module_has_a_floor() -> None:
    core = {room_of(name) for name in sources()} - {"", *ROOMS}
    assert core <= set(FLOOR), f"give these a floor in {Path(__file__).name}: {sorted(core - set(FLOOR))}"


def test_lower_floors_never_import_higher_ones() -> None:
    assert not [
        f"{found.where} imports {found.target}"
        for found, here, there in ours()
        if here in FLOOR and there in FLOOR and FLOOR[there] > FLOOR[here]
    ]


def test_the_core_reaches_rooms_through_the_registry() -> None:
    assert not [
        f"{found.where} imports {found.target}"
        for found, here, there in ours()
        if here in FLOOR and there in ROOMS and (found.top or there not in COMPOSING.get(here, ()))
    ]


def test_rooms_import_only_what_they_may_of_the_core() -> None:
    assert not [
        f"{found.where} imports {found.target}"
        for found, here, there in ours()
        if here in ROOMS and there in FLOOR and there not in REACH[here]
    ]


def test_sibling_rooms_never_import_each_other() -> None:
    assert not [
        f"{found.where} imports {found.target}"
        for found, here, there in ours()
        if here in ROOMS and there in ROOMS and here != there
    ]


def test_verifiers_and_aggregators_know_neither_strategies_nor_each_other() -> None:
    def corner(module: str) -> str:
        parts = module.split(".")
        if len(parts) > 2 and parts[2].startswith("_"):
            return "shared"  # what several corners build on; it names none of them
        return parts[2] if len(parts) > 2 and parts[2] in ("verifiers", "aggregators") else "strategies"

    assert not [
        f"{found.where} imports {found.target}"
        for found, here, there in ours()
        if here == there == "strategies"
        and corner(found.importer) != "strategies"
        and corner(found.target) not in (corner(found.importer), "shared")
    ]


def test_a_room_imports_itself_relatively() -> None:
    for name, path in sources().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level and room_of(name) in ROOMS:
                assert not f"{node.module}.".startswith(f"orchestrator.{room_of(name)}."), f"{path}:{node.lineno}"


def test_rooms_are_never_top_level_packages() -> None:
    for path in [*sources().values(), *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {name.split(".")[0] for name in named} & set(ROOMS), f"{path} imports {named}"


def test_modules_can_be_imported_in_some_order() -> None:
    graph: dict[str, set[str]] = {name: set() for name in sources()}
    for found, _, _ in ours():
        package = found.importer == found.target or found.importer.startswith(f"{found.target}.")
        if found.top and not package:
            graph[found.importer].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' -> '.join(error.args[1])}")


def test_heavy_libraries_are_imported_late() -> None:
    leaves = set(sources()) - {found.target for found, _, _ in ours() if found.top}

    def heavy(found: Import) -> bool:
        late = found.target.startswith("orchestrator.") and room_of(found.target) in LATE
        return late or found.target.split(".")[0] in HEAVY

    assert not [
        f"{found.where} imports {found.target} at its top, and others import {found.importer} at theirs"
        for found in imports()
        if found.top and heavy(found) and found.importer not in leaves and room_of(found.importer) not in LATE
    ]


@pytest.fixture
def setuptools() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


class TestPackaging:
    def test_every_sub_package_is_listed(self, setuptools: dict[str, list[str]]) -> None:
        packages = {name for name, path in sources().items() if path.name == "__init__.py"}
        assert setuptools["packages"] == sorted(packages)

    def test_every_folder_with_modules_is_a_package(self) -> None:
        for path in sources().values():
            assert (path.parent / "__init__.py").is_file(), path

    def test_rooms_are_mapped_to_their_folders(self, setuptools: dict[str, dict[str, str]]) -> None:
        folders = {"orchestrator": "orchestrator"}
        for name, path in sources().items():
            if path.name == "__init__.py" and room_of(name) in ROOMS:
                folders[name] = path.parent.relative_to(ROOT).as_posix()
        assert setuptools["package-dir"] == folders

    def test_every_data_file_ships(self, setuptools: dict[str, dict[str, list[str]]]) -> None:
        packages = {path.parent: name for name, path in sources().items() if path.name == "__init__.py"}
        for folder in ("orchestrator", *ROOMS):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_dir() or path.suffix in (".py", ".pyc") or path.relative_to(ROOT).parts[1] in ROOMS:
                    continue
                home = next(parent for parent in path.parents if parent in packages)
                globs = setuptools["package-data"].get(packages[home], [])
                inside = path.relative_to(home).as_posix()
                assert any(fnmatch(inside, glob) for glob in globs), f"{path} would not ship"
