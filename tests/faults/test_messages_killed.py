"""Anthropic's message batches in real processes: nothing on one says whose it is, and yet none is paid twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.double import DoubleProcess
from tests.faults.batch_bench import PRICE, PROBLEMS, SAMPLES, lines, named, once, out, prepared, unnamed
from tests.faults.commands import Command, Nursery

ALL = PROBLEMS * SAMPLES


def at(folder: Path, double: DoubleProcess, more: str = "") -> list[str]:
    words = prepared(folder, double.base_url)
    (folder / "pool.toml").write_text(
        '[[expert]]\nid = "m"\nmodel = "anthropic/claude-3-5-haiku-latest"\n'
        f'api_base = "{double.base_url.removesuffix("/v1")}"\nmode = "batch"\n'
        f"sampling = {{ max_tokens = 100 }}\ntimeout = 30\n{PRICE}{more}"
    )
    return words


def served(**messages: Any) -> DoubleProcess:
    return DoubleProcess(answers={"42": 0.6, "41": 0.4}, messages=messages)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> tuple[list[str], Any]:
    folder = tmp_path_factory.mktemp("whole")
    with served(seconds=0.0) as double:
        told = Command(at(folder, double), folder, nursery).end()
        assert once(double.desk())
    assert told["batches"]["calls"] == ALL
    return lines(folder / "run"), told


@pytest.mark.slow
def test_a_batch_that_is_out_when_its_process_is_killed_is_picked_up(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=4.0) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        assert command.kill_when(named(tmp_path / "run"))
        told = Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
        assert double.stats()["delivered"]["samples"] == ALL
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["batches"] == {**undisturbed[1]["batches"], "out": []}


def test_a_batch_that_was_sent_but_not_noted_is_found_by_what_its_results_say(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    """Its answer never came, and the process dies; another's batch of as many requests was made at the same time."""
    with served(seconds=2.0, loses=[0], strangers=[ALL]) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        assert command.kill_when(out(double))
        assert unnamed(tmp_path / "run")
        told = Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert double.desk()["attempts"] == 1
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["results"][0]["paid_usd"] == pytest.approx(undisturbed[1]["results"][0]["paid_usd"])


@pytest.mark.slow
def test_one_that_never_got_there_is_sent_again_once(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    """The process dies while its provider is too busy to take it."""
    with served(busy=[0]) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        assert command.kill_when(lambda: bool(double.desk()["attempts"]))
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_killed_again_and_again_it_is_sent_once(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=12.0) as double:
        words = at(tmp_path, double)
        for _ in range(3):
            command = Command(words, tmp_path, nursery)
            assert command.kill_when(lambda c=command: out(double)() and c.seconds > 1.5)  # type: ignore[misc]
            words = ["resume", "run", "--json"]
        Command(words, tmp_path, nursery).end()
        assert len(double.desk()["batches"]) == 1
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_ctrl_c_leaves_the_batch_out_and_says_so(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=5.0) as double:
        command = Command(at(tmp_path, double), tmp_path, nursery)
        command._watch(named(tmp_path / "run"))
        os.kill(command.pid, signal.SIGINT)
        command.end(130)
        assert f"batch msgbatch_0 of {ALL} calls stays out" in (tmp_path / "stderr").read_text()
        Command(["resume", "run", "--json"], tmp_path, nursery).end()
        assert once(double.desk())
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_what_expires_is_asked_at_once_for_the_same_results(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(expires=[0]) as double:
        told = Command(at(tmp_path, double), tmp_path, nursery).end()
    assert lines(tmp_path / "run") == undisturbed[0]
    assert told["batches"]["calls"] == ALL // 2
    said = f"has expired: {ALL // 2} of its {ALL} calls are asked at once, at full price"
    assert said in (tmp_path / "stderr").read_text()


@pytest.mark.slow
def test_requests_that_fail_come_right_in_the_end(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(faults={"overloaded_error": 0.4}) as double:
        Command(at(tmp_path, double), tmp_path, nursery).end()
        assert len(double.desk()["batches"]) == 2
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_limits_of_a_batch_split_it(tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]) -> None:
    with served(most=5, size=1500) as double:
        more = "batch_requests = 5\nbatch_bytes = 1480\n"
        Command(at(tmp_path, double, more), tmp_path, nursery).end()
        desk = double.desk()
        assert once(desk)
        assert len(desk["batches"]) > 2
        assert desk["attempts"] == len(desk["batches"])
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_a_queue_that_is_full_is_waited_for_while_batches_of_ours_are_in_it(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[list[str], Any]
) -> None:
    with served(seconds=3.0, crowds=8) as double:
        Command(at(tmp_path, double, "batch_requests = 6\n"), tmp_path, nursery).end()
        assert once(double.desk())
        assert double.desk()["attempts"] > 2
    assert lines(tmp_path / "run") == undisturbed[0]


@pytest.mark.slow
def test_an_interrupted_solve_cancels_its_batch_as_nobody_could_find_it(tmp_path: Path, nursery: Nursery) -> None:
    with served(seconds=60.0) as double:
        at(tmp_path, double)
        words = ["solve", "How many?", "--kind", "number", "--pool", "pool.toml", "-s", "self_consistency(samples=4)"]
        command = Command(words, tmp_path, nursery)
        command._watch(out(double))
        command._watch(lambda c=command, s=command.seconds: c.seconds > s + 2.0)  # type: ignore[misc]
        os.kill(command.pid, signal.SIGINT)
        command._watch(lambda: False)
        (batch,) = double.desk()["batches"]
    assert (command.code, batch["request_counts"]["canceled"]) == (130, 2)
    assert "was cancelled; what it had answered by then is billed" in (tmp_path / "stderr").read_text()
