"""Events and lines, wherever the bytes that they come in were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.experts.events import Event, Events, Lines

STREAM = """\ufeff: waiting

data: {"a": 1}

data:{"b": "ü😀"}

event: error
id: 7
retry: 10
data: first
data:  second

: waiting
data: [DONE]

"""
FOUND = [Event("", '{"a": 1}'), Event("", '{"b": "ü😀"}'), Event("error", "first\n second"), Event("", "[DONE]")]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {len(data)})
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def events_of(pieces: list[bytes]) -> list[Event]:
    events = Events()
    return [event for piece in pieces for event in events.feed(piece)] + events.end()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_are_the_same_wherever_they_were_cut_and_however_lines_end(end: str, places: list[int]) -> None:
    assert events_of(cut(STREAM.replace("\n", end).encode(), places)) == FOUND


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_are_there_as_soon_as_they_have_come(end: str) -> None:
    events = Events()
    assert events.feed(f"data: 1{end}{end}".encode()) == [Event("", "1")]
    assert events.feed(f"data: 2{end}".encode()) == []
    assert events.feed(end.encode()) == [Event("", "2")]


@pytest.mark.parametrize("rest", ["", "\n", "\n\n"])
def test_the_last_one_counts_without_an_end(rest: str) -> None:
    assert events_of([f"data: 1\n\ndata: 2{rest}".encode()]) == [Event("", "1"), Event("", "2")]


def test_fields_without_data_are_no_event() -> None:
    assert events_of([b"event: ping\n\nid: 3\n\n\n\ndata\n\ndata: 1\n\n"]) == [Event("", ""), Event("", "1")]


def test_an_error_told_as_older_llama_cpp_does_is_one() -> None:
    assert events_of([b'error: {"code": 500}\n\n']) == [Event("error", '{"code": 500}')]


def test_what_is_no_utf8_is_said() -> None:
    with pytest.raises(UnicodeDecodeError):
        Events().feed(b"data: \xff\xfe\n\n")


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\r\n\ufeff", exclude_categories=["Cs"]))),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    places=st.lists(st.integers(0, 60), max_size=20),
)
def test_lines_are_put_together_again(texts: list[str], end: str, places: list[int]) -> None:
    lines, data = Lines(), "".join(text + end for text in texts).encode()
    assert [line for piece in cut(data, places) for line in lines.feed(piece)] == texts
    assert lines.end() == []
