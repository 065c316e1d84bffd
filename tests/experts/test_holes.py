"""Answers that lack a choice in their middle: every sample keeps its own, and is billed once, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import Engine, Seat, SqliteJournal
from orchestrator.experts.channel import library
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of
from orchestrator.types import Expert, Price
from tests.experts.serving import Canned, batch

PRICE = Price(1e-6, 10e-6)
PROMPT, EACH = 100, 10


@dataclass
class Holed(Canned):
    """Answers several samples with `choices`, each an index and a text, and one sample with a text of its own."""

    choices: Sequence[tuple[int | None, str]] = ()

    def _answer(self) -> bytes:
        alone = [(0, f"alone {len(self.bodies)}")]
        told = self.choices if self.bodies[-1].get("n", 1) > 1 else alone
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} for i, text in told
        ]
        completion = EACH * len(choices)
        usage = {"prompt_tokens": PROMPT, "completion_tokens": completion, "total_tokens": PROMPT + completion}
        body = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}
        self.body = json.dumps(body)
        return super()._answer()


@dataclass
class Sampled:
    """What became of samples 3, 4, 5 and 6 of one prompt; 4 belongs to a problem of its own."""

    texts: list[str]
    journalled: list[str | None]
    asked: list[Any]
    run: Scope
    other: Scope


async def sampled(folder: Path, client: str, *choices: tuple[int | None, str]) -> Sampled:
    run = Scope("run", paid=True)
    problem, other = Scope("problem", parent=run), Scope("other", parent=run)
    requests = batch(3, 4, 5, 6)
    journal = SqliteJournal(folder / "journal.sqlite")
    async with Holed(200, "", choices=choices) as server:
        expert = Expert("e", "openai/m", client=client, api_base=server.base_url, price=PRICE)
        async with Engine({"e": expert}, backend_of, journal) as engine:
            seats = [Seat(other if request.sample_index == 4 else problem) for request in requests]
            landed = await asyncio.gather(*map(engine.ask, requests, seats))
            texts = [one.completion.text for one in landed]
            kept = [found and found.text for found in (journal.get(request.key) for request in requests)]
        return Sampled(texts, kept, [body.get("n") for body in server.bodies], run, other)


def billed(run: Scope, calls: int, requests: int, choices: int) -> None:
    """What was paid is what the server told, each sample once."""
    spent = run.spent
    assert (spent.calls, spent.tokens) == (calls, requests * PROMPT + choices * EACH)
    assert spent.usd == pytest.approx(requests * PROMPT * 1e-6 + choices * EACH * 10e-6)


async def test_a_missing_choice_is_asked_for_again_and_none_moves_into_its_place(tmp_path: Path) -> None:
    found = await sampled(tmp_path, "direct", (0, "three"), (2, "five"), (3, "six"))
    assert found.texts == found.journalled == ["three", "alone 2", "five", "six"]
    assert found.asked == [4, None]
    billed(found.run, calls=4, requests=2, choices=4)


async def test_where_the_library_numbers_choices_anew_each_sample_still_has_one_of_its_own(tmp_path: Path) -> None:
    library()
    found = await sampled(tmp_path, "litellm", (0, "three"), (2, "five"), (3, "six"))
    assert sorted(found.texts) == ["alone 2", "five", "six", "three"]
    assert found.texts == found.journalled
    billed(found.run, calls=4, requests=2, choices=4)


@pytest.mark.parametrize("client", ["direct", "litellm"])
async def test_an_empty_choice_is_its_own_samples_loss(tmp_path: Path, client: str) -> None:
    if client == "litellm":
        library()
    found = await sampled(tmp_path, client, (0, "three"), (1, ""), (2, "five"), (3, "six"))
    assert found.texts == found.journalled == ["three", "alone 2", "five", "six"]
    billed(found.run, calls=5, requests=2, choices=5)
    assert found.other.spent.calls == 2, "whose sample it was counts what was generated for nothing"


@pytest.mark.parametrize("client", ["direct", "litellm"])
async def test_fewer_choices_than_asked_for_go_to_the_first(tmp_path: Path, client: str) -> None:
    if client == "litellm":
        library()
    found = await sampled(tmp_path, client, (0, "three"), (1, "four"))
    assert found.texts[:2] == ["three", "four"]
    assert sorted(found.texts[2:]) == ["alone 2", "alone 3"]
    assert found.texts == found.journalled
    billed(found.run, calls=4, requests=3, choices=4)


@pytest.mark.parametrize("numbers", [(0, 0, 0, 0), (None, None, None, None), (0, 1, 1, 2)], ids=["0", "none", "twice"])
async def test_choices_without_numbers_of_their_own_keep_their_order(
    tmp_path: Path, numbers: tuple[int | None, ...]
) -> None:
    texts = ["three", "four", "five", "six"]
    found = await sampled(tmp_path, "direct", *zip(numbers, texts, strict=True))
    assert found.texts == found.journalled == texts
    assert found.asked == [4]


async def test_a_server_that_counts_from_one_loses_nothing(tmp_path: Path) -> None:
    found = await sampled(tmp_path, "direct", (1, "three"), (2, "four"), (3, "five"), (4, "six"))
    assert sorted(found.texts) == ["five", "four", "six", "three"]
    assert found.texts == found.journalled
    assert found.asked == [4]
    billed(found.run, calls=4, requests=1, choices=4)
