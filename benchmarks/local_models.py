"""Models in this process that take turns on one device: calls grouped by model against calls as they come.

    python -m benchmarks.local_models [--models 16] [--calls 32] [--tokens 128] [--small]

Needs the extra `local`, and no network: the models are of the shape of Qwen2-0.5B with random weights in bfloat16, made
in a temporary folder (a gigabyte each) with tokenizers of bytes. Calls come a millisecond apart, the models taking
turns; a reply takes from half of `--tokens` to all of them. `grouped` asks them as residents of one group, `as they
come` without one, so that calls have their models brought in; as that takes so long it makes fewer (`--naive`), and
tokens a second are what to compare. `one model` makes as many calls of a single model: what grouping cannot beat.
Before that, replies of a batch are compared with those of calls made one by one, and with transformers' own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.experts.in_process.device import Device
from orchestrator.experts.in_process.shelf import Counts
from orchestrator.experts.local import backend
from orchestrator.experts.pool import experts_of
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of, loader_of
from orchestrator.types import Expert, Message, Request, Sampling
from tests.tiny_models import save, tokenizer

_SHAPE = {
    "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "max_position_embeddings": 32768, "rope_theta": 1e6,
    "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
"""Of Qwen2-0.5B."""
_SMALL = {**_SHAPE, "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
          "num_attention_heads": 4}  # fmt: skip
_APART = 1e-3
"""Seconds between two calls."""
_WORDS = [
    "find",
    "the",
    "number",
    "of",
    "ways",
    "in",
    "which",
    "seven",
    "people",
    "can",
    "be",
    "seated",
    "at",
    "a",
    "round",
    "table",
    "so",
    "that",
    "two",
    "never",
    "meet",
]


@dataclass(frozen=True, slots=True)
class Round:
    """What one way of asking came to."""

    name: str
    calls: int
    tokens: int
    wall: float
    cpu: float
    counts: Counts
    gpu: float
    """Gigabytes at the peak."""

    def __str__(self) -> str:
        done = self.counts
        return (
            f"{self.name:14} {self.calls:6} {self.tokens:8} {self.wall:8.2f} {self.tokens / self.wall:9.0f} "
            f"{done.loads.total():6} {done.load_seconds:7.2f} {done.prefills:8} {done.steps:7} "
            f"{self.cpu:7.1f} {self.gpu:7.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f}"
        )


HEAD = (
    f"{'':14} {'calls':>6} {'tokens':>8} {'wall s':>8} {'tokens/s':>9} {'loads':>6} {'load s':>7} {'prefills':>8} "
    f"{'steps':>7} {'CPU s':>7} {'GPU GB':>7} {'host GB':>8}"
)


def make(folder: Path, count: int, shape: dict[str, Any], device: str) -> list[Path]:
    """Folders of models."""
    made = []
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(
            transformers.AutoConfig.for_model("qwen2", **shape), dtype=torch.bfloat16
        )
    for seed in range(count):
        torch.manual_seed(seed)
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.data.normal_(0.0, 0.05)
        made.append(folder / f"model{seed}")
        model.save_pretrained(made[-1])
        tokenizer(shape["vocab_size"], ends=False).save_pretrained(made[-1])
    return made


def requests(experts: Sequence[Expert], calls: int, tokens: int, seed: int) -> list[Request]:
    """So many calls of each, in turn; prompts of 20 to 60 words, which no two calls share."""
    rng = random.Random(seed)
    return [
        Request(
            expert.id,
            expert.model,
            (Message("user", " ".join(rng.choices(_WORDS, k=rng.randint(20, 60)))),),
            Sampling(temperature=0.8, top_p=0.95, max_tokens=rng.randint(tokens // 2, tokens)),
        )
        for _ in range(calls)
        for expert in experts
    ]


async def asked(name: str, experts: Sequence[Expert], calls: int, tokens: int, device: Device) -> Round:
    """All calls through the engine, one soon after the other."""
    before = replace(device.counts, loads=device.counts.loads.copy(), reads=device.counts.reads.copy())
    _peak_from_here(device)
    every = requests(experts, calls, tokens, seed=len(experts) + calls)
    async with Engine(
        {e.id: e for e in experts}, backend_of, MemoryJournal(), loader_of=loader_of, tell=print
    ) as engine:
        scope = Scope("all")
        start, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for i, request in enumerate(every):
                tasks.append(group.create_task(engine.ask(request, Seat(scope, i))))
                await asyncio.sleep(_APART)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    came = sum(task.result().completion.tokens.completion for task in tasks)
    return Round(name, len(every), came, wall, cpu, _since(before, device.counts), _peak(device))


async def compared(folder: Path, device: str) -> None:
    """Greedy replies in a batch, one by one, and as transformers generates them: all the same in float32."""
    path = save(folder / "checked", seed=1, ends=False)
    (expert,) = experts_of([f"local:{path},device={device},dtype=float32"])
    prompts = ["hi", "a longer question than the one before", "x" * 150, *(f"question {i}" * i for i in range(1, 30))]
    every = [
        Request(
            expert.id, expert.model, (Message("user", prompt),), Sampling(temperature=0.0, max_tokens=20 + 5 * (i % 9))
        )
        for i, prompt in enumerate(prompts)
    ]
    serving = backend(expert)
    alone = [(await serving.complete([request])).completions[0].text for request in every]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(serving.complete([request])) for request in every]
    together = [task.result().completions[0].text for task in tasks]
    own = _generated(path, device, every)
    await serving.aclose()
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    right = sum(a == b for a, b in zip(own, together, strict=True))
    print(f"checked: of {len(every)} replies in a batch {same} are those of single calls, {right} transformers' own")


def _generated(path: Path, device: str, every: Sequence[Request]) -> list[str]:
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).to(device).eval()
    words = transformers.AutoTokenizer.from_pretrained(path)
    texts = []
    for request in every:
        told = [{"role": "user", "content": request.messages[0].text}]
        prompt = words.apply_chat_template(told, tokenize=False, add_generation_prompt=True)
        ids = words(prompt, add_special_tokens=False, return_tensors="pt").input_ids.to(device)
        cap = request.sampling.max_tokens
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=cap, pad_token_id=0,
            eos_token_id=words.eos_token_id,
        )  # fmt: skip
        texts.append(words.decode(out[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False))
    return texts


def _since(before: Counts, after: Counts) -> Counts:
    return Counts(
        after.loads - before.loads, after.reads - before.reads, after.load_seconds - before.load_seconds,
        after.prefills - before.prefills, after.steps - before.steps, after.tokens - before.tokens,
        after.halved - before.halved,
    )  # fmt: skip


def _peak_from_here(device: Device) -> None:
    if device.name != "cpu":
        torch.cuda.reset_peak_memory_stats()


def _peak(device: Device) -> float:
    return 0.0 if device.name == "cpu" else torch.cuda.max_memory_allocated() / 2**30


@contextmanager
def _told(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.1f} s", flush=True)


async def measured(o: argparse.Namespace, device: str, folder: Path) -> None:
    """Everything, one after the other."""
    with _told("comparing"):
        await compared(folder, device)
    with _told(f"making {o.models} models"):
        made = make(folder, o.models, _SMALL if o.small else _SHAPE, device)
    experts = experts_of([f"local:{path},device={device},batch={o.batch}" for path in made])
    experts = [replace(expert, concurrency=2 * o.batch) for expert in experts]
    kept = await asyncio.to_thread(Device.taken, device)  # so that models stay in the computer's memory
    with _told("reading them from disk"):
        for expert in experts:
            serving = backend(expert)
            await serving.complete(requests([expert], 1, 8, seed=0))
            await serving.aclose()
    print(HEAD)
    alone = [replace(expert, resident_group=None, loader="none") for expert in experts]
    for _ in range(o.rounds):
        print(await asked("grouped", experts, o.calls, o.tokens, kept), flush=True)
        print(await asked("as they come", alone, o.naive, o.tokens, kept), flush=True)
        print(await asked("one model", experts[:1], o.calls * o.models, o.tokens, kept), flush=True)
    await kept.release()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--calls", type=int, default=64, help="of each model")
    parser.add_argument("--naive", type=int, default=2, help="of each model, where calls are made as they come")
    parser.add_argument("--tokens", type=int, default=128, help="of a reply, at the most")
    parser.add_argument("--batch", type=int, default=64, help="replies that go on together")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="tiny models, for a machine without a GPU")
    o = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    print(f"{torch.cuda.get_device_name() if device != 'cpu' else 'CPU'}, torch {torch.__version__}, "
          f"transformers {transformers.__version__}, {o.batch} replies at once")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(o, device, Path(folder)))


if __name__ == "__main__":
    main()
