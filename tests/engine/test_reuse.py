"""Replies of another run: found, copied, and never paid twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engine import Attempt, Engine, JournalView, ReusingJournal, Seat, SqliteJournal
from orchestrator.errors import ConfigError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Completion, Message, Request, Sampling


def request(sample: int) -> Request:
    return Request("e", "m", (Message("user", "question"),), Sampling(max_tokens=9), sample)


async def asked(journal: SqliteJournal | ReusingJournal, samples: range) -> tuple[list[str], list[int], Scope]:
    """The replies, the samples that left, and the scope that was paid from."""
    expert = ScriptedExpert(lambda r: f"reply {r.sample_index}", id="e")
    scope = Scope("run", paid=True)
    async with Engine({"e": expert.value}, lambda _: expert, journal) as engine:
        texts = [(await engine.ask(request(i), Seat(scope))).completion.text for i in samples]
    return texts, [r.sample_index for r in expert.requests], scope


async def test_what_the_other_run_holds_is_not_asked_and_not_paid_again(tmp_path: Path) -> None:
    await asked(SqliteJournal(tmp_path / "a"), range(3))
    texts, left, scope = await asked(ReusingJournal(SqliteJournal(tmp_path / "b"), tmp_path / "a"), range(5))
    assert texts == [f"reply {i}" for i in range(5)]
    assert left == [3, 4]
    assert scope.spent.calls == 2
    again = SqliteJournal(tmp_path / "b")
    assert again.paid.calls == 2
    await again.aclose()


async def test_what_was_found_is_copied(tmp_path: Path) -> None:
    await asked(SqliteJournal(tmp_path / "a"), range(3))
    await asked(ReusingJournal(SqliteJournal(tmp_path / "b"), tmp_path / "a"), range(3))
    (tmp_path / "a").unlink()
    texts, left, _ = await asked(SqliteJournal(tmp_path / "b"), range(3))
    assert (texts, left) == (["reply 0", "reply 1", "reply 2"], [])


async def test_who_answered_instead_is_known_from_the_other_run(tmp_path: Path) -> None:
    other = SqliteJournal(tmp_path / "a")
    await other.link(b"k" * 16, "spare")
    await other.aclose()
    journal = ReusingJournal(SqliteJournal(tmp_path / "b"), tmp_path / "a")
    assert (journal.linked(b"k" * 16), journal.linked(b"x" * 16)) == ("spare", None)
    await journal.aclose()


async def test_the_other_run_may_be_going_on_and_is_left_as_it_is(tmp_path: Path) -> None:
    writing = SqliteJournal(tmp_path / "a")
    journal = ReusingJournal(SqliteJournal(tmp_path / "b"), tmp_path / "a")
    row = await writing.open(Attempt("e", (b"1" * 16,), (("run",),), (NOTHING,)))
    assert journal.get(b"1" * 16) is None
    await writing.reply(row, [(b"1" * 16, Completion("late"))], bill=Completion("").tokens)
    found = journal.get(b"1" * 16)
    assert found is not None
    assert found.text == "late"
    await journal.aclose()
    await writing.aclose()
    view = JournalView(tmp_path / "a")
    assert view.open_calls() == 0
    view.close()


@pytest.mark.parametrize("content", [None, b"", b"no database, but long enough to be looked at " * 10])
async def test_what_is_no_journal_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a"
    if content is not None:
        path.write_bytes(content)
    own = SqliteJournal(tmp_path / "b")
    with pytest.raises(ConfigError, match=f"{path} is no journal"):
        ReusingJournal(own, path)
    await own.aclose()
