"""Solo performance prompting: one reply in which personas that the model chooses work together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.registry import strategy

from ._solo_performance import ChosenPersonas


@strategy
@dataclass(frozen=True)
class SPP(ChosenPersonas):
    """Has one reply name the personas that a task needs and tell how they solve it together (Z. Wang et al., 2024).

    1. Cast: the model names the participants, itself as the assistant among them; two worked examples show how.
    2. Collaboration: in the same reply they contribute what they know, and criticise and revise a draft until all
       agree.
    3. Answer: what stands behind the last "Final answer:".
    4. A collaboration that stops before that gets one more turn; where that does not end in an answer either, one
       chain of thought stands in for it and is counted as a fallback.

    It is for strong models. With GPT-4 it gained on knowledge and writing (trivia with five questions 74.6 to 79.9
    %) and on puzzles (57.7 to 68.3 %), but weaker models name the participants and stop, or lose the thread: in the
    paper's logs GPT-3.5 has 38.6 % on that trivia, where its plain answers have 59.4, and of 100 replies of
    Llama-2-13B 90 have no final answer. Whether a model is strong enough is best tried: `orchestrator prepare spp SET
    --limit 20 -o pilot.toml` has every expert solve problems with known answers in both ways, and
    `spp(gate=pilot.toml)` lets only those collaborate that lost nothing by it.

    The participants of each reply are in the trace (`personas`); how often a chain of thought stood in is the
    column `fallbacks` of a bench. Open answers of several samples are better put to `--aggregator universal_sc`.

    Departs from the paper: the last marker counts, not the first, and without one there is a further turn and a
    chain of thought, where the paper takes the whole reply as the answer (`continuations=0, fallback=reply`); the
    number puzzle of the first example aims at 36, as a game of 24 would give away part of a benchmark.
    """

    prompts: ClassVar[str] = "spp"
