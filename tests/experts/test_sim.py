"""Simulated experts as the engine asks them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import asolve
from orchestrator.errors import OutOfReach, UnknownName
from orchestrator.evals.sets import open_set
from orchestrator.experts.pool import experts_of, read_pool
from orchestrator.experts.sim import backend, experts_in
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.types import Expert, Labels, Message, Problem, Request, Sampling, unpacked
from tests.experts.serving import batch, request

STORY = (
    "Nora buys 3 pens at $2 each and 4 books at $5 each. She pays with $50. How many dollars of change does she get?"
)


def test_all_is_the_pool_and_a_name_is_one_of_it() -> None:
    everybody = experts_of(["sim:all"])
    assert [expert.id for expert in everybody] == [f"sim:{name}" for name in PEOPLE]
    assert experts_of(["sim:clio"]) == everybody[2:3]
    assert len(everybody) == 6
    for expert in everybody:
        assert (expert.client, expert.price and expert.price.of(100, 100)) == ("sim", 0.0)
        assert expert.skills


def test_a_name_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match=r"unknown simulated expert 'cleo'; did you mean 'clio'\?"):
        experts_of(["sim:cleo"])
    with pytest.raises(UnknownName, match="unknown simulated expert"):
        backend(Expert("x", "sim:nobody", client="sim"))


def test_a_pool_file_may_have_them_under_other_names(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text('[[expert]]\nid = "reader"\nmodel = "sim:clio"\nclient = "sim"\n')
    (expert,) = read_pool(file)
    assert (expert.id, expert.model, expert.client) == ("reader", "sim:clio", "sim")
    assert expert.price is not None


async def texts(requests: list[Request], name: str = "flo") -> list[str]:
    (expert,) = experts_in(name)
    return [completion.text for completion in (await backend(expert).complete(requests)).completions]


async def test_tokens_are_estimated_and_cost_nothing() -> None:
    (expert,) = experts_in("ada")
    requests = batch(0, 1, text=STORY)
    response = await backend(expert).complete(requests)
    assert [c.tokens.prompt for c in response.completions] == [-(-len(STORY) // 4)] * 2
    assert [c.tokens.completion for c in response.completions] == [-(-len(c.text) // 4) for c in response.completions]
    assert response.bill.prompt == response.completions[0].tokens.prompt
    assert response.bill.completion == sum(c.tokens.completion for c in response.completions)
    assert response.bill.usd == 0


async def test_a_cap_and_a_stop_string_cut() -> None:
    (whole,) = await texts([request(STORY)], "ada")
    (expert,) = experts_in("ada")
    (cut,) = (await backend(expert).complete([request(STORY, max_tokens=5)])).completions
    assert (cut.text, cut.finish, cut.tokens.completion) == (whole[:20], "length", 5)
    assert await texts([request(STORY, stop=("Step 2",))], "ada") == [whole.partition("Step 2")[0]]


async def test_at_temperature_0_all_samples_are_sample_0() -> None:
    cold = await texts([request(STORY, sample=i, temperature=0.0) for i in range(12)])
    warm = await texts([request(STORY, sample=i, temperature=0.7) for i in range(12)])
    assert len(set(cold)) == 1
    assert len(set(warm)) > 1


async def test_a_scope_with_a_salt_of_its_own_has_samples_of_its_own() -> None:
    one = [await texts([request(STORY, sample=i, salt="seed=0")]) for i in range(12)]
    other = [await texts([request(STORY, sample=i, salt="seed=1")]) for i in range(12)]
    assert one != other


async def test_a_question_at_the_end_of_a_long_text_is_found() -> None:
    long = "\n\n".join(f"Paragraph {i} tells of the price of pens and of books, {i} in all." for i in range(3000))
    assert "24" in "".join(await texts([request(f"{long}\n\n{STORY}", sample=i) for i in range(5)], "ada"))


async def test_only_messages_and_the_sample_reach_an_expert() -> None:
    """Problems under random ids, in another order, for another purpose: the same replies."""
    rng = random.Random(7)
    problems = [case.problem for case in open_set("mini")]
    said = {}
    for problem in problems:
        said[problem.messages] = await texts([request(messages=problem.messages)])
    for problem in rng.sample(problems, len(problems)):
        labels = Labels(f"{rng.random()}", rng.choice(("answer", "vote", "plan")), (rng.randrange(9),))
        other = request(messages=problem.messages, labels=labels, expert="somebody", model="something")
        assert await texts([other]) == said[problem.messages]


async def test_solving_does_not_depend_on_the_id_of_a_problem() -> None:
    problem = Problem("word_problems/0", (Message("user", STORY),), "number")
    outcomes = [
        await asolve(replace(problem, id=name), strategy="self_consistency", experts=["sim:all"], seed=1)
        for name in ("word_problems/0", "e3b0c442", "24")
    ]
    assert len({outcome.answer for outcome in outcomes}) == 1
    assert len({tuple(scored.candidate.text for scored in outcome.candidates) for outcome in outcomes}) == 1


@pytest.mark.parametrize("name", PEOPLE)
async def test_a_question_out_of_reach_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(
        OutOfReach, match=r"no expert here can answer this.*Python.*logic grids, word problems"
    ) as refused:
        await texts([request("Who wrote Hamlet?")], name)
    assert not refused.value.retried
    assert refused.value.refunded
    assert refused.value.expert == f"sim:{name}"


async def test_a_problem_out_of_reach_ends_as_failed() -> None:
    outcome = await asolve("Who wrote Hamlet?", strategy="cot", experts=["sim:all"])
    assert outcome.stopped_by == "failed"


async def test_asked_for_embeddings_it_gives_vectors_in_which_texts_of_like_words_lie_close() -> None:
    texts = ["How many pens does Nora buy?", "How many pens did Nora buy?", "Which planet is the largest?", "?"]
    asked = Request("e", "sim:clio", tuple(Message("user", text) for text in texts), Sampling(mode="embedding"))
    (reply,) = (await backend(Expert("e", "sim:clio", client="sim")).complete([asked])).completions
    pens, pens_too, planet, nothing = unpacked(reply.text)

    def cosine(one: Sequence[float], other: Sequence[float]) -> float:
        return sum(x * y for x, y in zip(one, other, strict=True))

    assert cosine(pens, pens) == pytest.approx(1.0)
    assert cosine(pens, pens_too) > 0.7 > 0.3 > cosine(pens, planet)
    assert not any(nothing)
    assert (reply.tokens.prompt, reply.tokens.completion) == (-(-asked.size // 4), 0)
