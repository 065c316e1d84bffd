"""Replies of a model in this process: what is counted, what ends them, and what comes with them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadRequest, ContextTooLong, ContextTruncated
from tests.experts.local.stage import asking, expert_of, one, serving, torch, transformers
from tests.tiny_models import save


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
