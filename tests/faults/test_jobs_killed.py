"""Mistral's batch jobs in real processes: kill -9 while one is out, and before its name is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.double import DoubleProcess
from tests.faults.batch_bench import PRICE, PROBLEMS, SAMPLES, lines, named, once, out, prepared, unnamed
from tests.faults.commands import Command, Nursery


def at(folder: Path, double: DoubleProcess) -> list[str]:
    words = prepared(folder, double.base_url)
    (folder / "pool.toml").write_text(
        f'[[expert]]\nid = "m"\nmodel = "mistral/mistral-small-latest"\napi_base = "{double.base_url}"\n'
        f'mode = "batch"\nsampling = {{ seed = 11, max_tokens = 100 }}\ntimeout = 30\n{PRICE}'
    )
    return words


def served(**jobs: Any) -> DoubleProcess:
    return DoubleProcess(answers={"42": 0.6, "41": 0.4}, jobs=jobs)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> list[str]:
    folder = tmp_path_factory.mktemp("whole")
    with served() as double:
        told = Command(at(folder, double), folder, nursery).end()
        assert once(double.desk())
    assert told["batches"]["calls"] == PROBLEMS * SAMPLES
    return lines(folder / "run")


@pytest.mark.slow
def test_a_job_that_is_out_when_its_process_is_killed_is_picked_up(
    tmp_path: Path, nursery: Nursery, undisturbed: list[str]
) -> None:
    with served(seconds=4.0) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        assert command.kill_when(named(tmp_path / "run"))
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed


def test_a_job_that_was_sent_but_not_noted_is_found_by_its_token(
    tmp_path: Path, nursery: Nursery, undisturbed: list[str]
) -> None:
    with served(seconds=2.0, loses=[0]) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        assert command.kill_when(out(double))
        assert unnamed(tmp_path / "run")
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert double.desk()["attempts"] == 1
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed
