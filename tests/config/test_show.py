from __future__ import annotations

from orchestrator.config import rows

from .conftest import Place


def test_rows_are_ordered_and_say_where_each_value_came_from(place: Place) -> None:
    place.user('budget = "usd=0.2"\nstrategy = "cot"\nsets.a = "x"')
    shown = [(row.key, row.value, row.origin) for row in rows(place.load(seed=3))]
    file = "user ~/.config/orchestrator/config.toml"
    assert shown == [
        ("strategy", ["cot"], file),
        ("budget.usd", 0.2, file),
        ("concurrency", 64, "default"),
        ("seed", 3, "command line --seed"),
        ("min_isolation", 0, "default"),
        ("sets.a", "x", file),
    ]


def test_secrets_are_masked(place: Place) -> None:
    place.user("""
        api_base = "https://user:hidden1@host/v1?api_key=hidden2&x=1"
        [[expert]]
        id = "e"
        model = "m"
        key_env = "SHOWN_NAME"
        api_base = "https://hidden3@host/v1"
        headers = { X-Custom = "hidden4" }
        extra_body = { auth_token = "hidden5", max_tokens = 7 }
    """)
    config = place.load()
    text = str(rows(config))
    assert "hidden" not in text
    assert "https://***@host/v1?api_key=***&x=1" in text
    assert "SHOWN_NAME" in text
    assert "'max_tokens': 7" in text
    assert "hidden4" in str(config.settings.expert)
