"""Answers in pieces come to what they would have been whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.experts.pieces import BrokenOff, Interrupted, OpenAIPieces, Unreadable, listener, mendable

END = {"index": 0, "delta": {}, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def said(index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": None}


def body(*choices: Any, done: bool = True, **last: Any) -> bytes:
    """Each choice in a piece of its own; `last` is one more, without any."""
    pieces = [{"id": "c", "model": "m", "choices": [choice]} for choice in choices]
    pieces += [{"id": "c", "model": "m", "choices": [], **last}] if last else []
    told = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    return "".join([*told, *(["data: [DONE]\n\n"] if done else [])]).encode()


def whole(data: bytes, choices: int = 1, size: int | None = None) -> Any:
    pieces, step = OpenAIPieces(choices), size or len(data) or 1
    for begin in range(0, len(data), step):
        pieces.take(data[begin : begin + step])
    return pieces.whole()


def message(*deltas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = whole(body(*[said(**delta) for delta in deltas], END))["choices"][0]["message"]
    return found


def call(index: int | None, id_: str | None = None, name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    told = {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{key: value for key, value in told.items() if value is not None}]}


def calls(*deltas: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = message(*deltas)["tool_calls"]
    return [(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in found]


@given(size=st.integers(1, 80))
def test_it_does_not_matter_where_they_were_cut(size: int) -> None:
    data = body(said(role="assistant", content=""), said(content="äh "), said(content="42"), END, usage=USAGE)
    assert whole(data, size=size) == {
        "id": "c",
        "model": "m",
        "usage": USAGE,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "äh 42"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
    }


def test_choices_may_take_turns_and_come_in_any_order() -> None:
    data = body(said(1, content="b"), said(0, content="a"), said(1, content="B"), {**END, "index": 1}, END)
    assert [choice["message"]["content"] for choice in whole(data, 2)["choices"]] == ["a", "bB"]


def test_reasoning_and_refusals_are_kept_apart() -> None:
    found = message({"reasoning": "hm "}, {"reasoning": "yes"}, {"refusal": "I "}, {"refusal": "won't"})
    assert (found["reasoning"], found["refusal"], found["content"]) == ("hm yes", "I won't", None)


def test_texts_in_lists_of_parts_stay_such() -> None:
    text = {"type": "text", "text": "It is"}
    assert message({"content": [text]}, {"content": " 42"})["content"] == [text, {"type": "text", "text": " 42"}]


class TestToolCalls:
    def test_are_written_piece_by_piece(self) -> None:
        told = calls(
            call(0, "a", "f", ""), call(0, arguments='{"x'), call(1, "b", "g", "{}"), call(0, arguments='": 1}')
        )
        assert told == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]

    def test_may_have_no_numbers(self) -> None:
        told = calls(call(None, "a", "f", "{"), call(None, arguments="}"), call(None, "b", "g", "{}"))
        assert told == [("a", "f", "{}"), ("b", "g", "{}")]

    def test_may_all_have_the_same_number(self) -> None:
        assert calls(call(0, "a", "f", "{}"), call(0, "b", "f", "[]")) == [("a", "f", "{}"), ("b", "f", "[]")]

    def test_may_repeat_their_names_and_change_their_ids(self) -> None:
        assert calls(call(0, "a", "f", "{"), call(0, "a", "f", "}")) == [("a", "f", "{}")]
        assert calls(call(0, "a", "f", "{"), call(0, "z", None, "}")) == [("a", "f", "{}")]

    def test_may_have_arguments_that_are_no_text(self) -> None:
        (found,) = message(call(0, "a", "f", {"x": 1}))["tool_calls"]
        assert found["function"]["arguments"] == {"x": 1}


def test_log_probabilities_are_put_one_behind_the_other() -> None:
    near = [{"content": [{"token": token, "logprob": -1.0}], "refusal": None} for token in "ab"]
    data = body(*[{**said(content="x"), "logprobs": told} for told in (near[0], None, near[1])], END)
    assert whole(data)["choices"][0]["logprobs"] == {"content": near[0]["content"] + near[1]["content"]}


def test_texts_that_go_on_are_too() -> None:
    pieces = [
        {"index": 0, "text": text, "finish_reason": end, "logprobs": {"tokens": [text], "token_logprobs": [-1.0]}}
        for text, end in (("upon", None), (" a time", "length"))
    ]
    assert whole(body(*pieces))["choices"] == [
        {
            "index": 0,
            "text": "upon a time",
            "finish_reason": "length",
            "logprobs": {"tokens": ["upon", " a time"], "token_logprobs": [-1.0, -1.0]},
        }
    ]


def test_of_what_is_told_again_and_again_the_last_counts() -> None:
    early = {"id": "c", "model": "m", "choices": [said(content="4")], "usage": {"prompt_tokens": 3}}
    data = f"data: {json.dumps(early)}\n\n".encode() + body(END, usage=USAGE)
    assert whole(data)["usage"] == USAGE
    nothing = body(said(content="4"), END, usage=USAGE, done=False) + body(END, usage=None)
    assert whole(nothing)["usage"] == USAGE


class TestTheFirstToken:
    def told(self, *pieces: bytes) -> list[int]:
        """After how many pieces it was told of."""
        found: list[int] = []
        count = 0
        take = listener(OpenAIPieces(1), lambda: found.append(count))
        for count, piece in enumerate(pieces, 1):  # noqa: B007 (read by what is called with the first token)
            take(piece)
        return found

    def test_is_told_of_once_and_not_before_a_choice(self) -> None:
        filtered = b'data: {"choices": [], "prompt_filter_results": []}\n\n'
        begun = body(said(role="assistant", content=""), done=False)
        assert self.told(b": waiting\n\n", filtered, begun, body(said(content="x"), done=False)) == [3]

    def test_is_told_of_though_an_error_comes_with_it(self) -> None:
        told: list[int] = []
        take = listener(OpenAIPieces(1), lambda: told.append(1))
        with pytest.raises(Interrupted):
            take(body(said(content="x"), done=False) + b'data: {"error": "gone"}\n\n')
        assert told == [1]


def test_nothing_is_awaited_behind_the_end() -> None:
    pieces = OpenAIPieces(1)
    take = listener(pieces, lambda: None)
    data = body(said(content="42"), END)
    assert (take(data[:-20]), take(data[-20:])) == (False, True)
    take(b"data: and nobody reads on\n\n")
    assert pieces.whole()["choices"][0]["message"]["content"] == "42"


class TestEnds:
    @pytest.mark.parametrize(
        ("choices", "asked"),
        [((), 1), ((said(content="It is"),), 1), ((said(content="a"), END, said(1, content="b")), 2), ((END,), 2)],
        ids=["nothing", "cut", "one of two cut", "one of two missing"],
    )
    def test_where_something_is_missing_it_broke_off(self, choices: Sequence[Any], asked: int) -> None:
        with pytest.raises(BrokenOff):
            whole(body(*choices, done=False), asked)

    def test_half_a_piece_too(self) -> None:
        data = body(said(content="It is "), said(content="42"), END, done=False)
        for end in range(len(data) - 4):  # the empty line at the end may be missing
            with pytest.raises(BrokenOff):
                whole(data[:end])

    def test_the_last_word_may_be_missing_where_all_choices_have_ended(self) -> None:
        assert whole(body(said(content="42"), END, done=False))["choices"][0]["message"]["content"] == "42"

    def test_a_server_may_know_fewer_choices_than_were_asked_for(self) -> None:
        assert len(whole(body(said(content="42"), END), 4)["choices"]) == 1

    @pytest.mark.parametrize("choices", [(), (said(content="42"),)], ids=["nothing", "no reason"])
    def test_an_end_that_tells_no_reason_is_none(self, choices: Sequence[Any]) -> None:
        with pytest.raises(Unreadable):
            whole(body(*choices))


@pytest.mark.parametrize(
    "event",
    [
        'data: {"error": {"message": "gone", "code": 503}}',
        'data: {"object": "error", "message": "gone", "code": 503}',
        'event: error\ndata: {"message": "gone", "code": 503}',
        'data: {"error": {"message": "gone", "code": 503}, "choices": [{"delta": {}, "finish_reason": "error"}]}',
        'error: {"message": "gone", "code": 503}',
    ],
    ids=["OpenAI", "vLLM", "named", "with a choice", "llama.cpp"],
)
def test_errors_are_told_in_many_ways(event: str) -> None:
    with pytest.raises(Interrupted) as caught:
        whole(body(said(content="It"), done=False) + f"{event}\n\n".encode())
    assert "gone" in caught.value.body


ODD = [None, True, 1.5, "x", [], {}, [None], [{}], "[" * 3000]
PLACES = ["", "choices", "index", "delta", "content", "tool_calls", "function", "logprobs", "finish_reason"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_pieces_are_an_answer_or_none_and_no_crash(place: str, odd: Any) -> None:
    piece: Any = {"choices": [{**said(content="42"), "logprobs": {"content": []}}]}
    choice = piece["choices"][0]
    match place:
        case "":
            piece = odd
        case "choices":
            piece["choices"] = odd
        case "content" | "tool_calls":
            choice["delta"] = {place: odd}
        case "function":
            choice["delta"] = {"tool_calls": [{"index": 0, "function": odd}]}
        case _:
            choice[place] = odd
    with suppress(Unreadable):
        assert whole(f"data: {json.dumps(piece)}\n\n".encode() + body(END))["choices"]


def test_what_is_no_json_is_said() -> None:
    with pytest.raises(Unreadable, match="JSONDecodeError"):
        whole(b"data: <html>\n\n")


@pytest.mark.parametrize(
    ("extra", "is_mendable"), [({}, True), ({"top_k": 3}, True), ({"stream": False}, False), ({"audio": {}}, False)]
)
def test_what_users_send_along_may_make_something_else_of_it(extra: dict[str, Any], is_mendable: bool) -> None:
    assert mendable(extra) == is_mendable
