"""Independent samples of one prompt: where several strategies begin, and what they are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.types import Answer, Sampling

if TYPE_CHECKING:
    from orchestrator.run import Run


async def sampled(run: Run, samples: int, sampling: Sampling) -> None:
    """Emits so many answers, each with its reasoning before it; several experts are dealt to in turn.

    The requests are those of `self_consistency` with the same sampling, so that a benchmark pays for them once.
    """

    async def one(index: int, branch: Run) -> None:
        branch.emit(await drawn(branch, index, sampling))

    await run.map(one, range(samples))


async def drawn(run: Run, index: int, sampling: Sampling) -> Answer:
    """The answer of sample `index` over all experts.

    Raises:
        ExpertError: no reply came.
    """
    prompt = run.problem.ask(run.prompts("cot").answer)
    reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
    return await run.read(reply)
