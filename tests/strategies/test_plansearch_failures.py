"""What goes wrong on the way costs PlanSearch a branch, and is never taken for a thought."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator import (
    BadRequest,
    ContentFiltered,
    ExpertError,
    ExpertTimeout,
    Message,
    Outcome,
    Problem,
    Request,
    WrongKey,
    asolve,
)  # fmt: skip
from orchestrator.experts.scripted import ScriptedExpert
from tests.clock import run_virtual

from .planning import CHAIN, ORIGINAL, REVISED, TASK, asked_for, counts, lines, mark_of, script, thinker, wide

JUNK = "It is hard to say what matters here."
SMALL = "plansearch(keep=2, depth=1)"
"""Four sets, three of them with observations."""


def search(expert: ScriptedExpert, spec: str = SMALL, problem: Problem = TASK) -> Outcome:
    out, _ = run_virtual(asolve(problem, experts=[wide(expert)], strategy=spec))
    return out


# -- lists that cannot be read ------------------------------------------------------------


def tries(*replies: str) -> Callable[[Request], str]:
    return lambda request: replies[min(request.sample_index, len(replies) - 1)]


def test_a_list_is_asked_for_again_with_rising_temperature() -> None:
    expert = thinker(serialise=tries(JUNK, JUNK, '["It ends.", "It begins."]'))
    out = search(expert)
    asked = asked_for(expert, "serialise")
    assert [(r.sample_index, r.sampling.temperature) for r in asked] == [(0, 0.0), (1, 0.2), (2, 0.4)]
    assert len({r.messages for r in asked}) == 1
    assert len(out.candidates) == 8
    # What could not be read is no part of any line.
    assert all(purposes[:4] in (CHAIN, ORIGINAL[:4], REVISED[:4]) for purposes in lines(out))


def test_after_three_tries_there_are_no_observations_and_the_run_goes_on() -> None:
    expert = thinker(serialise=tries(JUNK))
    out = search(expert)
    assert (counts(expert)["serialise"], counts(expert)["plan"], len(out.candidates)) == (3, 1, 2)
    assert (out.stopped_by, out.usage.failed) == ("done", 0)


def test_where_nothing_was_observed_the_layer_below_asks_for_another_sample() -> None:
    expert = thinker(serialise="[]")
    search(expert, "plansearch(keep=2)")
    first, again = asked_for(expert, "observe")
    assert first.messages == again.messages
    assert (first.sample_index, again.sample_index) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "1. It ends.\n2. It begins.",
        "Sure!\n\n- It ends.\n- It begins.\n",
        "```json\n[\"It ends.\", \"It begins.\"]\n```",
        "['It ends.', 'It begins.']",
        "**Observation 1:** It ends.\n\n**Observation 2:** It begins.",
        '{"observations": [{"text": "It ends."}, {"text": "It begins."}]}',
    ],
)  # fmt: skip
def test_a_list_that_is_no_json_is_read_at_the_first_try(text: str) -> None:
    expert = thinker(serialise=text)
    search(expert)
    assert counts(expert)["serialise"] == 1
    (pair,) = [r for r in asked_for(expert, "plan") if r.messages[-1].text.count("\n- ") == 2]
    assert "- It ends.\n- It begins.\n" in pair.messages[-1].text


def test_words_around_a_list_are_no_observations() -> None:
    expert = thinker(serialise="Here are the observations that I kept:\n\n1. It ends.\n2. It begins.\n\nGood luck!")
    search(expert)
    assert counts(expert)["plan"] == 4
    assert not [r for r in asked_for(expert, "plan") if "Here are" in r.messages[-1].text or "luck" in str(r.messages)]


def test_a_reply_is_never_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    expert = thinker(serialise='[print("evaluated"), "It ends."]')
    search(expert)
    assert "evaluated" not in capsys.readouterr().out


# -- replies that say nothing -------------------------------------------------------------


@pytest.mark.parametrize("said", ["I'm sorry, but I can't help with that.", "...", "As an AI, I must refuse."])
@pytest.mark.parametrize(
    ("purpose", "candidates"),
    [("observe", 2), ("list", 2), ("filter", 2), ("plan", 0), ("criticise", 4), ("fix", 4), ("pseudocode", 0)],
)
def test_a_refusal_ends_its_branch_and_is_not_built_upon(purpose: str, candidates: int, said: str) -> None:
    expert = thinker(2, **{purpose: said})
    out = search(expert)
    assert len(out.candidates) == candidates
    later = [r for r in expert.requests if any(said in message.text for message in r.messages)]
    assert not later
    assert out.stopped_by == "done"


def test_an_answer_that_refuses_abstains_and_is_counted() -> None:
    out = search(thinker(2, answer="I cannot help with that."))
    assert (len(out.candidates), out.answer, out.chosen_by) == (8, None, "first")
    assert all(scored.candidate.key is None for scored in out.candidates)


# -- calls that fail ----------------------------------------------------------------------


def failing(purpose: str, error: Callable[[], ExpertError], count: int = 2, only: int | None = None) -> ScriptedExpert:
    """An expert that fails on a purpose: always, or on the `only`-th request of it."""
    seen: list[bytes] = []
    usual = script(count)

    def say(request: Request) -> str:
        if request.key not in seen:
            seen.append(request.key)
        if only is None or seen.index(request.key) == only:
            raise error()
        return str(usual(request))

    return thinker(count, **{purpose: say})


def timeout() -> ExpertError:
    return ExpertTimeout("TIMEOUT SENTINEL", expert="scripted")


@pytest.mark.parametrize(
    ("purpose", "only", "candidates"),
    [
        ("observe", 0, 2), ("list", 0, 2), ("filter", 0, 2), ("serialise", 0, 2),
        ("plan", 0, 6), ("plan", 2, 6), ("criticise", 1, 7), ("fix", 1, 7), ("pseudocode", 0, 7), ("answer", 0, 7),
        ("criticise", None, 4), ("pseudocode", None, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("error", [timeout, lambda: ContentFiltered("FILTER SENTINEL", expert="scripted")])
def test_a_failed_call_costs_its_branch_and_its_words_go_nowhere(
    purpose: str, only: int | None, candidates: int, error: Callable[[], ExpertError]
) -> None:
    expert = failing(purpose, error, only=only)
    out = search(expert)
    assert len(out.candidates) == candidates
    assert not [r for r in expert.requests if "SENTINEL" in str(r.messages)]
    assert not [scored for scored in out.candidates if "SENTINEL" in scored.candidate.text]
    assert out.stopped_by == ("done" if candidates else "failed")
    assert out.usage.failed + out.usage.refused > 0
    assert any(event.kind == "branch lost" for event in out.trace)


def test_a_failed_conversation_of_the_second_layer_costs_what_would_have_grown_there() -> None:
    out = search(failing("observe", timeout, only=2), "plansearch(keep=2)")
    assert len(out.candidates) == 32 - 6


def test_an_expert_that_is_lost_fails_the_problem_at_once() -> None:
    def lost(request: Request) -> str:
        raise WrongKey("no such key", expert="scripted")

    expert = ScriptedExpert(lost)
    out = search(expert, "plansearch")
    assert (out.stopped_by, out.candidates) == ("failed", ())
    assert "no such key" in out.reason
    assert len(expert.requests) <= 2


def test_a_prompt_that_is_too_long_for_one_step_costs_that_step() -> None:
    out = search(failing("pseudocode", lambda: BadRequest("too long", expert="scripted"), only=0))
    assert (len(out.candidates), out.usage.failed) == (7, 1)


def test_a_thought_that_its_cap_cut_is_asked_for_with_a_larger_one_and_then_given_up() -> None:
    endless = " ".join(["word"] * 1000)
    expert = thinker(2, plan=lambda r: endless if "- Fact" in r.messages[-1].text else "A plan.")
    out = search(expert, "plansearch(keep=2, depth=1, max_tokens=100)")
    assert (len(out.candidates), out.usage.truncated) == (2, 3)
    assert {r.sampling.max_tokens for r in asked_for(expert, "plan")} == {100, 400}
    assert not [r for r in asked_for(expert, "criticise") if "word word" in r.messages[-1].text]


def test_thoughts_of_a_reasoning_model_reach_no_later_prompt() -> None:
    usual = script(2)

    def say(request: Request) -> str:
        said = usual(request)
        assert isinstance(said, str)
        return f"<think>SECRET {mark_of(request)}</think>{said}"

    expert = ScriptedExpert(say)
    out = search(expert, "plansearch(keep=2)")
    assert len(out.candidates) == 32
    assert not [r for r in expert.requests if "SECRET" in str(r.messages)]


# -- programs -----------------------------------------------------------------------------


def test_of_several_blocks_the_one_with_the_entry_point_is_the_program() -> None:
    said = "First a helper:\n```python\nprint('shown')\n```\nand all of it:\n```python\ndef f(x):\n    return x\n```"
    problem = Problem("p", (Message("user", "Write f."),), "code", meta={"entry_point": "f"})
    out = search(thinker(1, answer=said), SMALL, problem)
    assert out.answer == "def f(x):\n    return x\n"


def test_unfenced_text_is_a_program_only_if_it_compiles() -> None:
    problem = Problem("p", (Message("user", "Write f."),), "code", meta={"entry_point": "f"})
    assert search(thinker(1, answer="def f(x):\n    return x"), SMALL, problem).answer == "def f(x):\n    return x\n"
    assert search(thinker(1, answer="def f(x): you return x"), SMALL, problem).answer is None
