"""The error tree is what its page says, and each error is one clear line."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from orchestrator import errors
from orchestrator.errors import (
    BadPrompt,
    BenchmarkError,
    BudgetExceeded,
    ConfigError,
    ExpertError,
    OrchestratorError,
    RateLimited,
    Stopped,
    UnknownName,
    WrongKey,
)


def drawn() -> dict[str, tuple[str | None, str]]:
    """Name -> (the one above it, what is said of it), as the module's page draws the tree."""
    found: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines()[2:]:
        match = re.match(r"([│├└─ ]*)(\w+)\s*(.*)", line)
        assert match, line
        depth = len(match[1]) // 4
        del above[depth:]
        found[match[2]] = (above[-1] if above else None, match[3])
        above.append(match[2])
    return found


def real() -> dict[str, type[OrchestratorError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, OrchestratorError)
    }


def test_the_page_draws_the_tree_that_there_is() -> None:
    assert {name: above for name, (above, _) in drawn().items()} == {
        name: None if kind is OrchestratorError else kind.__bases__[0].__name__ for name, kind in real().items()
    }


@pytest.mark.parametrize("name", sorted(name for name, kind in real().items() if issubclass(kind, ExpertError)))
def test_the_page_says_what_is_retried_and_refunded(name: str) -> None:
    kind, words = real()[name], re.findall(r"retried|refunded|charged", drawn()[name][1])
    assert issubclass(kind, ExpertError)
    if kind is ExpertError:
        assert words == []
        assert not kind.retried
        assert not kind.refunded
    else:
        assert words == [*["retried"] * kind.retried, "refunded" if kind.refunded else "charged"]


def test_a_failed_call_names_its_expert() -> None:
    error = RateLimited("slow down", expert="openai/m", retry_after=3.0)
    assert (str(error), error.message, error.expert, error.retry_after) == (
        "openai/m: slow down",
        "slow down",
        "openai/m",
        3.0,
    )
    assert str(WrongKey("bad key")) == "bad key"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("plansaerch", ["cot", "plansearch"], "; did you mean 'plansearch'?"),
        ("xyz", ["cot", "plansearch"], "; there are: cot, plansearch"),
        ("xyz", [], ""),
        ("xyz", [f"name{i}" for i in range(13)], ""),
    ],
    ids=["close", "few", "none", "many"],
)
def test_an_unknown_name_gets_a_suggestion_or_what_there_is(name: str, known: list[str], hint: str) -> None:
    error = UnknownName("strategy", name, known, "-s")
    assert str(error) == f"unknown strategy '{name}' in -s{hint}"
    assert (error.what, error.name, error.known) == ("strategy", name, tuple(known))
    assert error.suggestion == ("plansearch" if "did you mean" in hint else None)
    assert str(UnknownName("strategy", name, known)).startswith(f"unknown strategy '{name}'")


def test_a_budget_that_ended_says_whose_and_what_would_have_done() -> None:
    assert str(BudgetExceeded("problem 3", "calls", 40, 41.0)) == (
        "budget of problem 3 ended: calls=40; the next call needs calls=41"
    )
    assert str(BudgetExceeded("run", "usd", 0.2, 0.212345)).endswith("usd=0.2; the next call needs usd=0.2123")
    assert str(BudgetExceeded("run", "seconds", 60, 60)) == "budget of run ended: seconds=60"
    error = BudgetExceeded("run", "tokens", 10, 12)
    assert (error.scope, error.dimension, error.cap, error.smallest) == ("run", "tokens", 10, 12)


def test_a_set_that_cannot_be_read_is_named_with_its_line() -> None:
    assert str(BenchmarkError("not JSON", "a.jsonl", 7)) == "a.jsonl:7: not JSON"
    assert str(BenchmarkError("empty", "a.jsonl")) == "a.jsonl: empty"
    assert str(BenchmarkError("no such set")) == "no such set"


ONE_OF_EACH = [
    ConfigError("c"),
    UnknownName("strategy", "a", ["b"], "here"),
    BadPrompt("p"),
    BudgetExceeded("run", "usd", 0.1, 0.2),
    BenchmarkError("m", "path", 3),
    Stopped(),
    RateLimited("slow down", expert="e", retry_after=2.0),
]


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("way", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))], ids=["copy", "pickle"])
def test_they_cross_processes_whole(error: OrchestratorError, way: object) -> None:
    other = way(error)  # type: ignore[operator]
    assert type(other) is type(error)
    assert (str(other), vars(other), other.args) == (str(error), vars(error), error.args)


def test_they_can_be_caught_at_any_level() -> None:
    for kind in (WrongKey, errors.ExpertLost, ExpertError, OrchestratorError):
        with pytest.raises(kind):
            raise WrongKey("x")
