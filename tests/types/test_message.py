"""Messages as chat APIs exchange them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import ImagePart, Json, Message, TextPart, ToolCall

TEXTS = st.text(max_size=20)
PARTS = st.builds(TextPart, TEXTS) | st.builds(ImagePart, TEXTS, st.none() | TEXTS)
CALLS = st.builds(ToolCall, TEXTS, TEXTS, TEXTS)
MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    TEXTS | st.lists(PARTS, max_size=4).map(tuple),
    st.none() | TEXTS,
    st.lists(CALLS, max_size=3).map(tuple),
)


@given(MESSAGES)
def test_what_is_written_as_json_is_read_as_it_was(message: Message) -> None:
    assert Message.of(json.loads(json.dumps(message.to_json()))) == message
    assert Message.of(message) is message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"role": "user", "content": "Hi"}, Message("user", "Hi")),
        ({"role": "developer", "content": "Be brief."}, Message("system", "Be brief.")),
        ({"role": "assistant", "content": None}, Message("assistant", "")),
        ({"role": "assistant"}, Message("assistant", "")),
        ({"role": "assistant", "content": "Hi", "tool_calls": None}, Message("assistant", "Hi")),
        ({"role": "user", "content": [], "name": "Ann"}, Message("user", ())),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://example.org/a.png"}]},
            Message("user", (ImagePart("https://example.org/a.png"),)),
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "3"}]},
            Message("tool", (TextPart("3"),), "c1"),
        ),
    ],
    ids=["text", "developer", "null", "nothing", "no-calls", "no-parts", "bare-url", "tool"],
)  # fmt: skip
def test_it_takes_what_chat_apis_take(given: dict[str, Json], message: Message) -> None:
    assert Message.of(given) == message


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("Hi", "with role and content, not str"),
        ([], "with role and content, not list"),
        ({"content": "Hi"}, "role should be one of system, user, assistant, tool, not None"),
        ({"role": "robot", "content": "Hi"}, "not 'robot'"),
        ({"role": ["user"], "content": "Hi"}, "role should be one of"),
        ({"role": "user"}, "a message with role user needs a content"),
        ({"role": "tool", "content": None, "tool_call_id": "1"}, "role tool needs a content"),
        ({"role": "user", "content": 3}, "a text or a list of parts, not int"),
        ({"role": "user", "content": {"type": "text"}}, "a text or a list of parts, not dict"),
        ({"role": "user", "content": ["Hi"]}, "an object with type text or image_url"),
        ({"role": "user", "content": [{"text": "Hi"}]}, "an object with type text or image_url"),
        ({"role": "user", "content": [{"type": "text"}]}, "'text' needs a text"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "needs image_url.url"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "'input_audio' is not supported"),
        ({"role": "assistant", "tool_calls": "f()"}, "tool_calls should be a list, not str"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "a tool call is an object with id and function.name"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_wrong_is_named(given: Json, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(").replace(")", r"\)")) as caught:
        Message.of(given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


PICTURE = ImagePart("https://example.org/a.png")


def test_text_and_images_of_a_message() -> None:
    message = Message("user", (TextPart("one"), PICTURE, TextPart("two")))
    assert (message.text, message.images) == ("one\ntwo", (PICTURE,))
    assert (Message("user", "one").text, Message("user", "one").images) == ("one", ())


def test_other_text_keeps_the_images() -> None:
    message = Message("user", (TextPart("one"), PICTURE), tool_call_id="c")
    assert message.with_text("new") == Message("user", (TextPart("new"), PICTURE), "c")
    assert Message("user", "one").with_text("new") == Message("user", "new")
    assert Message("user", (TextPart("one"),)).with_text("new") == Message("user", "new")
