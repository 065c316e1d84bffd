"""What ships: the sdist holds everything, the wheel built from it installs and imports away from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("experts", "strategies", "evals")
TOP = ("orchestrator", *ROOMS, "tests", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")


@dataclass(frozen=True)
class Built:
    sdist: Path
    wheel: Path
    python: Path
    """Of a fresh environment with the wheel in it, and our dependencies within reach."""


def build(kind: str, source: Path, out: Path) -> Path:
    """Builds through setuptools' own hooks in a process of its own; needs no network."""
    out.mkdir(exist_ok=True)
    program = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, str(out)], cwd=source, check=True, capture_output=True, text=True)
    return next(path for path in out.iterdir() if path.name.endswith((".whl", ".tar.gz")))


def install(wheel: Path, folder: Path) -> Path:
    """A fresh environment with the wheel; what it depends on is found where the tests run."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text("\n".join(sorted(here)), encoding="utf-8")
    return python


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    work = tmp_path_factory.mktemp("dist")
    source = work / "source"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in TOP:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source / name)
    sdist = build("sdist", source, work / "sdist")
    shutil.unpack_archive(sdist, work / "unpacked")
    wheel = build("wheel", next((work / "unpacked").iterdir()), work / "wheel")
    return Built(sdist, wheel, install(wheel, work / "env"))


def run(built: Built, program: str, cwd: Path) -> str:
    """What a program prints that runs in the fresh environment, outside the checkout."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([built.python, "-c", program], cwd=cwd, env=bare, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shipped() -> set[str]:
    """The files that users get, as paths in an installation."""
    found = set()
    for folder in ("orchestrator", *ROOMS):
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT)
            linked = folder == "orchestrator" and inside.parts[1] in ROOMS
            if path.is_file() and "__pycache__" not in inside.parts and not linked and path.suffix != ".pyc":
                found.add((inside if folder == "orchestrator" else "orchestrator" / inside).as_posix())
    return found


def test_wheel_holds_every_file_once_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert len(names) == len(set(names))
    assert set(names) == shipped()


def test_wheel_imports_outside_the_checkout(built: Built, tmp_path: Path) -> None:
    program = """
import importlib, json, pkgutil, orchestrator
modules = [m.name for m in pkgutil.walk_packages(orchestrator.__path__, "orchestrator.")]
for name in modules:
    if not name.endswith(".__main__"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "transformers"):  # of the extra `local`
                raise
print(json.dumps([orchestrator.__file__, orchestrator.__version__, modules]))
"""
    file, version, modules = json.loads(run(built, program, tmp_path))
    assert Path(file).is_relative_to(built.python.parent.parent)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version == project["project"]["version"]
    assert set(project["tool"]["setuptools"]["packages"]) <= {"orchestrator", *modules}
    assert len(modules) + 1 == len([path for path in shipped() if path.endswith(".py")])


def test_data_files_are_found_where_the_code_looks(built: Built, tmp_path: Path) -> None:
    program = """
import json
from importlib.resources import files
def count(package, folder, suffix):
    return len([f for f in (files(package) / folder).iterdir() if f.name.endswith(suffix)])
print(json.dumps([
    (files("orchestrator") / "py.typed").is_file(),
    bool((files("orchestrator.types") / "formats.toml").read_text(encoding="utf-8")),
    count("orchestrator.strategies", "prompts", ".toml"),
    count("orchestrator.evals", "data", ""),
]))
"""
    typed, formats, prompts, samples = json.loads(run(built, program, tmp_path))
    assert (typed, formats) == (True, True)
    assert prompts == len(list((ROOT / "strategies/prompts").glob("*.toml"))) > 0
    assert samples == len([path for path in (ROOT / "evals/data").iterdir() if path.is_file()]) > 0


@pytest.mark.parametrize("command", ["orchestrator", "diverse-orchestrator"])
def test_command_runs_outside_the_checkout(built: Built, tmp_path: Path, command: str) -> None:
    done = subprocess.run([built.python.parent / command, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "bench" in done.stdout


def test_sdist_holds_sources_tests_and_papers(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {path.removeprefix("orchestrator/") if path.split("/")[1] in ROOMS else path for path in shipped()}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    papers = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "MANIFEST.in"}
    assert not (sources | tests | papers) - names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith("orchestrator/strategies/")]
