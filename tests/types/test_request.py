"""Identity: what makes two requests one, in this version and in every later one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import (
    Completion,
    ImagePart,
    Labels,
    Message,
    Reply,
    Request,
    Sampling,
    TextPart,
    Tokens,
    ToolCall,
    canonical,
)

PLAIN = Request("openai/gpt-4o-mini", "openai/gpt-4o-mini", (Message("user", "What is 2 + 2?"),))
FULL = Request(
    "fast",
    "openai/m",
    (
        Message("system", "Be brief."),
        Message("user", (TextPart("Größe?"), ImagePart("https://example.org/a.png", "low"))),
        Message("assistant", "", tool_calls=(ToolCall("c1", "size", '{"of": "a"}'),)),
        Message("tool", "3", tool_call_id="c1"),
    ),
    Sampling(0.7, 0.9, 2048, ("END",), 7, "low", "completion", {"min_p": 0.1}),
    3,
    "seed=1/2!slow",
    ({"type": "function", "function": {"name": "size"}},),
    {"type": "json_object"},
)

GOLDEN = {
    "plain": (PLAIN, "bb2ee58972bb95c12ddfe743cb33a757"),
    "plain, sample 1": (PLAIN.sample(1), "4c7047f7cfe4e0e7e837e08521847917"),
    "capped": (replace(PLAIN, sampling=Sampling(max_tokens=2048), salt="seed=0"), "3e50407102050e045bd6b265b7616471"),
    "everything": (FULL, "587b5e7fddf1345abc8f9fb46bdd4c3c"),
}
"""A change of any of these makes every journal that exists worthless."""


@pytest.mark.parametrize("name", GOLDEN)
def test_keys_stay_the_same_from_version_to_version(name: str) -> None:
    request, key = GOLDEN[name]
    assert request.key.hex() == key


def message(number: int, other: Message) -> Callable[[Request], Request]:
    return lambda r: replace(r, messages=(*r.messages[:number], other, *r.messages[number + 1 :]))


def sampled(**settings: object) -> Callable[[Request], Request]:
    return lambda r: replace(r, sampling=replace(r.sampling, **settings))  # type: ignore[arg-type]


def picture(url: str, detail: str | None) -> Message:
    return Message("user", (TextPart("Größe?"), ImagePart(url, detail)))


CHANGES: dict[str, Callable[[Request], Request]] = {
    "expert": lambda r: replace(r, expert="other"),
    "model": lambda r: replace(r, model="other"),
    "messages": message(0, Message("system", "Be long.")),
    "a message's role": message(0, Message("user", "Be brief.")),
    "order of messages": lambda r: replace(r, messages=r.messages[::-1]),
    "one message more": lambda r: replace(r, messages=(*r.messages, Message("user", ""))),
    "another image": message(1, picture("https://example.org/b.png", "low")),
    "detail of the image": message(1, picture("https://example.org/a.png", None)),
    "no image": message(1, Message("user", "Größe?")),
    "arguments of a call": message(2, Message("assistant", "", tool_calls=(ToolCall("c1", "size", "{}"),))),
    "no call": message(2, Message("assistant", "")),
    "the call that a tool answers": message(3, Message("tool", "3", "c2")),
    "temperature": sampled(temperature=0.8),
    "temperature 0": sampled(temperature=0.0),
    "no temperature": sampled(temperature=None),
    "top_p": sampled(top_p=0.5),
    "top_logprobs": sampled(top_logprobs=5),
    "max_tokens": sampled(max_tokens=2049),
    "stop": sampled(stop=("END", "STOP")),
    "seed": sampled(seed=8),
    "seed 0": sampled(seed=0),
    "reasoning_effort": sampled(reasoning_effort="high"),
    "mode": sampled(mode="chat"),
    "extra_body": sampled(extra_body={"min_p": 0.2}),
    "true": sampled(extra_body={"min_p": True}),
    "1": sampled(extra_body={"min_p": 1}),
    "sample_index": lambda r: replace(r, sample_index=4),
    "salt": lambda r: replace(r, salt="seed=1/2"),
    "tools": lambda r: replace(r, tools=()),
    "response_format": lambda r: replace(r, response_format=None),
    "an empty response format": lambda r: replace(r, response_format={}),
}


def test_everything_that_changes_a_reply_changes_the_key() -> None:
    keys = {name: change(FULL).key for name, change in CHANGES.items()}
    keys["nothing"] = FULL.key
    assert len(set(keys.values())) == len(keys), "two of them share a key"


def test_nothing_that_changes_a_reply_is_forgotten_here() -> None:
    named = {f.name for f in (*fields(Sampling), *fields(Request))} - {"sampling", "labels", "base", "key"}
    assert named <= set(CHANGES)


def test_labels_are_not_in_the_key() -> None:
    labelled = replace(FULL, labels=Labels("another problem", "vote", (1, 2, 3)))
    assert labelled.key == FULL.key
    assert labelled == FULL


SPELLINGS: dict[str, Callable[[Request], Request]] = {
    "order of keys": lambda r: replace(r, tools=({"function": {"name": "size"}, "type": "function"},)),
    "lists and tuples": lambda r: replace(r, sampling=replace(r.sampling, stop=["END"])),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_of_the_same_is_the_same(name: str) -> None:
    assert SPELLINGS[name](FULL).key == FULL.key


def test_1_and_1_0_are_one_temperature() -> None:
    whole, real = (replace(PLAIN, sampling=Sampling(t, t)) for t in (1, 1.0))
    assert whole == real
    assert whole.key == real.key


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_sample_equals_the_request_built_anew(one: int, other: int) -> None:
    derived, built = FULL.sample(one), replace(FULL, sample_index=one)
    for f in fields(Request):
        assert getattr(derived, f.name) == getattr(built, f.name)
    assert (FULL.sample(other).key == derived.key) == (one == other)
    assert derived.sample(FULL.sample_index) == FULL
    assert derived.base == FULL.base


def test_requests_of_one_base_differ_in_their_sample_alone() -> None:
    bases = {change(FULL).base for name, change in CHANGES.items() if name != "sample_index"}
    assert len(bases) == len(CHANGES) - 1
    assert FULL.base not in bases
    assert len(FULL.key) == len(FULL.base) == 16


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def spelled(value: object) -> str:
    """JSON that tells apart what JSON tells apart."""
    return json.dumps(value, sort_keys=True)


@given(JSON, JSON)
def test_canonical_bytes_are_equal_exactly_when_the_values_are(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (spelled(one) == spelled(other))
    assert json.loads(canonical(one).decode("utf-8", "surrogatepass")) == one


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=5), st.randoms())
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(value: dict[str, object], rng: object) -> None:
    items = list(value.items())
    rng.shuffle(items)  # type: ignore[attr-defined]
    assert canonical(dict(items)) == canonical(value)


def test_canonical_bytes_take_what_utf_8_does_not() -> None:
    assert canonical("\ud800") != canonical("\udc00")
    assert canonical({"a": "ü"}) == b'{"a":"\xc3\xbc"}'


class TestSize:
    """Bytes bound the tokens of a prompt, so none may be missed."""

    @pytest.mark.parametrize("text", ["abc", "Größe", "漢字", "\ud800", ""], ids=["a", "b", "c", "d", "e"])
    def test_texts_count_in_bytes(self, text: str) -> None:
        length = len(text.encode("utf-8", "surrogatepass"))
        assert replace(PLAIN, messages=(Message("user", text),)).size == length
        call = Message("assistant", "", tool_calls=(ToolCall("c", "f", text),))
        assert replace(PLAIN, messages=(call,)).size == length + 1

    def test_parts_tools_and_formats_count_and_images_do_not(self) -> None:
        image = ImagePart("data:image/png;base64," + "A" * 1000)
        assert replace(PLAIN, messages=(Message("user", (TextPart("ab"), image)),)).size == 2
        tools = ({"name": "a tool"},)
        assert replace(PLAIN, tools=tools).size >= PLAIN.size + len(json.dumps(tools[0])) - 2
        assert replace(PLAIN, response_format={"type": "json_object"}).size >= PLAIN.size + 20


class TestSampling:
    def test_what_is_set_lies_over_what_was(self) -> None:
        under = Sampling(0.1, 0.5, 100, ("A",), 1, "low", "completion", {"a": 1, "b": 1})
        assert under.merged(None) == under
        assert under.merged(Sampling()) == under
        assert Sampling().merged(under) == under
        over = Sampling(temperature=0.0, stop=("B",), seed=0, extra_body={"b": 2})
        assert under.merged(over) == Sampling(0.0, 0.5, 100, ("B",), 0, "low", "completion", {"a": 1, "b": 2})

    def test_json_holds_what_is_set_and_nothing_else(self) -> None:
        assert Sampling().to_json() == {}
        assert Sampling(temperature=0, stop=("A",), extra_body={"a": 1}).to_json() == {
            "temperature": 0.0,
            "stop": ["A"],
            "extra_body": {"a": 1},
        }


class TestReply:
    REPLY = Reply((Completion("one", "thought", id="1"), Completion("two", id="2"), Completion("three", id="3")))

    def test_its_own_fields_speak_of_the_first(self) -> None:
        assert (self.REPLY.text, self.REPLY.reasoning, self.REPLY.id) == ("one", "thought", "1")

    def test_it_is_the_sequence_of_its_completions(self) -> None:
        assert len(self.REPLY) == 3
        assert [c.text for c in self.REPLY] == ["one", "two", "three"]
        assert [c.text for c in reversed(self.REPLY)] == ["three", "two", "one"]
        assert (self.REPLY[-1].text, [c.text for c in self.REPLY[1:]]) == ("three", ["two", "three"])
        assert Completion("two", id="2") in self.REPLY
        assert self.REPLY.index(Completion("three", id="3")) == 2
        with pytest.raises(IndexError):
            self.REPLY[3]


def test_tokens_add_up() -> None:
    assert Tokens(1, 2, 1, 1, 0.5) + Tokens(10, 20, 10, 10, 0.25) == Tokens(11, 22, 11, 11, 0.75)
