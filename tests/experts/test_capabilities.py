from __future__ import annotations

import pytest

from orchestrator.experts.capabilities import SETTINGS, Capabilities, Refusal

ALL = set(SETTINGS)


_VALUE = "Unsupported value: 'temperature' does not support 0.7 with this model."
_REFUSED = {
    "temperature": [
        Refusal(_VALUE, "temperature", "unsupported_value"),
        Refusal("'temperature' does not support 0.7 with this model. Only the default (1) value is supported."),
        Refusal("`temperature` may only be set to 1 when thinking is enabled."),
    ],
    "stop": [Refusal("Unsupported parameter: 'stop' is not supported.", "stop", "unsupported_parameter")],
    "reasoning_effort": [Refusal("Unrecognized request argument supplied: reasoning_effort")],
    "seed": [
        Refusal('json: unknown field "seed"'),
        Refusal("seed: Extra inputs are not permitted", "seed", "extra_forbidden"),
        Refusal("openai does not support parameters: ['seed'], for model=x.", code="unsupported_parameter"),
    ],
    "logprobs": [Refusal("Additional properties are not allowed ('top_logprobs' was unexpected)")],
    "json_schema": [Refusal("response_format is not supported by this model")],
    "top_p": [Refusal("Argument not supported on this model: presencePenalty, top_p")],
}


@pytest.mark.parametrize(
    ("setting", "refusal"), [(setting, refusal) for setting, refusals in _REFUSED.items() for refusal in refusals]
)
def test_a_refused_setting_is_learned_from_the_words_of_a_400(setting: str, refusal: Refusal) -> None:
    have = Capabilities()
    assert have.takes(setting)
    assert have.learn(refusal, ALL)
    assert not have.takes(setting)
    assert all(have.takes(other) for other in ALL - {setting})


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("Invalid 'temperature': Expected <= 2, got 3.", "temperature", "decimal_above_max_value"),
        Refusal("max_tokens is too large: 99999. This model supports at most 16384 completion tokens.", "max_tokens"),
        Refusal("Invalid schema for response_format 'x'", "response_format", "invalid_json_schema"),
        Refusal("Invalid 'stop': array too long. Expected at most 4.", "stop", "array_above_max_length"),
        Refusal("Something is wrong."),
        Refusal("Unsupported parameter: 'verbosity'", "verbosity", "unsupported_parameter"),
    ],
)
def test_a_bad_value_is_the_users_to_mend_and_teaches_nothing(refusal: Refusal) -> None:
    have = Capabilities()
    assert not have.learn(refusal, ALL)
    assert all(have.takes(setting) for setting in ALL)


def test_only_settings_that_were_sent_are_learned() -> None:
    refusal = Refusal("Unsupported parameter: 'seed' is not supported", "seed", "unsupported_parameter")
    assert not Capabilities().learn(refusal, {"temperature", "max_tokens"})


def test_the_cap_is_renamed_once_and_never_dropped() -> None:
    have = Capabilities()
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    assert have.cap == "max_tokens"
    assert have.learn(Refusal(words, "max_tokens", "unsupported_parameter"), {"max_tokens"})
    assert have.cap == "max_completion_tokens"
    again = Refusal("Unsupported parameter: 'max_completion_tokens'", "max_completion_tokens", "unsupported_parameter")
    assert not have.learn(again, {"max_completion_tokens"})
    assert have.cap == "max_completion_tokens"


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "System role not supported",
        "Only user and assistant roles are supported!",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Developer instruction is not enabled; system messages are not supported for this model",
    ],
)
def test_a_server_without_system_messages_is_recognised(message: str) -> None:
    have = Capabilities()
    assert have.learn(Refusal(message), {"system", "temperature"})
    assert not have.takes("system")
    assert have.takes("temperature")


def test_a_setting_is_refused_in_the_words_system_does_not_come_from() -> None:
    have = Capabilities()
    refusal = Refusal("Unsupported value: 'temperature' does not support 0.7", "temperature", "unsupported_value")
    assert have.learn(refusal, {"system", "temperature"})
    assert have.takes("system")


def test_several_choices_are_given_up_whatever_is_wrong_with_n() -> None:
    have = Capabilities()
    assert have.most is None
    assert have.learn(Refusal("Invalid value: 'n' must be at most 2, got 4.", "n", "invalid_value"), {"n"})
    assert have.most == 1


@pytest.mark.parametrize(
    ("message", "asked", "most"),
    [
        ("Invalid value: 'n' must be at most 2, got 4.", 4, 2),
        ("Invalid 'n': integer above maximum value. Expected a value <= 8, but got 12 instead.", 12, 8),
        ("candidateCount must be between 1 and 8", 9, 8),
        ("'n' : number must be at most 1", 4, 1),
        ("n must be 1 when using greedy sampling, got 4.", 4, 1),
        ("'n' must be at most 128.", 4, 1),
    ],
)
def test_a_refusal_that_says_how_many_choices_there_may_be_is_believed_where_that_is_fewer(
    message: str, asked: int, most: int
) -> None:
    have = Capabilities()
    assert have.learn(Refusal(message, "n", "invalid_value"), {"n"}, asked)
    assert have.most == most


@pytest.mark.parametrize(
    ("message", "param", "most"),
    [
        ("Invalid value for 'top_logprobs': expected a value <= 5, but got 20 instead.", "top_logprobs", 5),
        ("Requested sample logprobs of 20, which is greater than max allowed: 10", "", 10),
        ("top_logprobs must be between 0 and 8", "", 8),
        ("'logprobs' may be at most 5 for completions", "logprobs", 5),
    ],
)
def test_a_refusal_that_says_how_many_alternatives_there_may_be_is_believed(
    message: str, param: str, most: int
) -> None:
    have = Capabilities()
    assert have.learn(Refusal(message, param), {"logprobs"}, alternatives=20)
    assert have.alternatives == most
    assert have.takes("logprobs")
    assert not have.learn(Refusal(message, param), {"logprobs"}, alternatives=most)


def test_limits_of_other_settings_say_nothing_about_alternatives() -> None:
    have = Capabilities()
    assert not have.learn(Refusal("'stop' may have at most 4 entries.", "stop"), {"logprobs"}, alternatives=20)
    assert have.alternatives > 20


def test_fewer_choices_than_asked_become_the_limit() -> None:
    have = Capabilities()
    have.limit(2)
    assert have.most == 2
    have.limit(0)
    assert have.most == 1


def test_what_the_user_declares_is_never_overruled() -> None:
    have = Capabilities({"temperature": True, "max_tokens": "max_completion_tokens", "n": False})
    refusal = Refusal("Unsupported value: 'temperature' does not support 0.7", "temperature", "unsupported_value")
    assert not have.learn(refusal, {"temperature"})
    have.look_up(["n"])
    assert have.takes("temperature")
    assert have.cap == "max_completion_tokens"
    assert have.most == 1


def test_what_a_provider_does_not_list_is_not_sent_to_it() -> None:
    have = Capabilities()
    have.look_up(["temperature", "top_p", "stop", "max_completion_tokens", "stream", "logprobs"])
    assert not have.takes("n")
    assert not have.takes("seed")
    assert not have.takes("json_schema")
    assert not have.takes("logprobs"), "log-probabilities without alternatives"
    assert have.takes("temperature")
    assert have.takes("system")
    assert have.cap == "max_completion_tokens"
