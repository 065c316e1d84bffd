from __future__ import annotations

from orchestrator.experts.capabilities import Capabilities, Refusal
from orchestrator.experts.wire import call_for, first_only, folded, provider_seed
from orchestrator.types import ImagePart, Message, TextPart
from tests.experts.serving import batch, request

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def test_a_call_holds_what_the_request_sets_and_nothing_else() -> None:
    call = call_for(batch(0, temperature=0.7, stop=("a", "b"), extra_body={"top_k": 5}), Capabilities())
    assert call.arguments == {
        "messages": [{"role": "user", "content": "What is 6 x 7?"}],
        "temperature": 0.7,
        "stop": ["a", "b"],
        "max_tokens": 500,
        "extra_body": {"top_k": 5},
    }
    assert call.sent == {"temperature", "stop", "max_tokens"}
    assert call.dropped == ()


def test_several_samples_are_asked_for_as_n() -> None:
    call = call_for(batch(3, 4, 9), Capabilities())
    assert call.arguments["n"] == 3
    assert "n" in call.sent
    assert call.choices == 3


def test_what_a_server_refuses_is_left_out_and_named() -> None:
    refused = ("temperature", "stop", "reasoning_effort", "json_schema", "logprobs")
    have = Capabilities({**dict.fromkeys(refused, False), "max_tokens": "max_completion_tokens"})
    asked = batch(
        0,
        temperature=0.7,
        stop=("a",),
        reasoning_effort="low",
        response_format={"type": "json_object"},
        top_logprobs=2,
        extra_body={"top_k": 5},
    )
    call = call_for(asked, have)
    assert set(call.arguments) == {"messages", "max_completion_tokens", "extra_body"}
    assert call.arguments["extra_body"] == {"top_k": 5}
    assert set(call.dropped) == {*refused, "max_tokens=max_completion_tokens"}
    assert call.sent == {"max_completion_tokens"}


def test_only_what_was_asked_for_is_named_as_left_out() -> None:
    assert call_for(batch(0), Capabilities({"temperature": False, "stop": False})).dropped == ()


def test_a_system_message_is_folded_into_the_first_user_message() -> None:
    talk = (Message("system", "Be brief."), Message("user", "Hi."), Message("assistant", "Yes?"), Message("user", "4?"))
    call = call_for(batch(0, messages=talk), Capabilities({"system": False}))
    assert call.arguments["messages"] == [
        {"role": "user", "content": "Be brief.\n\nHi."},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "4?"},
    ]
    assert call.dropped == ("system",)


def test_folding_keeps_images_and_needs_no_user_message() -> None:
    picture = ImagePart("http://host/a.png")
    user = Message("user", (TextPart("What is this?"), picture))
    (message,) = folded((Message("system", "Be brief."), user))
    assert message.text == "Be brief.\n\nWhat is this?"
    assert message.images == (picture,)
    assert folded((Message("system", "Be brief."),)) == (Message("user", "Be brief."),)


def test_the_provider_seed_is_31_bits_of_seed_salt_and_sample() -> None:
    seeds = {
        provider_seed(request(seed=seed, salt=salt, sample=sample))
        for seed in (0, 1)
        for salt in ("", "a")
        for sample in range(8)
    }
    assert len(seeds) == 32
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)
    assert provider_seed(request()) is None
    assert provider_seed(request(seed=1)) == provider_seed(request("another text", seed=1))


def test_a_seeded_batch_leaves_one_by_one() -> None:
    assert len(first_only(batch(0, 1, 2), None)) == 3
    assert len(first_only(batch(0, 1, 2), 2)) == 2
    assert [r.sample_index for r in first_only(batch(1, 2, seed=5), None)] == [1]


def test_a_completion_prompt_is_the_text_of_the_messages() -> None:
    talk = (Message("system", "A story."), Message("user", "Once"))
    call = call_for(batch(0, messages=talk, mode="completion"), Capabilities({"max_tokens": "max_completion_tokens"}))
    assert call.arguments["prompt"] == "A story.\n\nOnce"
    assert call.arguments["max_tokens"] == 500
    assert "messages" not in call.arguments


def test_tools_go_along() -> None:
    call = call_for(batch(0, tools=(TOOL,)), Capabilities())
    assert call.arguments["tools"] == [TOOL]


def test_alternatives_are_asked_for_in_the_words_of_each_form() -> None:
    chat = call_for(batch(0, top_logprobs=20), Capabilities())
    assert (chat.arguments["logprobs"], chat.arguments["top_logprobs"]) == (True, 20)
    assert (chat.sent, chat.alternatives) == ({"logprobs", "max_tokens"}, 20)
    plain = call_for(batch(0, top_logprobs=5, mode="completion"), Capabilities())
    assert plain.arguments["logprobs"] == 5
    assert "top_logprobs" not in plain.arguments
    alone = call_for(batch(0, top_logprobs=0), Capabilities())
    assert alone.arguments["logprobs"] is True
    assert "top_logprobs" not in alone.arguments
    assert "logprobs" not in call_for(batch(0), Capabilities()).arguments


def test_of_fewer_alternatives_than_asked_for_it_is_told_how_many_were() -> None:
    have = Capabilities()
    assert have.learn(Refusal("'top_logprobs' must be at most 5.", "top_logprobs"), {"logprobs"}, alternatives=20)
    call = call_for(batch(0, top_logprobs=20), have)
    assert (call.arguments["top_logprobs"], call.dropped) == (5, ("top_logprobs=5",))
    assert call_for(batch(0, top_logprobs=3), have).dropped == ()
