"""How a bench stands while it runs, as a display sees it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cli.standing import Standing, View, _lane, clock, money, short
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import RateLimited, WrongKey
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import Scope
from tests.clock import run_virtual
from tests.engine.batch_stage import expert
from tests.engine.stage import Stage, request
from tests.evals.benching import Watcher, bench, cases, doubled, plan_of

VOTE = "self_consistency(samples=3)"


def seen_by(tmp_path: Path, *experts: ScriptedExpert, problems: int = 6, **settings: object) -> list[Standing]:
    """What a watcher saw from the beginning to the end."""
    view, found = View("toy", problems), list[Standing]()
    watcher = Watcher(lambda work: found.append(view.of(work)), every=0.01)
    work, _ = bench(tmp_path / "run", plan_of(*experts, **settings), cases(problems), watcher)
    return [*found, view.of(work)]


def test_the_total_is_all_lines_that_are_wanted(tmp_path: Path) -> None:
    last = seen_by(tmp_path, ScriptedExpert(doubled), strategies=("cot", VOTE), seeds=(0, 1, 2))[-1]
    assert (last.done, last.total, last.each) == (36, 36, 18)
    assert [(r.name, r.done, r.accuracy, r.calls) for r in last.rows] == [("cot", 18, 1.0, 18), (VOTE, 18, 1.0, 54)]


def test_what_is_paid_shows_before_a_problem_has_ended(tmp_path: Path) -> None:
    expert = ScriptedExpert(doubled, latency=0.05, max_n=1)
    value = replace(expert.value, concurrency=1)
    plan = replace(plan_of(expert, strategies=(VOTE,)), experts=(value,))
    view, found = View("toy", 1), list[Standing]()
    bench(tmp_path / "run", plan, cases(1), Watcher(lambda work: found.append(view.of(work)), every=0.01))
    assert any(s.calls > 0 and s.done == 0 for s in found)
    assert any(s.lanes and (s.lanes[0].out, s.lanes[0].queued) == (1, 2) for s in found)


def test_a_resumed_run_begins_with_the_lines_there_are(tmp_path: Path) -> None:
    expert = ScriptedExpert(doubled)
    bench(tmp_path / "run", plan_of(expert), cases(4))
    first = seen_by(tmp_path, expert, problems=6)[0]
    assert (first.done, first.total) == (4, 6)
    assert first.calls == 4


def test_the_pace_is_that_of_this_invocation(tmp_path: Path) -> None:
    expert = ScriptedExpert(doubled, latency=0.02)
    bench(tmp_path / "run", plan_of(expert), cases(4))
    seen = seen_by(tmp_path, expert, problems=40, concurrency=1)
    assert seen[0].eta is None
    known = [s for s in seen if s.eta is not None and s.total - s.done == 18]
    assert known
    assert all(0.2 < (s.eta or 0) < 3.0 for s in known)


def test_a_lane_says_why_it_is_slow(tmp_path: Path) -> None:
    limited = RateLimited("slow down", retry_after=0.3)
    seen = seen_by(tmp_path, ScriptedExpert(doubled, failures={0: limited}), problems=1)
    states = {s.lanes[0].state for s in seen if s.lanes}
    assert "rate limit; goes on in 0 s" in states
    assert "rate limit; 32 at once" in states


def test_a_lane_whose_entry_allows_little_a_minute_says_when_the_next_call_goes() -> None:
    async def main() -> list[str]:
        slow, states = replace(expert(), batch=None, rpm=6.0), list[str]()
        async with Engine({"e": slow}, lambda _: Stage(), MemoryJournal()) as engine, asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(engine.ask(request(f"q{i}"), Seat(Scope("run", paid=True))))
            for seconds in (4.0, 30.0):
                await asyncio.sleep(seconds)
                states.append(_lane(engine.lane("e")).state)
        return states

    assert run_virtual(main())[0] == ["rate limit; the next goes in 6 s", ""]


def test_a_lane_that_is_lost_says_what_the_provider_said_on_one_harmless_line(tmp_path: Path) -> None:
    def refuse(request: object) -> str:
        raise WrongKey("bad\nkey \x1b[31m" + "x" * 500, expert="scripted")

    last = seen_by(tmp_path, ScriptedExpert(refuse))[-1]
    assert last.lanes[0].state.startswith("lost: bad key \\x1b[31mxxx")
    assert len(last.lanes[0].state) < 200
    assert last.ending.startswith("stopping: no expert is left: ")
    assert last.rows[0].gone


@pytest.mark.parametrize(
    ("text", "words"),
    [(short(0), "0"), (short(999), "999"), (short(1000), "1k"), (short(12345), "12.3k"), (short(999_949), "1M"),
     (short(1.5e9), "1.5G"), (clock(59.7), "1:00"), (clock(0), "0:00"), (clock(3725), "1:02:05"),
     (clock(None), "?"), (money(0.01234), "$0.0123"), (money(1234.5), "$1,234.50")],
    ids=lambda value: str(value),
)  # fmt: skip
def test_amounts_are_short(text: str, words: str) -> None:
    assert text == words
