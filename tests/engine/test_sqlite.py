"""What a run folder's journal remembers, on a real file."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.engine import Attempt, JournalView, SqliteJournal, tables
from orchestrator.errors import ConfigError
from orchestrator.ledger import Amount
from orchestrator.types import Completion, Tokens, ToolCall

KEY, OTHER = b"k" * 16, b"o" * 16


def attempt(*keys: bytes) -> Attempt:
    return Attempt("e", keys, tuple(("p", "run") for _ in keys), tuple(Amount(1, 100, 0.5) for _ in keys))


async def test_a_reply_is_found_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    reply = Completion(
        "text", "thought", "length", Tokens(3, 4, 1, 2, 0.25), "served", "fp", (ToolCall("1", "f", "{}"),), (-0.5,),
        "e", KEY.hex(), (1.25, 0.0), (("B", -0.125), ("A", -2.5)),
    )  # fmt: skip
    journal = SqliteJournal(path)
    number = await journal.open(attempt(KEY))
    assert journal.open_calls() == 1
    await journal.reply(number, [(KEY, reply)], Tokens(3, 4, 1, 2, 0.25))
    assert journal.get(KEY) == reply
    await journal.aclose()
    again = SqliteJournal(path)
    assert again.get(KEY) == reply
    assert again.get(OTHER) is None
    assert again.paid == Amount(1, 7, 0.25)
    assert again.losses.of("run") == Amount()
    await again.aclose()


async def test_replies_of_a_journal_that_knew_of_no_confidences_are_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    reply = Completion("text", logprobs=(-0.5,), expert="e", id=KEY.hex())
    await journal.reply(await journal.open(attempt(KEY)), [(KEY, reply)], Tokens())
    await journal.aclose()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE replies SET extra = ?", (json.dumps({"tools": [], "logprobs": [-0.5]}),))
    view = JournalView(path)
    assert view.get(KEY) == reply
    view.close()


async def test_what_was_cached_and_written_is_kept_of_replies_and_of_attempts(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    reply = Completion("text", tokens=Tokens(100, 4, 0, 60, 0.5, 30), expert="e", id=KEY.hex())
    await journal.reply(await journal.open(attempt(KEY)), [(KEY, reply)], Tokens(100, 4, 0, 60, 0.25, 30))
    await journal.reply(await journal.open(attempt(OTHER)), [(OTHER, reply)], Tokens(10, 1, 1, 0, 0.25))
    assert journal.get(KEY) == reply
    assert journal.billed == Tokens(110, 5, 1, 60, 0.5, 30)
    await journal.aclose()


async def test_a_journal_from_before_writes_were_told_is_read_gone_on_with_and_reused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal, reply = SqliteJournal(path), Completion("text", tokens=Tokens(3, 4, 0, 2, 0.25), expert="e", id=KEY.hex())
    await journal.reply(await journal.open(attempt(KEY)), [(KEY, reply)], reply.tokens)
    await journal.open(attempt(OTHER))
    await journal.aclose()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE attempts DROP COLUMN written")
    view = JournalView(path)
    assert (view.get(KEY), view.billed) == (reply, reply.tokens)
    view.close()
    again = SqliteJournal(path)
    assert (again.get(KEY), again.billed, again.losses.of("run")) == (reply, reply.tokens, Amount(1, 100, 0.5))
    await again.reply(await again.open(attempt(OTHER)), [(OTHER, reply)], Tokens(10, 1, 0, 0, 0.5, 10))
    assert again.billed == Tokens(13, 5, 0, 2, 0.75, 10)
    await again.aclose()


async def test_open_and_charged_attempts_are_losses_and_refunded_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open(attempt(KEY, OTHER))
    journal.fail(await journal.open(attempt(KEY)), "reset", charged=True)
    journal.fail(await journal.open(attempt(KEY)), "429", charged=False)
    await journal.aclose()
    again = SqliteJournal(path)
    assert again.losses.of("run") == again.losses.of("p") == Amount(3, 300, 1.5)
    await again.aclose()


async def test_links_and_numbers_are_kept(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.link(KEY, "other")
    journal.keep("seconds", 2.5)
    await journal.aclose()
    again = SqliteJournal(tmp_path / "journal.sqlite")
    assert again.linked(KEY) == "other"
    assert again.recall("seconds") == 2.5
    assert again.recall("never") == 0.0
    await again.aclose()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("this is a text and no database at all, however long it may be" * 40)
    with pytest.raises(ConfigError, match="journal"):
        SqliteJournal(path)


@pytest.mark.parametrize("version", [None, "many"])
def test_a_database_of_something_else_is_refused_in_one_line(tmp_path: Path, version: str | None) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        if version is not None:
            db.execute("INSERT INTO meta VALUES ('version', ?)", (version,))
    with pytest.raises(ConfigError, match="is no journal"):
        JournalView(path)


SONGS = ("CREATE TABLE songs (id INTEGER)",)
LATER = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "INSERT INTO meta VALUES ('version', '2')",
    "CREATE TABLE attempts (id INTEGER, other TEXT)",
)


@pytest.mark.parametrize(
    ("statements", "words"),
    [(SONGS, "is no journal"), (LATER, r"version of the journal \(2\)")],
    ids=["songs", "later"],
)
def test_nothing_is_written_into_a_database_of_something_else(
    tmp_path: Path, statements: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=words):
        SqliteJournal(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["journal.sqlite"]


async def test_a_journal_whose_making_was_cut_short_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    with monkeypatch.context() as patched:
        patched.setattr(tables.batch_log, "TABLE", "here the disk was full")
        with pytest.raises(ConfigError):
            SqliteJournal(path)
    journal = SqliteJournal(path)
    await journal.reply(await journal.open(attempt(KEY)), [(KEY, Completion("text", expert="e"))], Tokens())
    assert journal.get(KEY) is not None
    await journal.aclose()


@pytest.mark.parametrize("kind", [JournalView, SqliteJournal])
def test_a_journal_that_cannot_be_opened_is_not_called_none(tmp_path: Path, kind: type[JournalView]) -> None:
    (path := tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        kind(path)


async def test_what_a_killed_process_had_out_is_charged_in_full_and_closed(tmp_path: Path) -> None:
    path, worst = tmp_path / "journal.sqlite", Amount(1, 100, 0.5)
    journal = SqliteJournal(path)
    await journal.open(attempt(KEY))
    await journal.aclose()
    seen = JournalView(path)
    assert seen.open_calls() == 1
    for _ in range(2):
        again = SqliteJournal(path)
        assert (again.losses.of("run"), again.losses.of("p"), again.open_calls()) == (worst, worst, 0)
        await again.aclose()
    assert seen.open_calls() == 0
    seen.close()


async def test_whoever_looks_into_a_journal_writes_nothing_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.reply(await journal.open(attempt(KEY)), [(KEY, Completion("text", expert="e"))], Tokens())
    during = JournalView(path)
    assert during.get(KEY) is not None
    during.close()
    await journal.aclose()
    before = path.read_bytes()
    after = JournalView(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        after._reader.execute("DELETE FROM replies")
    after.close()
    assert os.listdir(tmp_path) == ["journal.sqlite"]
    assert path.read_bytes() == before
