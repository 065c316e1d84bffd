"""The writer of a journal: what meets in one commit, in which order, and who hears that a disk is full."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine import Attempt, JournalView, SqliteJournal
from orchestrator.engine.seen import Seen
from orchestrator.engine.writer import Row, Writer
from orchestrator.errors import JournalError
from orchestrator.ledger import Amount
from orchestrator.types import Completion, Tokens
from tests.clock import run_virtual

INSERT, DOUBLE, DELETE = "INSERT INTO t VALUES (?)", "UPDATE t SET n = 2 * n WHERE n = ?", "DELETE FROM t WHERE n = ?"


class Table:
    """A writer whose commits can be counted, and held up."""

    def __init__(self, path: Path) -> None:
        self.path, self.commits = path, 0
        self.under_way, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        db = sqlite3.connect(path, check_same_thread=False)
        db.execute("CREATE TABLE t (n INTEGER CHECK (n <> 666))")
        db.execute("PRAGMA synchronous=OFF")
        db.set_trace_callback(self._see)
        self.db, self.writer = db, Writer(db, (INSERT, DOUBLE, DELETE), lambda error: JournalError(f"not so: {error}"))

    def _see(self, statement: str) -> None:
        if statement == "COMMIT":
            self.commits += 1
            self.under_way.set()
            self.go_on.wait(10)

    def rows(self) -> list[int]:
        with sqlite3.connect(self.path) as db:
            return [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path / "db")
    yield made
    made.go_on.set()


def put(*numbers: int) -> list[Row]:
    return [(INSERT, (n,)) for n in numbers]


async def test_what_comes_in_one_pass_of_the_loop_meets_in_one_commit(table: Table) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(100):
            group.create_task(table.writer.write(put(n, 1000 + n)))
    assert table.commits == 1
    assert table.rows() == [*range(100), *range(1000, 1100)]
    await table.writer.aclose()


async def test_what_comes_while_a_commit_runs_is_one_commit_after_it(table: Table) -> None:
    table.go_on.clear()
    first = asyncio.ensure_future(table.writer.write(put(0)))
    await asyncio.to_thread(table.under_way.wait, 10)
    others = []
    for n in range(1, 20):
        others.append(asyncio.ensure_future(table.writer.write(put(n))))
        await asyncio.sleep(0)
    table.go_on.set()
    await asyncio.wait([first, *others])
    assert table.commits == 2
    assert table.rows() == list(range(20))
    await table.writer.aclose()


def test_a_lone_write_waits_for_no_timer(table: Table) -> None:
    async def main() -> None:
        for n in range(3):
            await table.writer.write(put(n))
        await table.writer.aclose()

    _, seconds = run_virtual(main(), busy=lambda: table.writer.busy)
    assert (seconds, table.commits) == (0.0, 3)


async def test_rows_of_one_commit_are_written_statement_by_statement(table: Table) -> None:
    table.writer.note([(DELETE, (4,))])
    table.writer.note([(DOUBLE, (2,)), (INSERT, (2,))])
    await table.writer.write(put(3))
    assert table.rows() == [3]
    await table.writer.aclose()


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 63, 100])
async def test_any_number_of_rows_is_written_once_each_and_in_order(table: Table, rows: int) -> None:
    await table.writer.write(put(*range(100, 100 + rows)))
    with sqlite3.connect(table.path) as db:
        assert [n for (n,) in db.execute("SELECT n FROM t ORDER BY rowid")] == list(range(100, 100 + rows))
    await table.writer.aclose()


async def test_whoever_leaves_is_committed_and_whoever_stays_is_told(table: Table) -> None:
    leaves = asyncio.ensure_future(table.writer.write(put(1)))
    stays = asyncio.ensure_future(table.writer.write(put(2)))
    await asyncio.sleep(0)
    leaves.cancel()
    await stays
    assert leaves.cancelled()
    assert table.rows() == [1, 2]
    await table.writer.aclose()


@pytest.mark.parametrize("bad", [666, "\ud800", 2**80])
async def test_a_row_that_cannot_be_stored_costs_only_the_write_that_has_it(table: Table, bad: object) -> None:
    writes = [put(1, 2), [*put(3), (INSERT, (bad,))], put(4)]
    results = await asyncio.gather(*map(table.writer.write, writes), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), JournalError, type(None)]
    assert table.rows() == [1, 2, 4]
    await table.writer.write(put(5))
    assert table.rows() == [1, 2, 4, 5]
    await table.writer.aclose()


def test_one_event_loop_after_the_other_may_use_it_and_what_a_loop_left_behind_is_committed(table: Table) -> None:
    async def leave_behind() -> None:
        await table.writer.write(put(1))
        table.writer.note(put(2))

    async def go_on() -> None:
        await table.writer.write(put(4))
        await table.writer.aclose()

    asyncio.run(leave_behind())
    table.writer.note(put(3))
    asyncio.run(go_on())
    assert table.rows() == [1, 2, 3, 4]


async def test_closing_commits_what_came_and_tells_who_waits(table: Table) -> None:
    waits = asyncio.ensure_future(table.writer.write(put(1)))
    await asyncio.sleep(0)
    table.writer.note(put(2))
    await table.writer.aclose()
    await waits
    assert table.rows() == [1, 2]


async def test_whoever_comes_after_it_was_closed_hears_it_instead_of_waiting_for_ever(table: Table) -> None:
    await table.writer.aclose()
    with pytest.raises(JournalError, match="closed"):
        await table.writer.write(put(1))
    with pytest.raises(JournalError, match="closed"):
        table.writer.note(put(1))
    await table.writer.aclose()


async def test_a_statement_that_it_does_not_know_is_an_error_of_whoever_wrote_it(table: Table) -> None:
    with pytest.raises(JournalError):
        await table.writer.write([*put(1), ("INSERT INTO other VALUES (?)", (1,))])
    assert table.rows() == []
    await table.writer.aclose()


class Closing(asyncio.SelectorEventLoop):
    """An event loop that is closed just when somebody has seen that it is open."""

    just_now = True

    def is_closed(self) -> bool:
        return not self.just_now and super().is_closed()


def test_a_loop_that_closes_while_a_commit_runs_does_not_end_the_thread(table: Table) -> None:
    table.go_on.clear()
    loop = Closing()
    waits = loop.create_task(table.writer.write(put(1)))
    loop.run_until_complete(asyncio.sleep(0.01))
    assert table.under_way.wait(10)
    waits.cancel()
    loop.run_until_complete(asyncio.wait([waits]))
    loop.close()
    table.go_on.set()

    async def go_on() -> None:
        async with asyncio.timeout(10):
            await table.writer.write(put(2))
        await table.writer.aclose()

    asyncio.run(go_on())
    assert table.rows() == [1, 2]
    loop.just_now = False


# -- a journal on a disk with troubles ------------------------------------------------------


def attempt(number: int) -> Attempt:
    return Attempt("e", (number.to_bytes(16, "big"),), (("run",),), (Amount(1, 10),))


@pytest.mark.parametrize(
    ("trouble", "relief", "words"),
    [
        ("max_page_count = 1", "max_page_count = 100000", "database or disk is full"),
        ("query_only = on", "query_only = off", "readonly database"),
    ],
)
async def test_trouble_with_the_disk_reaches_everybody_who_waits_in_one_line_and_may_pass(
    tmp_path: Path, trouble: str, relief: str, words: str
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    row = await journal.open(attempt(0))
    db = journal._writer._db
    db.execute(f"PRAGMA {trouble}")
    reply = Completion("x" * 100_000)
    replies = [journal.reply(row, [(n.to_bytes(16, "big"), reply)], Tokens(1, 1)) for n in range(5)]
    for error in await asyncio.gather(*replies, return_exceptions=True):
        assert isinstance(error, JournalError)
        assert str(error).startswith(f"{tmp_path / 'journal.sqlite'} cannot be written")
        assert words in str(error)
        assert "\n" not in str(error)
    assert journal.get(bytes(16)) is None
    db.execute(f"PRAGMA {relief}")
    await journal.reply(row, [(bytes(16), reply)], Tokens(1, 1))
    assert journal.get(bytes(16)) is not None
    await journal.aclose()


async def test_an_attempt_that_is_opened_and_refunded_in_one_commit_is_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    opening = asyncio.ensure_future(journal.open(attempt(1)))
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    await journal.aclose()
    again = SqliteJournal(path)
    assert again.losses.of("run") == Amount()
    assert again._scalar("SELECT count(*) FROM attempts WHERE state = 'refunded'") == 1
    await again.aclose()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from orchestrator.engine import Attempt, SqliteJournal
from orchestrator.ledger import Amount
from orchestrator.types import Completion, Tokens

journal, told = SqliteJournal(Path(sys.argv[1])), 0

def tell(*words):
    global told
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
    told += 1
    if told == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

async def call(n):
    key = n.to_bytes(16, "big")
    row = await journal.open(Attempt("e", (key,), (("run",),), (Amount(1, 10),)))
    tell("opened", row)
    await asyncio.sleep(0)
    await journal.reply(row, [(key, Completion(f"text {n}"))], Tokens(1, 2))
    tell("replied", row, n)

async def main():
    async with asyncio.TaskGroup() as group:
        for n in range(40):
            group.create_task(call(n))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 17, 41, 60, 79])
def test_a_killed_process_has_on_disk_all_that_it_was_told_is_committed(tmp_path: Path, after: int) -> None:
    path = tmp_path / "journal.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(after)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert len(told) == after
    view = JournalView(path)
    opened = {number for (number,) in view._reader.execute("SELECT id FROM attempts")}
    for what, row, *number in told:
        assert int(row) in opened
        if what == "replied":
            reply = view.get(int(number[0]).to_bytes(16, "big"))
            assert reply is not None
            assert reply.text == f"text {number[0]}"
    view.close()


# -- which keys may be there ----------------------------------------------------------------


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_no_key_that_was_added_is_said_not_to_be_there(keys: list[bytes]) -> None:
    seen = Seen(keys[::2])
    for key in keys[1::2]:
        seen.add(key)
    assert all(key in seen for key in keys)


def test_nearly_all_keys_that_were_not_added_are_known_not_to_be_there() -> None:
    seen = Seen(os.urandom(16) for _ in range(20_000))
    assert sum(os.urandom(16) in seen for _ in range(2_000)) < 20


async def test_replies_are_found_after_reopening_and_what_is_adopted_as_well(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journal.adopt(b"a" * 16, Completion("adopted", "thought"))
    row = await journal.open(attempt(1))
    await journal.reply(row, [((1).to_bytes(16, "big"), Completion("asked", "why"))], Tokens(1, 1))
    await journal.aclose()
    again = SqliteJournal(path)
    for key, text, reasoning in ((b"a" * 16, "adopted", "thought"), ((1).to_bytes(16, "big"), "asked", "why")):
        found = again.get(key)
        assert found is not None
        assert (found.text, found.reasoning) == (text, reasoning)
    row = await again.open(attempt(2))
    await again.reply(row, [((2).to_bytes(16, "big"), Completion("later"))], Tokens(1, 1))
    assert [found.text for key in (1, 2) if (found := again.get(key.to_bytes(16, "big")))] == ["asked", "later"]
    await again.aclose()
