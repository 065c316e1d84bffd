"""Public is what `orchestrator` exports: at run time, for type checkers and in `__all__` the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import orchestrator
from orchestrator import errors

FACE = Path(orchestrator.__file__)


def homes() -> dict[str, str]:
    """Name -> module, as type checkers read the face."""
    blocks = [n for n in ast.parse(FACE.read_text(encoding="utf-8")).body if isinstance(n, ast.If)]
    typed = next(b for b in blocks if isinstance(b.test, ast.Name) and b.test.id == "TYPE_CHECKING")
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 1 and alias.asname is None for node in imports for alias in node.names)
    return {alias.name: f"orchestrator.{node.module}" for node in imports for alias in node.names}


def test_all_is_what_type_checkers_see() -> None:
    assert sorted(orchestrator.__all__) == sorted({*homes(), "__version__"})


@pytest.mark.parametrize(("name", "module"), homes().items())
def test_name_is_the_one_that_type_checkers_see(name: str, module: str) -> None:
    assert getattr(orchestrator, name) is vars(import_module(module))[name]
    assert name in dir(orchestrator)


def test_every_error_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(orchestrator.__all__)


def test_version_is_the_distribution_s() -> None:
    pyproject = (FACE.parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{orchestrator.__version__}"' in pyproject


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'orchestrator' has no attribute 'sovle'"):
        _ = orchestrator.sovle  # type: ignore[attr-defined]


def test_solve_stays_the_function_when_its_module_is_imported_first() -> None:
    program = "import orchestrator.solve; print(orchestrator.solve.__name__, callable(orchestrator.solve))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["solve", "True"]


def test_star_import_brings_everything() -> None:
    names: dict[str, object] = {}
    exec("from orchestrator import *", names)
    assert set(orchestrator.__all__) <= set(names)
