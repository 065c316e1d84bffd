"""SPP with profiles: every persona is described before they begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.registry import strategy

from ._solo_performance import ChosenPersonas


@strategy
@dataclass(frozen=True)
class SPPProfile(ChosenPersonas):
    """Is `spp` with a profile of each persona before their collaboration begins (Z. Wang et al., 2024).

    1. Cast: the model names the participants.
    2. Profiles: it says of each who this is and what this one pays attention to.
    3. Collaboration and answer as in `spp`, all in one reply.

    In the paper's logs with GPT-4 it stays a little below `spp` (trivia with five questions 78.2 against 79.9 %,
    puzzles 64.8 against 68.2 %) and costs more tokens. The same holds for weak models as for `spp`, the gate
    included.

    Departs from the paper as `spp` does.
    """

    prompts: ClassVar[str] = "spp_profile"
