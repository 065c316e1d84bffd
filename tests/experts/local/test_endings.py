"""Calls of a model in this process that end early, and batches that do not fit or fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ExpertTimeout, OutOfMemory
from tests.experts.local.stage import asking, expert_of, one, serving, together, torch


async def test_who_stops_waiting_ends_the_reply_at_its_next_token(model: Path) -> None:
    expert = expert_of(model)
    async with serving(expert) as local:
        await one(local, asking(expert, "hi"))
        assert local._device is not None
        before = local._device.counts.tokens
        task = asyncio.create_task(one(local, asking(expert, "never ends", max_tokens=450)))
        while local._device._batch is None or not local._device._batch.rows:  # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await one(local, asking(expert, "hi"))).tokens.completion == 20
        assert local._device.counts.tokens - before == 20
        assert local._device._batch is not None
        assert not local._device._batch.rows


async def test_a_call_that_takes_too_long_ends_and_keeps_no_device(model: Path) -> None:
    from orchestrator.experts.in_process.device import Device

    expert = expert_of(model, timeout=1e-3)
    async with serving(expert) as local:
        with pytest.raises(ExpertTimeout, match=r"no answer in 0\.001 s"):
            await one(local, asking(expert, "hi"))
    assert not Device._all


async def test_a_batch_that_does_not_fit_is_halved_and_says_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.experts.in_process.decoder import Slots

    expert = expert_of(model)
    requests = [asking(expert, f"question {i}", temperature=1.0) for i in range(8)]
    step = Slots.step

    def small(self: Slots, tokens: Any) -> Any:
        if self._cache.slots > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, tokens)

    async with serving(expert) as local:
        right = [await one(local, request) for request in requests]
        monkeypatch.setattr(Slots, "step", small)
        assert await together(local, requests) == right
        assert local._device is not None
        assert local._device.counts.halved >= 1

        def never(self: Slots, tokens: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(Slots, "step", never)
        with pytest.raises(OutOfMemory, match="not even one reply"):
            await one(local, asking(expert, "hi"))
        monkeypatch.setattr(Slots, "step", step)
        assert (await one(local, asking(expert, "hi"))).text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("what nobody thought of"), RuntimeError),
    ],
    ids=["memory", "anything"],
)
async def test_what_goes_wrong_before_a_batch_is_told_and_costs_no_other_call(
    model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[Exception]
) -> None:
    from orchestrator.experts.in_process import device as local_device

    def failing(*_: object) -> bool:
        raise error

    expert = expert_of(model)
    async with serving(expert) as local:
        with monkeypatch.context() as patched:
            patched.setattr(local_device, "may_join", failing)
            with pytest.raises(told):
                await one(local, asking(expert, "hi"))
        assert (await one(local, asking(expert, "hi"))).text
