"""A bench from its set to its lines: what is written, what is not, and what a resumed run makes of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import answers
from orchestrator.budget import Budget
from orchestrator.errors import (
    BadRequest,
    BenchmarkError,
    ConnectionLost,
    JournalError,
    SandboxUnavailable,
    VerifierError,
    WrongKey,
)
from orchestrator.evals import entry, runner
from orchestrator.evals.case import Case
from orchestrator.evals.runner import PATIENCE, Bench
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunFolder
from orchestrator.sandbox import Sandbox
from orchestrator.types import Request

from .benching import Watcher, bench, cases, doubled, lines, open_calls, plan_of, rows, traced

VOTE = "self_consistency(samples=3)"


def test_there_is_one_line_for_each_problem_strategy_and_seed(tmp_path: Path) -> None:
    plan = plan_of(ScriptedExpert(doubled), strategies=("cot", VOTE), seeds=(0, 1))
    work, table = bench(tmp_path / "run", plan, cases(5))
    keys = {(row["problem"], row["strategy"], row["seed"]) for row in rows(tmp_path / "run")}
    assert keys == {(f"toy/{i}", name, seed) for i in range(5) for name in ("cot", VOTE) for seed in (0, 1)}
    assert len(rows(tmp_path / "run")) == work.lines == 20
    assert work.problems == 5
    assert work.complete
    assert [row["solved"] for row in table] == [10, 10]


def test_lines_tell_nothing_of_usage_times_or_what_a_cache_gave(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), strategies=("cot", VOTE)), cases(2))
    names = {name for row in rows(tmp_path / "run") for name in row} | {
        name for row in rows(tmp_path / "run") for candidate in row["candidates"] for name in candidate
    }
    assert not names & {"usage", "calls", "cached_calls", "seconds", "usd", "paid_usd", "tokens", "at", "path", "place"}


def test_a_trace_stands_before_its_line_and_ends_with_what_was_used(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(3))
    by_problem = {
        f"toy/{i}": [row for row in traced(tmp_path / "run") if row["problem"] == f"toy/{i}"] for i in range(3)
    }
    for events in by_problem.values():
        assert [event["kind"] for event in events][-2:] == ["stop", "usage"]
        assert events[-1]["usage"]["calls"] == 1


class TestResume:
    def test_only_what_has_no_line_is_run(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        _, first = bench(tmp_path / "run", plan_of(expert), cases(4))
        asked = len(expert.requests)
        work, again = bench(tmp_path / "run", plan_of(expert), cases(6))
        assert [request.labels.problem for request in expert.requests[asked:]] == ["toy/4", "toy/5"]
        assert (first[0]["solved"], again[0]["solved"]) == (4, 6)
        assert again[0]["calls"] == 6
        assert work.lines == 6

    @pytest.mark.parametrize("torn", ["", '{"problem":"toy/3","strat'])
    def test_a_kill_between_the_trace_and_the_line_counts_nothing_twice(self, tmp_path: Path, torn: str) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        _, undisturbed = bench(tmp_path / "other", plan_of(expert), cases(5))
        bench(folder, plan_of(expert), cases(4))
        whole = (folder / "results.jsonl").read_text().splitlines(keepends=True)
        (folder / "results.jsonl").write_text("".join(line for line in whole if "toy/3" not in line) + torn)
        for _ in range(2):
            _, table = bench(folder, plan_of(expert), cases(5))
            assert {name: table[0][name] for name in ("calls", "prompt_tokens", "completion_tokens")} == {
                name: undisturbed[0][name] for name in ("calls", "prompt_tokens", "completion_tokens")
            }
        usage = [row["problem"] for row in traced(folder) if row["kind"] == "usage"]
        assert sorted(usage) == [f"toy/{i}" for i in range(5)]
        assert lines(folder) == lines(tmp_path / "other")

    def test_a_trace_cut_off_within_a_problem_is_dropped_with_its_beginning(self, tmp_path: Path) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        bench(folder, plan_of(expert), cases(3))
        with (folder / "trace.jsonl").open("a") as out:
            out.write(
                '{"problem":"toy/3","strategy":"cot","seed":0,"kind":"call","place":[],"at":0.1}\n{"problem":"toy/3"'
            )
        bench(folder, plan_of(expert), cases(4))
        assert [row["kind"] for row in traced(folder) if row["problem"] == "toy/3"] == ["call", "emit", "stop", "usage"]

    def test_rows_of_the_trace_that_belong_to_no_problem_stay(self, tmp_path: Path) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        bench(folder, plan_of(expert), cases(1))
        with (folder / "trace.jsonl").open("a") as out:
            out.write('{"kind":"note"}\n{"problem":"toy/7","strategy":"cot","seed":0,"kind":"call"}\n')
        bench(folder, plan_of(expert), cases(1))
        assert [row["kind"] for row in traced(folder) if "problem" not in row] == ["note"]
        assert "toy/7" not in {row.get("problem") for row in traced(folder)}

    def test_seconds_are_those_of_all_invocations(self, tmp_path: Path) -> None:
        seconds = []
        for count in (2, 4):
            expert = ScriptedExpert(doubled, latency=0.2)
            _, table = bench(tmp_path / "run", plan_of(expert, concurrency=1), cases(count))
            seconds.append(table[0]["seconds"])
        assert seconds[0] >= 0.4
        assert seconds[1] >= seconds[0] + 0.4

    def test_a_line_of_a_row_that_the_plan_no_longer_has_is_kept_and_not_counted(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        bench(tmp_path / "run", plan_of(expert, strategies=("cot", VOTE)), cases(2))
        _, table = bench(tmp_path / "run", plan_of(expert, strategies=("cot",)), cases(3))
        assert [(row["strategy"], row["solved"]) for row in table] == [("cot", 3)]
        assert len(lines(tmp_path / "run")) == 5


class TestInterrupt:
    """Signals come when the bench has got to a certain point, as its watcher sees it."""

    @staticmethod
    def sender(number: int, when: Callable[[Bench], bool]) -> Watcher:
        """Sends a signal to this process, once, when the bench has got so far."""
        sent: list[int] = []

        def act(work: Bench) -> None:
            if when(work) and not sent:
                sent.append(number)
                os.kill(os.getpid(), number)

        return Watcher(act)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
    def test_once_lets_what_is_out_land_and_resumes_to_the_undisturbed_result(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        expert = ScriptedExpert(doubled, latency=0.05, max_n=1)
        settings = {"strategies": (VOTE,), "concurrency": 4}
        bench(tmp_path / "whole", plan_of(expert, **settings), cases(20))
        del expert.batches[:]
        work, _ = bench(
            tmp_path / "run", plan_of(expert, **settings), cases(20), self.sender(number, lambda work: work.lines >= 4)
        )
        assert work.interrupted
        assert not work.complete
        assert 4 <= len(lines(tmp_path / "run")) < 20
        asked = len(expert.requests)
        again, _ = bench(tmp_path / "run", plan_of(expert, **settings), cases(20))
        assert again.complete
        assert not again.interrupted
        assert lines(tmp_path / "run") == lines(tmp_path / "whole")
        assert len(expert.requests) == 60, f"{asked} before the signal were all kept"

    def test_samples_that_are_out_are_kept_though_their_siblings_are_refused(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled, latency=0.3, max_n=1)
        plan = plan_of(expert, strategies=(VOTE,))
        plan = replace(plan, experts=(replace(expert.value, concurrency=2),))
        bench(tmp_path / "run", plan, cases(1), self.sender(signal.SIGINT, lambda work: bool(expert.batches)))
        assert len(expert.requests) == 2
        work, _ = bench(tmp_path / "run", plan, cases(1))
        assert work.complete
        assert len(expert.requests) == 3

    def test_twice_ends_at_once(self, tmp_path: Path) -> None:
        def never(request: Request) -> asyncio.Future[str]:
            return asyncio.get_running_loop().create_future()

        expert = ScriptedExpert(never)

        def act(work: Bench) -> None:
            if expert.batches:
                os.kill(os.getpid(), signal.SIGINT)

        work, _ = bench(tmp_path / "run", plan_of(expert), cases(3), Watcher(act, every=0.02))
        assert work.interrupted
        assert lines(tmp_path / "run") == []
        assert open_calls(tmp_path / "run") == 0

    @pytest.mark.parametrize("at", ["before it is waited for", "while it is waited for"])
    def test_nobody_waits_for_what_calls_would_need(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
    ) -> None:
        async def never(experts: object) -> None:
            if at.startswith("while"):
                os.kill(os.getpid(), signal.SIGINT)
            await asyncio.get_running_loop().create_future()

        async def prepared(work: Bench, case: Case) -> None:
            if at.startswith("before"):
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(9):  # passes, in which the signal arrives
                    await asyncio.sleep(0)
                assert work.interrupted

        async def main(folder: RunFolder) -> None:
            work = Bench(plan_of(expert), folder)
            async with asyncio.timeout(20):
                await work(cases(3))
            assert work.interrupted

        expert = ScriptedExpert(doubled)
        monkeypatch.setattr(runner, "warm", never)
        monkeypatch.setattr(Bench, "_prepare", prepared)
        with RunFolder.create(tmp_path / "run", {}) as folder:
            asyncio.run(main(folder))
        assert (expert.requests, lines(tmp_path / "run")) == ([], [])

    def test_what_had_ended_when_the_signal_came_is_no_interruption(self, tmp_path: Path) -> None:
        work, table = bench(
            tmp_path / "run",
            plan_of(ScriptedExpert(doubled)),
            cases(2),
            self.sender(signal.SIGINT, lambda work: work.lines == 2),
        )
        assert table[0]["solved"] == 2
        assert not work.interrupted

    def test_the_handlers_of_the_process_come_back(self, tmp_path: Path) -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(1))
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


class TestRunBudget:
    def test_a_cut_problem_has_no_line_and_a_larger_budget_goes_on(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        settings = {"strategies": (VOTE,), "concurrency": 2}
        bench(tmp_path / "whole", plan_of(expert, **settings), cases(10))
        work, table = bench(tmp_path / "run", plan_of(expert, run_budget=Budget(calls=10), **settings), cases(10))
        assert "run" in work.out_of_budget
        assert table[0]["calls"] <= 10
        assert {row["stopped_by"] for row in rows(tmp_path / "run")} == {"done"}
        bench(tmp_path / "run", plan_of(expert, run_budget=Budget(calls=30), **settings), cases(10))
        assert lines(tmp_path / "run") == lines(tmp_path / "whole")

    def test_seconds_hold_over_resumes(self, tmp_path: Path) -> None:
        plan = plan_of(ScriptedExpert(doubled, latency=0.2), concurrency=1, run_budget=Budget(seconds=0.5))
        first, table = bench(tmp_path / "run", plan, cases(10))
        second, _ = bench(tmp_path / "run", plan, cases(10))
        assert "seconds" in first.out_of_budget
        assert first.lines == second.lines <= 2
        assert table[0]["seconds"] < 1.5


class TestLostExperts:
    def test_a_wrong_key_ends_the_run_at_the_first_refusal_without_a_line(self, tmp_path: Path) -> None:
        def refuse(request: Request) -> str:
            raise WrongKey("invalid key", expert="scripted")

        expert = ScriptedExpert(refuse)
        work, _ = bench(tmp_path / "run", plan_of(expert, concurrency=8), cases(1000))
        assert "invalid key" in str(work.lost)
        assert len(expert.requests) <= 8
        assert work.problems <= 9
        assert lines(tmp_path / "run") == []
        mended = ScriptedExpert(doubled)
        again, table = bench(tmp_path / "run", plan_of(mended), cases(20))
        assert again.lost is None
        assert table[0]["solved"] == 20

    def test_a_problem_that_lost_its_last_expert_midway_has_no_line_whatever_it_had(self, tmp_path: Path) -> None:
        def revoked(request: Request) -> str:
            if request.sample_index == 2:
                raise WrongKey("revoked", expert="scripted")
            return doubled(request)

        expert = ScriptedExpert(revoked, max_n=1)
        work, _ = bench(tmp_path / "run", plan_of(expert, strategies=(VOTE,)), cases(1))
        assert work.lost is not None
        assert lines(tmp_path / "run") == []

    def test_rows_with_experts_left_are_finished(self, tmp_path: Path) -> None:
        def refuse(request: Request) -> str:
            raise WrongKey("invalid key", expert="bad")

        bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
        work, table = bench(tmp_path / "run", plan_of(bad, good, per_expert=True, concurrency=4), cases(50))
        assert set(work.gone) == {"cot @ bad"}
        assert "invalid key" in str(work.lost)
        assert {row["strategy"]: row["solved"] for row in table} == {"cot @ bad": 0, "cot @ good": 50}
        assert {row["strategy"] for row in rows(tmp_path / "run")} == {"cot @ good"}
        assert len(bad.requests) <= 4
        assert not work.complete

    def test_a_strategy_whose_only_expert_is_lost_is_given_up_though_others_live(self, tmp_path: Path) -> None:
        def refuse(request: Request) -> str:
            raise WrongKey("invalid key", expert="bad")

        bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
        work, _ = bench(tmp_path / "run", plan_of(bad, good, strategies=("cot", VOTE), concurrency=1), cases(100))
        assert set(work.gone) == {"cot"}
        found = [row["strategy"] for row in rows(tmp_path / "run")]
        assert found.count(VOTE) == 100
        assert found.count("cot") == 0
        assert len(bad.requests) == 1

    def test_a_problem_without_anybody_to_ask_has_no_line_and_is_told_of(self, tmp_path: Path) -> None:
        def refuse(request: Request) -> str:
            raise WrongKey("invalid key", expert="bad")

        bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
        work, _ = bench(tmp_path / "run", plan_of(bad, good), cases(PATIENCE - 1))
        assert not work.gone
        assert "invalid key" in str(work.lost)
        assert not work.complete
        assert lines(tmp_path / "run") == []

    def test_failures_that_are_not_the_experts_end_are_error_lines(self, tmp_path: Path) -> None:
        def flaky(request: Request) -> str:
            if "twice 3?" in request.messages[-1].text:
                raise BadRequest("content policy", expert="scripted")
            return doubled(request)

        _, table = bench(tmp_path / "run", plan_of(ScriptedExpert(flaky)), cases(6))
        assert (table[0]["errors"], table[0]["solved"], table[0]["graded"]) == (1, 5, 6)


class TestFaultsOfOurOwn:
    """A grader or a strategy that fails is no reason to lose what was paid for."""

    @staticmethod
    def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, *ids: str) -> None:
        """Has the grader fail on some problems, or on all."""
        whole = entry.Grader

        class Failing(whole):
            def __init__(self, case: Case, box: Sandbox | None = None) -> None:
                super().__init__(case, box)
                self.fails = not ids or case.problem.id in ids

            async def __call__(self, answer: str | None, text: str | None = None) -> bool | None:
                if self.fails:
                    raise error
                return await super().__call__(answer, text)

        monkeypatch.setattr(entry, "Grader", Failing)

    @pytest.mark.parametrize(
        "error", [VerifierError("the tests cannot be read"), ValueError("too many digits")], ids=["verifier", "bug"]
    )
    def test_one_problem_gets_an_error_line_that_names_it_and_the_rest_go_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        self.failing(monkeypatch, error, "toy/2")
        watcher = Watcher()
        work, table = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(6), watcher)
        (bad,) = [row for row in rows(tmp_path / "run") if row["status"] == "error"]
        assert bad["problem"] == "toy/2"
        assert bad["error"] == f"{type(error).__name__}: {error}"
        assert bad["correct"] is False
        assert (table[0]["errors"], table[0]["solved"], table[0]["graded"]) == (1, 5, 6)
        assert table[0]["calls"] == 6
        assert work.complete
        (told,) = watcher.told
        assert "toy/2" in told
        assert str(error) in told
        (event,) = [row for row in traced(tmp_path / "run") if row["kind"] == "crash"]
        assert event["where"].startswith("test_runner.py:")

    def test_problems_that_a_strategy_cannot_do_are_wrong_and_end_nothing(self, tmp_path: Path) -> None:
        watcher = Watcher()
        plan = plan_of(ScriptedExpert(doubled), strategies=("cot", "codenames"))
        work, table = bench(tmp_path / "run", plan, cases(2 * PATIENCE), watcher)
        counts = {row["strategy"]: (row["errors"], row["solved"], row["graded"], row["calls"]) for row in table}
        assert counts == {"cot": (0, 16, 16, 16), "codenames": (16, 0, 16, 0)}
        assert work.complete
        (told,) = watcher.told
        assert "codenames: no completion: strategy codenames needs a board: problem 'toy/" in told

    def test_a_resumed_run_counts_an_error_line_like_any_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.failing(monkeypatch, VerifierError("no"), "toy/1")
        _, first = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(4))
        _, again = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(4))
        seconds = {"seconds": 0}
        assert {**first[0], **seconds} == {**again[0], **seconds}

    def test_a_fault_of_every_problem_ends_the_run_with_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.failing(monkeypatch, ValueError("typo"))
        with pytest.raises(ValueError, match="typo"):
            bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=1), cases(1000))
        assert len(lines(tmp_path / "run")) == PATIENCE

    def test_a_sandbox_that_is_not_there_ends_the_run_and_keeps_what_there_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.failing(monkeypatch, SandboxUnavailable("no processes"), "toy/5")
        with pytest.raises(SandboxUnavailable):
            bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=2), cases(1000))
        kept = {row["problem"] for row in rows(tmp_path / "run")}
        assert kept >= {f"toy/{i}" for i in range(5)}
        assert "toy/5" not in kept
        assert len(kept) < 10

    def test_a_full_disk_is_one_clear_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(self: RunFolder, row: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(RunFolder, "append_result", full)
        with pytest.raises(JournalError, match="No space left on device"):
            bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(3))

    def test_a_set_that_breaks_off_lets_what_is_under_way_end(self, tmp_path: Path) -> None:
        def broken() -> Iterator[Case]:
            yield from cases(5)
            raise BenchmarkError("not JSON", "set.jsonl", 6)

        expert = ScriptedExpert(doubled, latency=0.05)
        with pytest.raises(BenchmarkError, match=r"set\.jsonl:6"):
            bench(tmp_path / "run", plan_of(expert), broken())
        assert len(lines(tmp_path / "run")) == 5

    @pytest.mark.parametrize("fails", [True, False])
    def test_pools_are_let_go_of_whatever_happens(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
    ) -> None:
        closed = []

        async def aclose(*who: Sandbox) -> None:
            closed.extend(who or ["answers"])

        monkeypatch.setattr(answers, "aclose", aclose)
        monkeypatch.setattr(Sandbox, "aclose", aclose)
        if fails:
            self.failing(monkeypatch, SandboxUnavailable("no processes"))
            with pytest.raises(SandboxUnavailable):
                bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2))
        else:
            bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2))
        assert [type(one).__name__ for one in closed] == ["Sandbox", "str"]


class TestStreaming:
    def test_the_set_is_read_no_further_than_there_is_room(self, tmp_path: Path) -> None:
        read: list[int] = []

        def counted() -> Iterator[Case]:
            for i, case in enumerate(cases(200)):
                read.append(i)
                yield case

        ahead: list[int] = []
        bench(
            tmp_path / "run",
            plan_of(ScriptedExpert(doubled), concurrency=4),
            counted(),
            Watcher(lambda work: ahead.append(len(read) - work.lines)),
        )
        assert len(read) == 200
        assert max(ahead) <= 5

    def test_a_resumed_run_that_has_little_to_do_still_lets_others_run(self, tmp_path: Path) -> None:
        plan = plan_of(ScriptedExpert(doubled))
        bench(tmp_path / "run", plan, cases(1000))
        watcher = Watcher()
        bench(tmp_path / "run", plan, cases(1000), watcher)
        assert watcher.looks >= 10


def test_results_of_a_run_can_be_read_as_json_lines_while_it_runs(tmp_path: Path) -> None:
    seen: list[int] = []

    def act(work: Bench) -> None:
        text = (tmp_path / "run" / "results.jsonl").read_text()
        assert text == "" or text.endswith("\n")
        seen.append(len([json.loads(line) for line in text.splitlines()]))

    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=2), cases(30), Watcher(act))
    assert max(seen) > 5


def test_a_failure_of_the_connection_that_passes_leaves_no_mark_on_the_lines(tmp_path: Path) -> None:
    calm, rough = ScriptedExpert(doubled), ScriptedExpert(doubled, failures={0: ConnectionLost("reset")})
    bench(tmp_path / "calm", plan_of(calm, strategies=(VOTE,)), cases(3))
    bench(tmp_path / "rough", plan_of(rough, strategies=(VOTE,)), cases(3))
    assert lines(tmp_path / "calm") == lines(tmp_path / "rough")
