from __future__ import annotations

import stat

import pytest

from orchestrator.config import set_value, unset_value, user_file
from orchestrator.errors import ConfigError

from .conftest import Place


def test_a_missing_file_is_made_for_its_owner_only(place: Place) -> None:
    assert set_value("seed", "7") == user_file()
    assert place.load().settings.seed == 7
    assert stat.S_IMODE(user_file().stat().st_mode) == 0o600


def test_comments_order_and_other_keys_stay(place: Place) -> None:
    path = place.user("# mine\nseed = 1  # why\n\n# later\n[sets]\na = 'x'\n")
    set_value("seed", "2")
    set_value("sets.b", "y z")
    text = path.read_text()
    assert text.startswith("# mine\nseed = 2  # why\n\n# later\n[sets]\na = 'x'\n")
    assert place.load().settings.sets == {"a": "x", "b": "y z"}


@pytest.mark.parametrize(
    ("key", "text", "stored"),
    [
        ("budget", "usd=0.2,calls=4", "usd=0.2,calls=4"),
        ("concurrency", "8", 8),
        ("experts", '["a", "b"]', ["a", "b"]),
        ("experts", "a,b", "a,b"),
        ("verifier", "true", "true"),
        ("api_base", "http://localhost:1/v1", "http://localhost:1/v1"),
        ("verifier", '"x"\nseed = 5', '"x"\nseed = 5'),
        ("roles.judge", "openai/gpt-5", "openai/gpt-5"),
    ],
)
def test_text_is_stored_as_the_value_that_fits(place: Place, key: str, text: str, stored: object) -> None:
    from orchestrator.config.sources import read_toml

    set_value(key, text)
    found: object = read_toml(user_file())
    for part in key.split("."):
        assert isinstance(found, dict)
        found = found[part]
    assert found == stored
    place.load()


@pytest.mark.usefixtures("planner")
def test_settings_of_a_strategy_are_checked_against_its_fields(place: Place) -> None:
    set_value("strategies.demo_planner.depth", "3")
    assert place.load().settings.strategies == {"demo_planner": {"depth": 3}}
    with pytest.raises(ConfigError, match="unknown setting 'dept'"):
        set_value("strategies.demo_planner.dept", "3")
    assert place.load().settings.strategies == {"demo_planner": {"depth": 3}}


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("sead", "1", "unknown key 'sead'; did you mean 'seed'"),
        ("seed", "x", "seed should be a valid integer"),
        ("expert", "x", "edited by hand"),
        ("budget.usd", "1", "budget is one value in .*; set it whole"),
        ("key_env", "sk-Secret", "key_env should be the name"),
    ],
)
def test_what_does_not_fit_leaves_the_file_alone(place: Place, key: str, text: str, message: str) -> None:
    path = place.user("budget = 'calls=4'\n")
    with pytest.raises(ConfigError, match=message) as caught:
        set_value(key, text)
    assert "Secret" not in str(caught.value)
    assert path.read_text() == "budget = 'calls=4'\n"


def test_a_key_can_be_removed(place: Place) -> None:
    path = place.user("# mine\nseed = 1\nsets.a = 'x'\n")
    unset_value("sets.a")
    unset_value("seed")
    assert path.read_text() == "# mine\n"
    with pytest.raises(ConfigError, match="does not set seed"):
        unset_value("seed")


def test_a_link_to_the_file_stays_a_link(place: Place) -> None:
    real = place.home / "dotfiles.toml"
    real.write_text("seed = 1\n")
    user_file().parent.mkdir(parents=True)
    user_file().symlink_to(real)
    set_value("seed", "2")
    assert user_file().is_symlink()
    assert real.read_text() == "seed = 2\n"
