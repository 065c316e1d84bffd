"""Models in this process that take turns, under the engine and from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import LoadFailed, UnknownModel
from orchestrator.experts.local import LocalLoader
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of, loader_of
from orchestrator.types import Expert
from tests.experts.local.stage import asking, expert_of, generated, one, serving


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
