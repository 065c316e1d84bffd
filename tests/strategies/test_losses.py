"""Every strategy with experts that lose calls, refuse, or say nothing: a branch is lost, never the run, and no answer
is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Outcome
from orchestrator.errors import BadRequest, ConnectionLost, ContentFiltered, ServerBusy, UnknownModel, WrongKey
from orchestrator.types import Completion, Request
from tests.clock import run_virtual

from .disturbing import Script, benched, drawn, forgiving, pool
from .entry import Entry, entry, names

pytestmark = pytest.mark.usefixtures("patient")

SIGN = "zyzzyva"
"""A word of what went wrong, which no expert must ever be shown."""


def raising(error: type[ConnectionLost | ContentFiltered]) -> Script:
    def answer(request: Request) -> str:
        raise error(f"the server says {SIGN}", expert=request.expert)

    return answer


LOSSES: dict[str, Script] = {
    "lost": raising(ConnectionLost),
    "refused": raising(ContentFiltered),
    # The cap comes before anything is said, also when it is larger.
    "cut off": lambda request: Completion("", reasoning=f"Thinking of {SIGN}", finish="length"),
}


@pytest.fixture(params=names())
def one(request: pytest.FixtureRequest) -> Entry:
    return entry(request.param)


def solved(one: Entry, script: Script, folder: Path) -> tuple[Outcome, list[Request]]:
    """What came of it, and each request that was sent, once for every attempt."""
    sent: list[Request] = []

    def answer(request: Request) -> str | Completion:
        sent.append(request)
        return script(request)

    out, _ = run_virtual(benched(one.problem, pool(answer, one.experts, latency="exp:1"), one.spec_in(folder)))
    return out, sent


def differing(sent: list[Request], lost: Callable[[Request], bool]) -> int:
    """How many of the requests are lost; the same with a larger cap is the same."""
    return len({replace(r, sampling=replace(r.sampling, max_tokens=None)).key for r in sent if lost(r)})


@pytest.mark.usefixtures("virtual_time")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", LOSSES)
def test_every_third_call_is_lost(one: Entry, how: str, seed: int, tmp_path: Path) -> None:
    script = forgiving(one)

    def lost(request: Request) -> bool:
        return drawn(request, seed) % 3 == 0

    out, sent = solved(one, lambda r: LOSSES[how](r) if lost(r) else script(r), tmp_path)
    assert not [r for r in sent if any(SIGN in message.text for message in r.messages)]
    assert not [s for s in out.candidates if SIGN in s.candidate.text]
    counted = {"lost": out.usage.failed, "refused": out.usage.refused, "cut off": out.usage.truncated}
    # Two who wait for one request have both lost it.
    assert counted.pop(how) >= differing(sent, lost)
    assert not any(counted.values())
    if out.stopped_by == "failed":
        assert (out.candidates, out.reason.startswith(one.experts)) == ((), True)
    else:
        assert out.stopped_by in ("done", "verifier")


@pytest.mark.usefixtures("virtual_time")
@pytest.mark.parametrize("error", [WrongKey, UnknownModel, BadRequest, ServerBusy, ContentFiltered])
def test_with_every_expert_lost_it_fails_for_the_reason_of_the_provider(
    one: Entry, error: type[BadRequest], tmp_path: Path
) -> None:
    def answer(request: Request) -> str:
        raise error("the server says no", expert=request.expert)

    out, sent = solved(one, answer, tmp_path)
    assert (out.stopped_by, out.answer, out.chosen_by, out.candidates) == ("failed", None, "none", ())
    assert out.reason.endswith("the server says no")
    assert out.reason.startswith(one.experts)
    assert (out.usage.calls, out.usage.failed + out.usage.refused > 0, bool(sent)) == (0, True, True)


@pytest.mark.parametrize("said", ["hm.", "", "I'm sorry, but I can't help with that."], ids=["hm", "blank", "sorry"])
@pytest.mark.parametrize("one", [name for name in names() if entry(name).problem.kind != "text"], indirect=True)
def test_what_cannot_be_read_has_no_vote(one: Entry, said: str, tmp_path: Path) -> None:
    """Out of whatever is said, a text can be read; so this is about the other kinds."""
    out, _ = solved(one, lambda _: Completion(said), tmp_path)
    assert (out.answer, out.confidence, out.ranking, out.stopped_by) == (None, 0.0, (), "done")
    assert all(s.candidate.key is None and not s.passed for s in out.candidates)
