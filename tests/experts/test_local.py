"""Models in this process: batches that change nothing, models that take turns, and calls that end early."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import (
    BadRequest,
    ContextTooLong,
    ContextTruncated,
    ExpertTimeout,
    LoadFailed,
    OutOfMemory,
    UnknownModel,
)
from orchestrator.experts.local import LocalBackend, LocalLoader, backend
from orchestrator.experts.pool import experts_of
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of, loader_of
from orchestrator.types import Completion, Expert, Message, Request, Sampling
from tests.tiny_models import save

torch = pytest.importorskip("torch", reason="needs the extra `local`, which .ci/slow installs")
transformers = pytest.importorskip("transformers", reason="needs the extra `local`, which .ci/slow installs")

PROMPTS = ("hi", "a longer question than the one before", "x" * 150, "hi there")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "one", seed=1, ends=False, max_position_embeddings=8192)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(
        tmp_path_factory.mktemp("models") / "other", seed=2, kind="llama", ends=False, max_position_embeddings=8192
    )


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


# -- batches --------------------------------------------------------------------------------


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


# -- replies --------------------------------------------------------------------------------


async def test_tokens_are_counted_and_the_cap_is_told(model: Path) -> None:
    expert = expert_of(model)
    words = transformers.AutoTokenizer.from_pretrained(model)
    async with serving(expert) as local:
        response = await local.complete([asking(expert, "hi", i, temperature=1.0, max_tokens=7) for i in range(3)])
    prompt = len(words("<|user|>hi<|end|><|assistant|>", add_special_tokens=False).input_ids)
    assert [reply.finish for reply in response.completions] == ["length"] * 3
    assert [(r.tokens.prompt, r.tokens.completion) for r in response.completions] == [(prompt, 7)] * 3
    assert (response.bill.prompt, response.bill.completion, response.counted) == (prompt, 21, True)


async def test_a_stop_text_ends_a_reply_and_is_no_part_of_it(model: Path) -> None:
    expert = expert_of(model)
    async with serving(expert) as local:
        whole = (await one(local, asking(expert, "hi", max_tokens=40))).text
        stop = next(whole[i : i + 2] for i in range(8, len(whole)) if "\ufffd" not in whole[i : i + 2])
        cut = await one(local, asking(expert, "hi", max_tokens=40, stop=(stop, "never said")))
    assert cut.text == whole[: whole.index(stop)]
    assert cut.finish == "stop"
    assert cut.tokens.completion < 40


async def test_the_models_own_end_ends_a_reply(tmp_path: Path) -> None:
    path = save(tmp_path / "m", seed=1, ends=False)
    expert = expert_of(path)
    async with serving(expert) as local:
        whole = await one(local, asking(expert, "hi", top_logprobs=0))
    words = transformers.AutoTokenizer.from_pretrained(path)
    own = transformers.AutoModelForCausalLM.from_pretrained(path)
    ids = words("<|user|>hi<|end|><|assistant|>", add_special_tokens=False, return_tensors="pt").input_ids
    out = own.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=20, pad_token_id=0)
    said = out[0, ids.shape[1] :].tolist()
    end = said[5]
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": [end]}))
    async with serving(expert) as local:
        reply = await one(local, asking(expert, "hi"))
    assert (reply.finish, reply.tokens.completion) == ("stop", said.index(end) + 1)
    assert whole.text.startswith(reply.text.rstrip("\ufffd"))


async def test_alternatives_and_confidences_come_as_from_servers(model: Path) -> None:
    expert = expert_of(model)
    async with serving(expert) as local:
        reply = await one(local, asking(expert, "hi", max_tokens=6, top_logprobs=5))
    assert len(reply.logprobs) == len(reply.confidences) == 6
    assert len(reply.alternatives) == 5
    values = [value for _, value in reply.alternatives]
    assert values == sorted(values, reverse=True)
    own = transformers.AutoModelForCausalLM.from_pretrained(model)
    words = transformers.AutoTokenizer.from_pretrained(model)
    ids = words("<|user|>hi<|end|><|assistant|>", add_special_tokens=False, return_tensors="pt").input_ids
    best = own(ids).logits[0, -1].log_softmax(-1).topk(5).values.tolist()
    assert reply.logprobs[0] == pytest.approx(best[0], abs=1e-4)
    assert reply.confidences[0] == pytest.approx(-sum(best) / 5, abs=2e-3)


async def test_what_the_window_has_no_room_for_is_told_before_or_after(model: Path) -> None:
    expert = expert_of(model, context=40)
    async with serving(expert) as local:
        with pytest.raises(ContextTooLong, match="the prompt has 103 tokens, the context window 40"):
            await one(local, asking(expert, "x" * 100))
        with pytest.raises(ContextTruncated, match="the context window of 40 tokens ended the reply"):
            await one(local, asking(expert, "x" * 20, max_tokens=500))
        assert (await one(local, asking(expert, "x" * 20, max_tokens=10))).tokens.completion == 10


async def test_what_a_model_here_does_not_take_is_refused_or_left_out(model: Path, tmp_path: Path) -> None:
    bare = save(tmp_path / "bare", template=None, ends=False)
    expert, base = expert_of(model), expert_of(bare)
    async with serving(expert) as local, serving(base) as plain:
        with pytest.raises(BadRequest, match="no tools"):
            await one(local, replace(asking(expert, "hi"), tools=({"type": "function"},)))
        with pytest.raises(BadRequest, match='no chat template; set mode = "completion"'):
            await one(plain, asking(base, "hi"))
        assert (await one(plain, asking(base, "hi", mode="completion"))).tokens.prompt == 2
        response = await local.complete([asking(expert, "hi", extra_body={"top_k": 1, "min_p": 0.1}, temperature=1.0)])
        greedy = await one(local, asking(expert, "hi"))
    assert response.dropped == ("min_p",)
    assert response.completions[0].text == greedy.text  # top_k = 1


# -- ends that come early -------------------------------------------------------------------


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


async def test_a_call_that_takes_too_long_ends(model: Path) -> None:
    expert = expert_of(model, timeout=1e-3)
    async with serving(expert) as local:
        with pytest.raises(ExpertTimeout, match=r"no answer in 0\.001 s"):
            await one(local, asking(expert, "hi"))


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


# -- models that take turns -----------------------------------------------------------------


async def through_engine(experts: Sequence[Expert], rounds: int) -> tuple[Engine, list[str], dict[str, int]]:
    """Replies, and how often each model was brought in; calls of all models come in turn."""
    from orchestrator.experts.in_process.device import Device

    kept = Device.taken("cpu")
    before = kept.counts.loads.copy()
    async with Engine({e.id: e for e in experts}, backend_of, MemoryJournal(), loader_of=loader_of) as engine:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(engine.ask(asking(expert, f"question {i}", max_tokens=8), Seat(Scope("s"), i)))
                for i in range(rounds)
                for expert in experts
            ]
        loads = {Path(name).name: n for name, n in (kept.counts.loads - before).items()}
    await kept.release()
    return engine, [task.result().completion.text for task in tasks], loads


async def test_two_models_of_a_group_are_each_brought_in_once(model: Path, other: Path) -> None:
    experts = [expert_of(model), expert_of(other)]
    engine, texts, loads = await through_engine(experts, 6)
    assert loads == {"one": 1, "other": 1}
    assert engine.groups.loads == {expert.id: 1 for expert in experts}
    assert texts[0] == generated(model, "question 0", 8)
    assert texts[1] == generated(other, "question 0", 8)


async def test_without_a_group_models_come_as_they_are_asked(model: Path, other: Path) -> None:
    from orchestrator.experts.in_process.device import Device

    grouped = (await through_engine([expert_of(model), expert_of(other)], 3))[1]
    experts = [replace(expert_of(path), resident_group=None, loader="none") for path in (model, other)]
    kept = Device.taken("cpu")
    texts = []
    async with Engine({e.id: e for e in experts}, backend_of, MemoryJournal(), loader_of=loader_of) as engine:
        for i in range(3):
            for expert in experts:
                landed = await engine.ask(asking(expert, f"question {i}", max_tokens=8), Seat(Scope("s"), i))
                texts.append(landed.completion.text)
    assert kept.counts.loads.total() == 6
    assert kept.counts.reads.total() == 2
    await kept.release()
    assert texts == grouped


async def test_models_that_take_too_much_memory_are_forgotten_and_read_again(model: Path, other: Path) -> None:
    first, second = (replace(expert_of(path), options={"device": "cpu", "ram_gb": 1e-6}) for path in (model, other))
    async with serving(first) as one_of, serving(second) as two_of:
        for _ in range(2):
            await one(one_of, asking(first, "hi"))
            await one(two_of, asking(second, "hi"))
        assert one_of._device is two_of._device
        assert one_of._device is not None
        assert one_of._device.counts.reads.total() == 4
        assert len(one_of._device._shelf.models) == 1


async def test_a_model_that_cannot_be_read_is_said_to_be_unknown(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    expert = expert_of(tmp_path)
    async with serving(expert) as local:
        with pytest.raises(UnknownModel, match=f"the model {tmp_path} cannot be read"):
            await one(local, asking(expert, "hi"))
    loader = LocalLoader()
    with pytest.raises(LoadFailed, match="cannot be read"):
        await loader.load(expert)
    await loader.aclose()


# -- from the command line ------------------------------------------------------------------


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"
    homes = {f"XDG_{name}_HOME": str(cwd / name.lower()) for name in ("CONFIG", "STATE")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, env=os.environ | homes, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip


def test_a_run_is_journalled_and_goes_on_from_its_journal(model: Path, other: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool.toml"
    pool.write_text(
        f'[[expert]]\nid = "one"\nmodel = "local:{model}"\nsampling = {{ max_tokens = 8 }}\n'
        f'options = {{ device = "cpu", batch = 4 }}\n'
        f'[[expert]]\nid = "other"\nclient = "local"\nmodel = "{other}"\nsampling = {{ max_tokens = 8 }}\n'
    )
    arguments = ("--pool", str(pool), "--set", "samples=2", "-s", "self_consistency", "--json")
    first = command("bench", "word_problems:limit=3", *arguments, "--run", "r", "--run-budget", "calls=3", cwd=tmp_path)
    assert first.returncode == 4, first.stderr
    second = command("resume", "r", "--run-budget", "calls=1000", "--json", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    (resumed,) = json.loads(second.stdout)["results"]
    whole = command("bench", "word_problems:limit=3", *arguments, "--run", "w", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    (row,) = json.loads(whole.stdout)["results"]
    assert (resumed["calls"], resumed["errors"]) == (row["calls"], 0)
    lines = [sorted((tmp_path / run / "results.jsonl").read_text().splitlines()) for run in ("r", "w")]
    assert lines[0] == lines[1]
