"""A journal whose process is killed at any commit, or between any two steps: what is paid counts, groups are whole."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from orchestrator.engine import Attempt, Engine, Seat, SqliteJournal, tables
from orchestrator.engine.writer import Write, Writer
from orchestrator.errors import ConnectionFailed, ConnectionLost, ExpertError
from orchestrator.ledger import NOTHING, Amount, Scope
from orchestrator.types import Completion, Tokens
from tests.clock import run_virtual
from tests.engine.stage import PACES, Stage, expert, reply_to, request
from tests.quiet import QUIET


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the operating system has, so that these tests need not wait for the disk."""
    connect = tables.connect

    def quick(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("PRAGMA synchronous=OFF")
        return db

    monkeypatch.setattr(tables, "connect", quick)


def killed(path: Path, number: int) -> Path:
    """The folder's files as a kill leaves them: those of a process that has had no time to close anything."""
    folder = path.parents[path.parent.name.startswith("killed ")] / f"killed {number}"
    folder.mkdir()
    for name in ("", "-wal", "-shm"):
        source = path.with_name(path.name + name)
        if source.exists():
            shutil.copy(source, folder / source.name)
    return folder / path.name


async def run_scope(path: Path) -> tuple[Amount, SqliteJournal]:
    journal = SqliteJournal(path)
    return journal.paid + journal.losses.of("run"), journal


# -- whole engine, killed at every commit ---------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_every_commit_the_run_scope_covers_what_was_billed_and_groups_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    path = tmp_path / "journal.sqlite"
    troubles: list[Callable[[], ExpertError]] = [lambda: ConnectionLost("reset"), lambda: ConnectionFailed("refused")]
    stage = Stage(
        PACES["uniform"], lambda rng: rng.choice(troubles)() if rng.random() < 0.3 else None, most=3, max_n=4, seed=seed
    )
    snapshots: list[tuple[Path, int, int]] = []
    commit = Writer._transact

    def commit_and_keep(writer: Writer, batch: list[Write]) -> None:
        billed, tokens = stage.samples, stage.billed.prompt + stage.billed.completion
        commit(writer, batch)
        snapshots.append((killed(path, len(snapshots)), billed, tokens))

    monkeypatch.setattr(Writer, "_transact", commit_and_keep)
    journal = SqliteJournal(path)
    run = Scope("run", paid=True)

    async def main() -> None:
        async with (
            Engine({"e": expert(concurrency=2)}, lambda _: stage, journal) as engine,
            asyncio.TaskGroup() as group,
        ):
            for name in "abc":
                problem = Scope(name, parent=run)
                for sample in range(5):
                    group.create_task(engine.ask(request(f"question {name}", sample), Seat(problem)))

    run_virtual(main(), busy=lambda: journal.busy)
    monkeypatch.setattr(Writer, "_transact", commit)
    step = len(snapshots) // 8
    assert step > 0
    for number, (copy, billed, tokens) in enumerate(snapshots):
        if number % step and number < len(snapshots) - 1:
            continue
        spent, reopened = asyncio.run(run_scope(copy))
        assert spent.calls >= billed
        assert spent.tokens >= tokens
        check_groups(reopened)
        if number == len(snapshots) - 1:
            assert (spent.calls, spent.tokens) == (run.spent.calls, run.spent.tokens)
            assert spent.usd == pytest.approx(run.spent.usd)
            assert reopened.open_calls() == 0
        asyncio.run(reopened.aclose())


def check_groups(journal: SqliteJournal) -> None:
    """Replies are there exactly where their attempt says so, all of it, and every text is the one that was given."""
    for state, samples, keys, attempt in journal._reader.execute("SELECT state, samples, keys, id FROM attempts"):
        there = journal._reader.execute("SELECT count(*) FROM replies WHERE attempt = ?", (attempt,)).fetchone()[0]
        assert there == (samples if state == "replied" else 0)
        assert there <= len(keys) // 16
    everything = {
        request(f"question {name}", i).key: request(f"question {name}", i) for name in "abc" for i in range(5)
    }
    for key, asked in everything.items():
        if (found := journal.get(key)) is not None:
            assert found.text == reply_to(asked, 0).text


# -- the journal alone, any order of steps, killed and reopened at any time -----------------


class Killed(RuleBasedStateMachine):
    """Attempts are opened, replied, failed, left; the process ends properly or by a kill, and another goes on."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.path = self.folder / f"machine {len(list(self.folder.iterdir()))}" / "journal.sqlite"
        self.path.parent.mkdir()
        self.journal = SqliteJournal(self.path)
        self.kills = 0
        self.out: dict[int, list[bytes]] = {}
        self.paid = NOTHING
        self.replies: dict[bytes, Completion] = {}
        self.links: dict[bytes, str] = {}
        self.number = 0

    def do(self, work: object) -> object:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    @property
    def worst(self) -> Amount:
        return Amount(1, 100, 0.25)

    @rule(samples=st.integers(1, 4))
    def open(self, samples: int) -> None:
        keys = [(self.number + i).to_bytes(16, "big") for i in range(samples)]
        self.number += samples
        attempt = Attempt("e", tuple(keys), tuple(("p", "run") for _ in keys), tuple(self.worst for _ in keys))
        row = self.do(self.journal.open(attempt))
        assert isinstance(row, int)
        assert row not in self.out
        self.out[row] = keys
        self.paid += self.worst * samples

    @rule(pick=st.integers(0, 99), missing=st.integers(0, 3))
    def reply(self, pick: int, missing: int) -> None:
        if not self.out:
            return
        row = sorted(self.out)[pick % len(self.out)]
        keys = self.out.pop(row)
        given = keys[: max(1, len(keys) - missing)]
        bill = Tokens(7, 10 * len(given), usd=0.125)
        replies = [(key, Completion(f"text {key.hex()}", id=key.hex())) for key in given]
        self.do(self.journal.reply(row, replies, bill))
        self.paid += Amount(len(given), 7 + 10 * len(given), 0.125) - self.worst * len(keys)
        self.replies |= dict(replies)

    @rule(pick=st.integers(0, 99), charged=st.booleans())
    def fail(self, pick: int, charged: bool) -> None:
        if not self.out:
            return
        row = sorted(self.out)[pick % len(self.out)]
        keys = self.out.pop(row)
        self.journal.fail(row, "lost \ud800 words", charged)
        if not charged:
            self.paid -= self.worst * len(keys)
        # Nobody waits for a failure; the next commit has it before itself.
        self.do(self.journal.link(b"l" * 16, f"e{row}"))
        self.links[b"l" * 16] = f"e{row}"

    @rule()
    def a_caller_leaves_while_it_opens(self) -> None:
        async def leave() -> None:
            attempt = Attempt("e", (b"x" * 16,), (("p", "run"),), (self.worst,))
            task = asyncio.ensure_future(self.journal.open(attempt))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                self.journal.fail(task.result(), "left", charged=False)
            await self.journal.link(b"m" * 16, "e")

        self.do(leave())
        self.links[b"m" * 16] = "e"

    @rule()
    def close_and_reopen(self) -> None:
        self.do(self.journal.aclose())
        self.reopen(self.path)

    @rule()
    def kill_and_reopen(self) -> None:
        self.kills += 1
        copy = killed(self.path, self.kills)
        self.do(self.journal.aclose())
        self.reopen(copy)

    def reopen(self, path: Path) -> None:
        """What has no end stays charged in full, and none of it can end any more."""
        self.path, self.journal = path, SqliteJournal(path)
        assert self.journal.paid + self.journal.losses.of("run") == self.paid
        assert self.journal.losses.of("p") == self.paid - self.journal.paid
        self.out.clear()

    @invariant()
    def everything_is_there(self) -> None:
        if not hasattr(self, "journal"):
            return
        for key, reply in self.replies.items():
            assert self.journal.get(key) == reply
        assert self.journal.get(b"z" * 16) is None
        for key, to in self.links.items():
            assert self.journal.linked(key) == to
        assert self.journal.open_calls() >= len(self.out)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.do(self.journal.aclose())
            self.loop.close()


def machine(tmp_path: Path) -> type[Killed]:
    return type("KilledHere", (Killed,), {"folder": tmp_path})


def test_the_journal_keeps_every_promise_through_kills(tmp_path: Path) -> None:
    run_state_machine_as_test(machine(tmp_path), settings=settings(QUIET, max_examples=8, stateful_step_count=20))


@pytest.mark.slow
def test_the_journal_keeps_every_promise_through_many_kills(tmp_path: Path) -> None:
    run_state_machine_as_test(machine(tmp_path), settings=settings(QUIET, max_examples=300, stateful_step_count=60))
