"""Approach books: what is written is what is read, hands may edit it, and what does not hold is told in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator import ConfigError, Orchestrator
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.protocols import Prepared
from orchestrator.registry import build
from orchestrator.strategies._approaches import Book, Demonstration, Pair, best_first, parse_book, read_book
from orchestrator.strategies._approaches_text import written
from orchestrator.strategies.div_se import DivSE

from .approaching import BOOK, book

FULL = Book(
    pairs=(
        Pair("Algebra", "a zoologist", 18, 20, (Demonstration("How many legs has a cat?", "Let x be legs.\nSo 4."),)),
        Pair("", "", 17, 20),
    ),
    task="number",
    made="on 40 problems, measured on 20 by e0; seed 0",
    spares=(Pair("Guessing", "", 0, 20), Pair("", "a zoologist", 3, 20)),
    approaches=(("Algebra", 41), ("Guessing", 7)),
    personas=("a zoologist",),
    seen=frozenset({"00ff00ff00ff00ff", "11ee11ee11ee11ee"}),
)

ODD = (
    "two\nlines", "C:\\temp and \\boxed{4}\n\\frac12", "three ''' marks\nin it", "ends with '\nquote'", 'say "so"',
    "tab\there\nand there", "bell \x07 and delete \x7f", "bell \x07\nand delete \x7f", "caf\u00e9 \U0001f600\nnext",
    "# no comment\n[[pair]]\nx = 1", "$5 and 10 % and {i}", "windows\r\nline", "\u2028\u2028separators\u2028",
)  # fmt: skip


def told(text: str) -> str:
    """What is said of a book that does not hold."""
    with pytest.raises(ConfigError) as caught:
        parse_book(text, "book.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_what_is_read() -> None:
    assert parse_book(written(FULL), "book.toml") == FULL


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_any_text_of_a_model_survives_the_file(text: str, tmp_path: Path) -> None:
    odd = Book((Pair("Algebra", examples=(Demonstration(text, f"S {text} E"),)),), task=text.replace("\n", " "))
    path = book(tmp_path, written(odd))
    found = read_book(path)
    normal = text.replace("\r\n", "\n").strip()
    assert found.pairs[0].examples[0].question == normal
    assert found.pairs[0].examples[0].solution == f"S {text} E".replace("\r\n", "\n")
    assert found.task == odd.task.replace("\r\n", "\n").replace("\r", "\r")


def test_half_a_character_does_not_keep_a_book_from_being_written(tmp_path: Path) -> None:
    path = book(tmp_path, written(Book((Pair("Algebra \ud83d"),))))
    assert read_book(path).pairs[0].approach == "Algebra ?"


def test_intervals_and_the_warning_stand_in_the_file() -> None:
    few, many = written(FULL), written(Book((Pair("Algebra", "", 45, 50),)))
    assert "right = 18  # 90%; 95% interval: 70% to 97%" in few
    assert "# Note: measured on 20 problems. Under 50" in few
    assert "Note:" not in many


def test_a_few_lines_written_by_hand_are_a_book() -> None:
    found = parse_book('[[pair]]\napproach = "Algebra"\n[[pair]]\npersona = "Euler"\n[[pair]]\n', "book.toml")
    assert found.pairs == (Pair("Algebra"), Pair(persona="Euler"), Pair())


def test_a_spare_is_taken_into_use_by_its_name_alone() -> None:
    found = parse_book(written(FULL).replace("\n[[spare]]\n", "\n[[pair]]\n", 1), "book.toml")
    assert [pair.approach for pair in found.pairs] == ["Algebra", "", "Guessing"]
    assert len(found.spares) == 1


def test_pairs_are_ranked_by_score_and_those_without_come_last() -> None:
    pairs = (
        Pair("a"),
        Pair("b", right=0, tried=9),
        Pair("c", right=5, tried=10),
        Pair("d", right=3, tried=6),
        Pair("e"),
    )
    assert [pair.approach for pair in best_first(pairs)] == ["c", "d", "b", "a", "e"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "approach book book.toml: no [[pair]] in it"),
        ('[[pair]]\napproach = "a', "approach book book.toml: Unterminated string"),
        ('[[pair]]\napproch = "a"', "book.toml: [[pair]] 1; did you mean 'approach'?"),
        ('pair = "a"', "pair must be tables, each under a line [[pair]]"),
        ("[[pair]]\napproach = 3", "[[pair]] 1: approach must be a text, not 3"),
        ('[[pair]]\napproach = "a\\nb"', "[[pair]] 1: approach must be one line"),
        ("[[pair]]\nright = 3", "[[pair]] 1: right and tried go together"),
        ("[[pair]]\n[[pair]]\nright = 4\ntried = 3", "[[pair]] 2: right = 4 is more than tried = 3"),
        ("[[pair]]\nright = -1\ntried = 3", "[[pair]] 1: right must be a whole number from 0 up, not -1"),
        ("[[pair]]\nright = true\ntried = 3", "[[pair]] 1: right must be a whole number from 0 up, not True"),
        ('[[pair]]\napproach = "Algebra"\n[[pair]]\napproach = "ALGEBRA"', "[[pair]] 2 is [[pair]] 1 again: ALGEBRA"),
        ('[[pair]]\n[[pair.example]]\nquestion = "q"', "[[pair.example]] 1: needs a question and a solution"),
        ('[[pair]]\n[[pair.example]]\nquestions = "q"', "did you mean 'question'?"),
        ('[[pair]]\nexample = ["q"]', "[[pair]] 1: pair.example must be tables"),
        ("[[pair]]\n[[approach]]\nnamed = 3", "[[approach]] 1: needs a name"),
        ("[[pair]]\n[[persona]]\n", "[[persona]] 1: needs a name"),
        ("[[pair]]\n[[spare]]\nexample = []", "unknown key 'example' in approach book book.toml: [[spare]] 1"),
        ("seen = 3\n[[pair]]", "[seen]: must be a table with marks"),
        ("[[pair]]\n[seen]\nmarks = [3]", "[seen]: marks must be a list of texts"),
        ("tasks = 'x'\n[[pair]]", "did you mean 'task'?"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_told_with_its_place(text: str, message: str) -> None:
    assert message in told(text)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"approach book .*none\.toml: No such file"):
        build("strategies", f"div_se(book='{tmp_path}/none.toml')")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bytes\.toml: not UTF-8 text"):
        read_book(tmp_path / "bytes.toml")


def test_a_book_that_was_edited_is_read_anew(tmp_path: Path) -> None:
    path = book(tmp_path)
    before = read_book(path)
    path.write_text(BOOK.replace("Algebra", "Geometry"), encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert (read_book(path).pairs[0].approach, before.pairs[0].approach) == ("Geometry", "Algebra")


async def test_a_wallet_notices_that_the_book_of_its_spec_was_edited(tmp_path: Path) -> None:
    path, asked = book(tmp_path), list[str]()
    expert = ScriptedExpert(lambda request: asked.append(request.messages[-1].text) or "The answer is 4.")
    async with Orchestrator(experts=[expert.value], strategy=f"div_se(book='{path}')") as orchestrator:
        await orchestrator.solve("What is 2 + 2?", kind="number")
        path.write_text(BOOK.replace("Algebra", "Geometry"), encoding="utf-8")
        os.utime(path, ns=(1, 1))
        first, asked = asked, []
        await orchestrator.solve("What is 2 + 2?", kind="number")
    told = [["Algebra" in text for text in texts].count(True) for texts in (first, asked)]
    assert (told[0] > 0, told[1]) == (True, 0)
    assert any("Geometry" in text for text in asked)


@pytest.mark.parametrize("name", ["div_se", "idiv_se"])
def test_what_it_has_seen_is_told(name: str, tmp_path: Path) -> None:
    path = book(tmp_path, written(FULL))
    made = build("strategies", f"{name}(book='{path}')")
    assert isinstance(made, Prepared)
    assert set(made.seen) == FULL.seen
    assert not DivSE().seen
