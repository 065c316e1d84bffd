from __future__ import annotations

import pytest

from orchestrator.masking import masked, masked_url
from orchestrator.types import Json


@pytest.mark.parametrize(
    "key", ["api_key", "apikey", "X-Access-Key", "Authorization", "auth-token", "client.secret", "password", "sig"]
)
def test_values_under_keys_that_sound_secret_are_masked(key: str) -> None:
    assert masked("x", key) == "***"
    assert masked({key: "x"}) == {key: "***"}
    assert masked(None, key) is None


@pytest.mark.parametrize("key", ["max_tokens", "key", "key_env", "keys", "monkey", "tokenizer", "author"])
def test_other_keys_keep_their_values(key: str) -> None:
    assert masked("x", key) == "x"


def test_every_header_is_masked_at_any_depth() -> None:
    value: Json = {"expert": [{"headers": {"X-Any": "secret"}, "id": "e"}]}
    assert masked(value) == {"expert": [{"headers": {"X-Any": "***"}, "id": "e"}]}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h/x", "https://***@h/x"),
        ("https://token@h", "https://***@h"),
        ("https://h/x?key=s&page=2#f", "https://h/x?key=***&page=2#f"),
        ("see https://u:p@h and https://v:q@i", "see https://***@h and https://***@i"),
        ("https://h/a@b", "https://h/a@b"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_credentials_are_cut_out_of_urls(url: str, shown: str) -> None:
    assert masked_url(url) == shown
    assert masked({"note": url}) == {"note": shown}
