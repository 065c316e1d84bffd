"""Medprompt: neighbours by an embedder's vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import ConfigError, Request, asolve
from orchestrator.errors import WrongKey
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.medprompt import Medprompt
from orchestrator.types import Estimate, Expert, packed
from tests.clock import run_virtual

from .golden import calls
from .planning import wide
from .quizzing import ASKED, POOL, Script, picks, questions

PLACED = tuple(
    replace(one, vector=vector)
    for one, vector in zip(
        POOL, [(1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (-1.0, 0.0), (0.8, 0.6), (0.0, -1.0)], strict=True
    )
)


def embedding(script: Script | None = None, *, latency: float = 0.0) -> ScriptedExpert:
    def vectors(request: Request) -> str:
        return packed([(1.0, 0.0) for _ in request.messages])

    return ScriptedExpert(script or vectors, id="embed-model", latency=latency)


def test_the_question_is_embedded_once_and_its_nearest_found(stored: Callable[..., str]) -> None:
    expert, embedder = ScriptedExpert(picks("Jupiter"), latency=1.0), embedding(latency=1.0)
    spec = f"medprompt(store={stored(*PLACED, embedder='embed-model')}, examples=3)"
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy=spec, roles={"embedder": embedder.value}))
    assert [message.text for request in embedder.requests for message in request.messages] == [ASKED.prompt]
    assert questions(expert.requests[0])[:-1] == [POOL[i].question for i in (2, 4, 0)]
    assert (seconds, out.usage.calls) == (2.0, 6)
    assert calls(out)[0] == ((0, 0), "embed")


async def test_spread_takes_the_nearest_of_several_clusters(stored: Callable[..., str]) -> None:
    """Four examples are nearest and alike, four others nearly as near."""
    alike = [replace(POOL[0], question=f"alike {i}", vector=(0.9, 0.436, 0.001 * i)) for i in range(4)]
    other = [replace(POOL[0], question=f"other {i}", vector=(0.8, -0.6, 0.001 * i)) for i in range(4)]
    embedder = embedding(lambda request: packed([(1.0, 0.0, 0.0)] * len(request.messages)))
    found = {}
    for selection in ("nearest", "spread"):
        expert = ScriptedExpert(picks("Jupiter"))
        store = stored(*alike, *other, embedder="embed-model")
        spec = f"medprompt(store={store}, examples=4, members=1, selection={selection})"
        await asolve(ASKED, experts=[expert.value], strategy=spec, roles={"embedder": embedder.value})
        found[selection] = questions(expert.requests[0])[:-1]
    assert found["nearest"] == ["alike 3", "alike 2", "alike 1", "alike 0"]
    assert found["spread"] == ["other 1", "other 0", "alike 1", "alike 0"]


async def test_an_embedder_that_fails_leaves_the_words(stored: Callable[..., str]) -> None:
    def broken(_: Request) -> str:
        return "I cannot embed."

    expert = ScriptedExpert(picks("Jupiter"))
    spec = f"medprompt(store={stored(*PLACED, embedder='embed-model')}, examples=1)"
    out = await asolve(ASKED, experts=[expert.value], strategy=spec, roles={"embedder": embedding(broken).value})
    assert [event.facts["by"] for event in out.trace if event.kind == "examples"] == ["words"]
    assert out.answer == "B"


async def test_an_embedder_that_is_lost_for_good_ends_the_problem(stored: Callable[..., str]) -> None:
    def refused(_: Request) -> str:
        raise WrongKey("401")

    expert = ScriptedExpert(picks("Jupiter"))
    spec = f"medprompt(store={stored(*PLACED, embedder='embed-model')})"
    lost = embedding(refused).value
    out = await asolve(ASKED, experts=[expert.value], strategy=spec, roles={"embedder": lost})
    assert (out.stopped_by, "401" in out.reason, expert.requests) == ("failed", True, [])


@pytest.mark.parametrize("other", [None, "another-model"])
async def test_another_embedder_than_the_files_is_one_clear_error(
    stored: Callable[..., str], other: str | None
) -> None:
    expert = ScriptedExpert(picks("Jupiter"))
    roles: dict[str, str | Expert] = {}
    if other is not None:
        roles["embedder"] = replace(embedding().value, id=other, model=other)
    spec = f"medprompt(store={stored(*PLACED, embedder='embed-model')})"
    with pytest.raises(ConfigError, match=r"vectors of embed-model, but .*--role embedder=embed-model"):
        await asolve(ASKED, experts=[expert.value], strategy=spec, roles=roles)
    assert expert.requests == []


async def test_vectors_of_another_length_are_one_clear_error(stored: Callable[..., str]) -> None:
    long = embedding(lambda request: packed([(1.0, 0.0, 0.0)] * len(request.messages)))
    spec = f"medprompt(store={stored(*PLACED, embedder='embed-model')})"
    with pytest.raises(ConfigError, match="with 2 numbers, but the embedder gave 3"):
        await asolve(
            ASKED, experts=[ScriptedExpert(picks("Mars")).value], strategy=spec, roles={"embedder": long.value}
        )


@pytest.mark.parametrize("retriever", ["words", "auto"])
async def test_no_embedder_is_asked_where_words_do(stored: Callable[..., str], retriever: str) -> None:
    embedder = embedding()
    pool = PLACED if retriever == "words" else POOL
    name = "embed-model" if retriever == "words" else None
    spec = f"medprompt(store={stored(*pool, embedder=name)}, retriever={retriever})"
    await asolve(
        ASKED, experts=[ScriptedExpert(picks("Mars")).value], strategy=spec, roles={"embedder": embedder.value}
    )
    assert embedder.requests == []


def test_vectors_are_wanted_of_a_file_that_has_none(stored: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="retriever=vectors"):
        Medprompt(Path(stored().strip('"')), retriever="vectors")
    with pytest.raises(ValueError, match="retriever=vectors"):
        Medprompt(retriever="vectors")


def test_without_examples_nothing_is_embedded(stored: Callable[..., str]) -> None:
    path = Path(stored(*PLACED, embedder="embed-model").strip('"'))
    assert Medprompt(path, examples=0).estimate(ASKED, 1) == Medprompt().estimate(ASKED, 1)


def test_the_lowest_rung_goes_without_vectors(stored: Callable[..., str]) -> None:
    path = Path(stored(*PLACED, embedder="embed-model").strip('"'))
    full = Medprompt(path)
    assert full.estimate(ASKED, 1) == Estimate(6, 6.0, 6, 2, 5)
    assert full.fit(6, ASKED, 1) == full
    assert full.fit(3, ASKED, 1) == replace(full, members=2)
    assert full.fit(1, ASKED, 1) == replace(full, members=1, retriever="words")
    assert full.fit(0, ASKED, 1) is None
