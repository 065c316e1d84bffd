"""SPP with fixed personas: the assistant and an expert, whatever the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.registry import strategy

from ._solo_performance import SoloPerformance


@strategy
@dataclass(frozen=True)
class SPPFixed(SoloPerformance):
    """Is `spp` with the same two personas for every task, the assistant and an expert (Z. Wang et al., 2024).

    1. Collaboration: in one reply the assistant drafts and the expert criticises until both agree.
    2. Answer as in `spp`.

    The paper's control for what choosing personas is worth. In its logs with GPT-4 it stays below `spp` on trivia
    (77.2 against 79.9 %) and on Codenames (57.7 against 79.0 %), and above it on logic puzzles (70.6 against 68.2
    %). The same holds for weak models as for `spp`, the gate included.

    Departs from the paper as `spp` does.
    """

    prompts: ClassVar[str] = "spp_fixed"
