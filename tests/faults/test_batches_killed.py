"""Batches in real processes: kill -9 and Ctrl-C while one is out, and what a provider may do to it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.double import DoubleProcess
from tests.faults.batch_bench import PROBLEMS, SAMPLES, lines, named, once, out, prepared, unnamed
from tests.faults.commands import Command, Nursery


def served(**batches: Any) -> DoubleProcess:
    return DoubleProcess(answers={"42": 0.6, "41": 0.4}, batches=batches)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> tuple[list[str], Any]:
    folder = tmp_path_factory.mktemp("whole")
    with served(seconds=0.0) as double:
        told = Command(prepared(folder, double.base_url), folder, nursery).end()
        assert once(double.desk())
    return lines(folder / "run"), told


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_a_batch_that_is_out_when_its_process_is_killed_is_picked_up(
    client: str, tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=2.5) as double:
        command = Command(prepared(tmp_path, double.base_url, client), tmp_path, nursery)
        assert command.kill_when(named(tmp_path / "run"))
        seen = Command(["runs", "show", "run", "--json"], tmp_path, nursery).end()
        assert [each["calls"] for each in seen["batches"]["out"]] == [PROBLEMS * SAMPLES]
        told = Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
        stats = double.stats()
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["batches"] == {**undisturbed[1]["batches"], "out": []}
    assert stats["delivered"]["samples"] == PROBLEMS * SAMPLES


def test_a_batch_that_was_sent_but_not_noted_is_found_by_its_token(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    """The provider has it, its answer never came, and the process dies while it looks for it."""
    with served(seconds=2.0, loses=[0]) as double:
        command = Command(prepared(tmp_path, double.base_url), tmp_path, nursery)
        assert command.kill_when(out(double))
        assert unnamed(tmp_path / "run")
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert double.desk()["attempts"] == 1
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_killed_again_and_again_it_is_sent_once(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=8.0) as double:
        words = prepared(tmp_path, double.base_url)
        for number in range(3):
            command = Command(words, tmp_path, nursery)
            since = 0.7 * number
            assert command.kill_when(lambda c=command, s=since: out(double)() and c.seconds > s + 1.0)  # type: ignore[misc]
            words = ["resume", "run", "--json"]
        Command(words, tmp_path, nursery).end()
        assert len(double.desk()["batches"]) == 1
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


def test_ctrl_c_leaves_the_batch_out_and_says_so(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=3.0) as double:
        command = Command(prepared(tmp_path, double.base_url), tmp_path, nursery)
        command._watch(named(tmp_path / "run"))
        os.kill(command.pid, signal.SIGINT)
        command.end(130)
        said = (tmp_path / "stderr").read_text()
        assert f"batch batch_0 of {PROBLEMS * SAMPLES} calls stays out" in said
        assert double.desk()["batches"][0]["status"] != "cancelled"
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


def test_what_expires_is_asked_at_once_for_the_same_results(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(expires=[0]) as double:
        told = Command(prepared(tmp_path, double.base_url), tmp_path, nursery).end()
    half = PROBLEMS * SAMPLES // 2
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["batches"]["calls"] == half
    assert told["results"][0]["calls"] == PROBLEMS * SAMPLES
    assert f"{half} of its {2 * half} calls are asked at once, at full price" in (tmp_path / "stderr").read_text()


def test_requests_that_fail_come_right_in_the_end(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(faults={"500": 0.4}) as double:
        Command(prepared(tmp_path, double.base_url), tmp_path, nursery).end()
        assert len(double.desk()["batches"]) == 2
    assert lines(tmp_path / "run") == undisturbed[0]


def test_limits_of_a_file_split_it(tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]) -> None:
    with served(most=5, size=1200) as double:
        more = "batch_requests = 5\nbatch_bytes = 1200\n"
        Command(prepared(tmp_path, double.base_url, more=more), tmp_path, nursery).end()
        desk = double.desk()
        assert once(desk)
        assert len(desk["batches"]) > 2
        assert {batch["status"] for batch in desk["batches"]} == {"completed"}
    assert lines(tmp_path / "run") == undisturbed[0]


def test_an_interrupted_solve_cancels_its_batch_as_nobody_could_find_it(tmp_path: Path, nursery: Nursery) -> None:
    with served(seconds=60.0) as double:
        prepared(tmp_path, double.base_url)
        words = ["solve", "How many?", "--kind", "number", "--pool", "pool.toml", "-s", "self_consistency(samples=4)"]
        command = Command(words, tmp_path, nursery)
        command._watch(lambda: any(batch["status"] == "in_progress" for batch in double.desk()["batches"]))
        os.kill(command.pid, signal.SIGINT)
        command._watch(lambda: False)
        (batch,) = double.desk()["batches"]
    assert (command.code, batch["status"]) == (130, "cancelled")
    assert "was cancelled; what it had answered by then is billed" in (tmp_path / "stderr").read_text()


@pytest.mark.slow
def test_the_seconds_of_a_run_leave_its_batch_for_the_run_that_goes_on(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=10.0) as double:
        command = Command([*prepared(tmp_path, double.base_url), "--run-budget", "seconds=7"], tmp_path, nursery)
        command.end(4)
        assert f"batch batch_0 of {PROBLEMS * SAMPLES} calls stays out" in (tmp_path / "stderr").read_text()
        told = Command(["resume", "run", "--run-budget", "seconds=300", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["results"][0]["paid_usd"] == pytest.approx(undisturbed[1]["results"][0]["paid_usd"])
