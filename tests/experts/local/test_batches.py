"""Batches of a model in this process change nothing: neither what it says nor what is drawn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.experts.local import LocalBackend
from orchestrator.experts.pool import experts_of
from tests.experts.local.stage import asking, expert_of, generated, one, serving, together, torch
from tests.tiny_models import save

PROMPTS = ("hi", "a longer question than the one before", "x" * 150, "hi there")
KINDS: dict[str, tuple[dict[str, Any], bool]] = {
    "qwen2": ({}, True),
    "llama": ({}, True),
    "mistral": ({"sliding_window": 16}, False),
    "bloom": ({"n_layer": 2, "n_head": 4}, False),
}
"""Fields, and whether rows may come and go."""


@pytest.mark.parametrize("kind", KINDS)
async def test_greedy_replies_of_a_batch_are_those_of_transformers_alone(tmp_path: Path, kind: str) -> None:
    fields, joins = KINDS[kind]
    path = save(tmp_path / kind, kind=kind, ends=False, **fields)
    expert = expert_of(path)
    async with serving(expert) as local:
        alone = [await one(local, asking(expert, prompt)) for prompt in PROMPTS]
        replies = await together(local, [asking(expert, prompt) for prompt in PROMPTS])
        assert local._device is not None
        assert [each.joins for each in local._device._shelf.models.values()] == [joins]
    assert replies == alone
    assert [reply.text for reply in replies] == [generated(path, prompt, 20) for prompt in PROMPTS]


async def test_short_replies_do_not_wait_for_long_ones_and_others_take_their_place(model: Path) -> None:
    (expert,) = experts_of([f"local:{model},device=cpu,batch=2"])
    ended: list[str] = []

    async def ask(local: LocalBackend, prompt: str, tokens: int) -> None:
        await one(local, asking(expert, prompt, max_tokens=tokens))
        ended.append(prompt)

    async with serving(expert) as local:
        await one(local, asking(expert, "warm"))
        assert local._device is not None
        before = local._device.counts.steps
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(local, "long", 300))
            await asyncio.sleep(0)
            for i in range(6):
                group.create_task(ask(local, f"short {i}", 10))
        assert local._device.counts.steps - before < 330  # the short ones went along with the long one
    assert ended[-1] == "long"


async def test_samples_are_drawn_by_what_is_asked_and_not_by_what_else_is_in_the_batch(model: Path) -> None:
    expert = expert_of(model)
    requests = [asking(expert, "hi", i, temperature=0.9, top_p=0.9) for i in range(8)]
    async with serving(expert) as local:
        alone = [await one(local, request) for request in requests]
        others = [asking(expert, "hello", i, temperature=1.3) for i in range(5)]
        crowd = await together(local, [*others, *requests])
        batched = (await local.complete(requests)).completions
    assert crowd[5:] == alone
    assert list(batched) == alone
    assert len({reply.text for reply in alone}) == len(alone)


async def test_a_seed_decides_together_with_salt_and_sample(model: Path) -> None:
    expert, alias = expert_of(model), expert_of(model, id="alias")
    async with serving(expert) as local, serving(alias) as second:
        first = await one(local, asking(expert, "hi", 1, temperature=1.0, seed=5))
        again = await one(second, asking(alias, "hi", 1, temperature=1.0, seed=5))
        salted = await one(local, replace(asking(expert, "hi", 1, temperature=1.0, seed=5), salt="s"))
    assert first.text == again.text != salted.text


def test_draws_come_as_often_as_they_are_likely() -> None:
    from orchestrator.experts.in_process.sampling import Draw, Sampler

    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(4000, 1)
    places = torch.zeros(4000, dtype=torch.int64)

    def shares(**settings: Any) -> list[float]:
        draws = [Draw(seed=i * 7919, **settings) for i in range(4000)]
        found = Sampler(draws, "cpu")(logits, places)[0]
        return [float((found == i).float().mean()) for i in range(4)]

    assert shares() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    assert shares(top_p=0.7) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert shares(top_k=3) == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], abs=0.03)
    assert shares(temperature=0.5) == pytest.approx([0.685, 0.247, 0.062, 0.007], abs=0.03)
    assert shares(temperature=0.0) == [1, 0, 0, 0]
