"""The examples run as they stand; the newcomer's package is built, installed and used from all three sides."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_wheel import build

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
NEWCOMER = EXAMPLES / "newcomer"


@dataclass(frozen=True)
class Installed:
    """A place where the newcomer's package is installed beside this one."""

    site: Path

    def run(self, *words: str, cwd: Path, code: int = 0) -> str:
        """What a Python process prints that finds the package."""
        path = os.pathsep.join([str(self.site), str(ROOT)])
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def orchestrator(self, *words: str, cwd: Path, code: int = 0) -> str:
        program = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"
        return self.run("-c", program, *words, cwd=cwd, code=code)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel that its build makes, installed without the network."""
    work = tmp_path_factory.mktemp("newcomer")
    source = work / "source"
    shutil.copytree(NEWCOMER, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    wheel = build("wheel", source, work / "wheel")
    site = work / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True)
    return Installed(site)


class TestNewcomer:
    def test_the_command_line_lists_and_describes_it(self, installed: Installed, tmp_path: Path) -> None:
        assert "step_back" in installed.orchestrator("strategies", cwd=tmp_path)
        shown = json.loads(installed.orchestrator("strategies", "step_back", "--json", cwd=tmp_path))
        assert (shown["origin"], shown["citation"]) == ("package step-back", "Zheng et al., 2024")
        assert [setting["name"] for setting in shown["settings"]] == [
            "lines", "principles", "temperature", "max_tokens",
        ]  # fmt: skip
        assert shown["estimate"]["most"] == 6
        assert len(shown["algorithm"]) == 3

    def test_it_benches_beside_a_built_in_one(self, installed: Installed, tmp_path: Path) -> None:
        words = ("bench", "word_problems", "--limit", "6", "-s", "step_back(lines=2)", "-s", "cot", "--run", "r")
        rows = json.loads(installed.orchestrator(*words, "--json", cwd=tmp_path))["results"]
        assert [(row["strategy"], row["calls"], row["answered"]) for row in rows] == [
            ("step_back(lines=2)", 24, 6),
            ("cot", 6, 6),
        ]
        assert all(row["errors"] == 0 for row in rows)

    def test_a_config_file_sets_it(self, installed: Installed, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "orchestrator.toml").write_text('strategy = "step_back"\n[strategies.step_back]\nlines = 1\n')
        words = ("bench", "word_problems", "--limit", "2", "--run", "r", "--json")
        (row,) = json.loads(installed.orchestrator(*words, cwd=tmp_path))["results"]
        assert (row["strategy"], row["calls"]) == ("step_back(lines=1)", 4)

    def test_a_wrong_setting_of_it_is_told(self, installed: Installed, tmp_path: Path) -> None:
        installed.orchestrator("bench", "mini", "-s", "step_back(line=2)", cwd=tmp_path, code=2)
        installed.orchestrator("bench", "mini", "-s", "step_back(lines=0)", cwd=tmp_path, code=2)

    def test_python_finds_it_by_name_and_as_a_class(self, installed: Installed, tmp_path: Path) -> None:
        program = """
from orchestrator import Budget, solve
from step_back import StepBack
question = "Use 4 7 8 8 to make 24"
one = solve(question, kind="game24", strategy="step_back(lines=2)", seed=3)
two = solve(question, kind="game24", strategy=StepBack(lines=2), seed=3)
nested = solve(question, kind="game24", strategy="moa(inner=step_back(lines=1))", budget=Budget(calls=30))
print(one.answer == two.answer, one.usage.calls, two.usage.calls, nested.stopped_by)
"""
        same, *calls, ended = installed.run("-c", program, cwd=tmp_path).split()
        assert (same, ended) == ("True", "done")
        assert all(0 < int(count) <= 4 for count in calls)

    def test_prompts_of_the_users_own_take_the_place_of_its(self, installed: Installed, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").write_text(
            '[step_back.principles]\ntext = """$problem\n\nList $number properties in rhyme."""\n'
        )
        words = (
            "bench",
            "word_problems",
            "--limit",
            "1",
            "-s",
            "step_back(lines=1)",
            "--prompts",
            "mine.toml",
            "--json",
        )
        (row,) = json.loads(installed.orchestrator(*words, cwd=tmp_path))["results"]
        assert row["calls"] == 2

    def test_its_own_tests_pass(self, installed: Installed, tmp_path: Path) -> None:
        shutil.copytree(NEWCOMER / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        assert "2 passed" in installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)

    def test_it_is_about_sixty_lines(self) -> None:
        assert len((NEWCOMER / "step_back" / "__init__.py").read_text().splitlines()) <= 70


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_every_example_runs_offline(name: str, tmp_path: Path) -> None:
    """Twice, as the second time finds what the first has left."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name)], capture_output=True, text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_the_readme_names_every_example() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or path.name.startswith((".", "__")) or f"({path.name}" in text
