"""What tests of models in this process do again and again; without torch they are skipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.experts.local import LocalBackend, backend
from orchestrator.experts.pool import experts_of
from orchestrator.types import Completion, Expert, Message, Request, Sampling

torch = pytest.importorskip("torch", reason="needs the extra `local`, which .ci/slow installs")
transformers = pytest.importorskip("transformers", reason="needs the extra `local`, which .ci/slow installs")


def expert_of(path: Path, **fields: Any) -> Expert:
    (expert,) = experts_of([f"local:{path},device=cpu"])
    return replace(expert, **fields)


def asking(expert: Expert, prompt: str, index: int = 0, **sampling: Any) -> Request:
    settings = Sampling(**{"temperature": 0.0, "max_tokens": 20, **sampling})
    return Request(expert.id, expert.model, (Message("user", prompt),), settings, sample_index=index)


@asynccontextmanager
async def serving(expert: Expert) -> AsyncIterator[LocalBackend]:
    found = backend(expert)
    assert isinstance(found, LocalBackend)
    try:
        yield found
    finally:
        await found.aclose()


async def one(serving: LocalBackend, request: Request) -> Completion:
    (completion,) = (await serving.complete([request])).completions
    return completion


async def together(serving: LocalBackend, requests: Sequence[Request]) -> list[Completion]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(serving, request)) for request in requests]
    return [task.result() for task in tasks]


def generated(path: Path, prompt: str, tokens: int) -> str:
    """What transformers itself comes up with."""
    own = transformers.AutoModelForCausalLM.from_pretrained(path).eval()
    words = transformers.AutoTokenizer.from_pretrained(path)
    told = [{"role": "user", "content": prompt}]
    ids = words(
        words.apply_chat_template(told, tokenize=False, add_generation_prompt=True),
        add_special_tokens=False, return_tensors="pt",
    ).input_ids  # fmt: skip
    out = own.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens, pad_token_id=0,
        eos_token_id=words.eos_token_id,
    )  # fmt: skip
    text: str = words.decode(out[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
