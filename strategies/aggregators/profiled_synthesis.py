"""An answer written out of all the others, by the expert that skill profiles chose for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from orchestrator.skills import read_profiles
from orchestrator.types import Expert

from .synthesis import Synthesis

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class ProfiledSynthesis(Synthesis):
    """Synthesis by the expert that wrote best out of right and wrong replies (Chen et al., 2025).

    As `synthesis`, but where neither an expert nor the role `aggregator` is given the writer is the one that the
    profiles of `orchestrator profile build` name; where that one is not here, the best of those that are. It stands
    behind any strategy.
    """

    profiles: Path | None = None
    """File of skill profiles; without one it is `synthesis`."""

    needs: ClassVar[str] = "skill profiles, from `orchestrator profile build`"

    def __post_init__(self) -> None:
        Synthesis.__post_init__(self)
        if self.profiles is not None:
            read_profiles(self.profiles)  # a file that cannot be used shows at once

    @property
    def seen(self) -> Collection[str]:
        """Marks of the problems that the profiles were made from: on them the writer was chosen."""
        return () if self.profiles is None else read_profiles(self.profiles).problems.keys()

    def _writer(self, run: Run) -> Expert:
        if self.expert is None and self.profiles is not None:
            here = {expert.id: expert for expert in run.experts}
            writer = read_profiles(self.profiles).writer(here)
            if writer is not None:
                return run.role("aggregator", here[writer])
        return Synthesis._writer(self, run)
