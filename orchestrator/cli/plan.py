"""What a manifest records of a run, and the plan that is made out of it again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.budget import Budget
from orchestrator.own_prompts import SHIPPED, PromptSource
from orchestrator.types import Json

from .prepared import file_hashes
from .problems import Problems
from .recorded import recorded
from .team import Team

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.evals.runner import Plan


_LATER = ("min_isolation", "reuse", "prompts", "allow_overlap", "recipe")
"""Fields that the manifests of the first runs lack."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a set is to be solved, with everything resolved."""

    strategies: Sequence[str]
    verifier: str | None = None
    aggregator: str | None = None
    budget: Budget = Budget()
    run_budget: Budget = Budget()
    seeds: Sequence[int] = (0,)
    concurrency: int = 64
    independent: bool = False
    per_expert: bool = False
    min_isolation: int = 0
    reuse: Path | None = None
    """The journal of another run, whose replies are taken over."""
    prompts: PromptSource = SHIPPED
    allow_overlap: bool = False
    """Strategies are measured on problems that they were prepared on."""
    recipe: Mapping[str, Json] | None = None
    """What the run follows, as `Followed` keeps it."""

    def to_json(self) -> dict[str, Json]:
        """What the manifest holds of it."""
        return {
            "strategies": list(self.strategies),
            "verifier": self.verifier,
            "aggregator": self.aggregator,
            "budget": budget_json(self.budget),
            "run_budget": budget_json(self.run_budget),
            "seeds": list(self.seeds),
            "concurrency": self.concurrency,
            "independent": self.independent,
            "per_expert": self.per_expert,
            "min_isolation": self.min_isolation,
            "reuse": None if self.reuse is None else str(self.reuse),
            "own_prompts": self.prompts.to_json(),
            "allow_overlap": self.allow_overlap,
            "recipe": None if self.recipe is None else dict(self.recipe),
        }

    @classmethod
    def recalled(cls, manifest: Mapping[str, Any]) -> Wish:
        found = {f.name: manifest[f.name] for f in fields(cls) if f.name not in _LATER}
        budgets = {name: Budget(**manifest[name]) for name in ("budget", "run_budget")}
        reuse = manifest.get("reuse")
        return cls(
            **{**found, **budgets},
            min_isolation=manifest.get("min_isolation") or 0,
            reuse=None if reuse is None else Path(reuse),
            prompts=PromptSource.recalled(manifest.get("own_prompts") or {}, "prompts of the run"),
            allow_overlap=manifest.get("allow_overlap") is True,
            recipe=manifest.get("recipe"),
        )


def manifest_of(wish: Wish, team: Team, problems: Problems, count: int, config: Config) -> dict[str, Json]:
    """Everything that a resumed run needs; no key, header value or credential.

    Args:
        count: how many problems there are.
    """
    return {
        **problems.to_json(),
        "problems": count,
        **wish.to_json(),
        **recorded(team),
        "api_base": _plain_base(config.settings.api_base),
        "versions": _versions(),
        "prompts": prompt_hashes(),
        "files": file_hashes(wish),
        "folder": str(Path.cwd()),
    }


def plan_of(wish: Wish, team: Team) -> Plan:
    """The plan of a run.

    Raises:
        ConfigError: a name or setting that cannot be used, or money is capped and a price is not known.
    """
    from orchestrator.evals.runner import Plan
    from orchestrator.ledger import check_prices
    from orchestrator.registry import build
    from orchestrator.serving import fallbacks_of

    check_prices(wish.budget.tightened(wish.run_budget), team.everybody)
    fallbacks_of(team.everybody)
    for spec in wish.strategies:
        build("strategies", spec)
    if wish.verifier not in (None, "auto", "none"):
        build("verifiers", wish.verifier)
    if wish.aggregator is not None:
        build("aggregators", wish.aggregator)
    return Plan(
        strategies=tuple(wish.strategies),
        experts=team.experts,
        verifier=wish.verifier,
        aggregator=wish.aggregator,
        roles=team.roles,
        reserves=team.reserves,
        budget=wish.budget,
        run_budget=wish.run_budget,
        seeds=tuple(wish.seeds),
        concurrency=wish.concurrency,
        independent=wish.independent,
        per_expert=wish.per_expert,
        min_isolation=wish.min_isolation,
        reuse=wish.reuse,
        prompts=wish.prompts,
    )


def budget_json(budget: Budget) -> dict[str, Json]:
    return {name: cap for name, cap in asdict(budget).items() if cap is not None}


def prompt_hashes() -> dict[str, Json]:
    """A hash of each of our prompt files, by name."""
    from importlib.resources import files

    from orchestrator.prompts import load_prompts

    room = "orchestrator.strategies"
    names = sorted(
        entry.name[:-5] for entry in files(room).joinpath("prompts").iterdir() if entry.name.endswith(".toml")
    )
    return {name: hashlib.sha256(load_prompts(room, name).canonical()).hexdigest()[:16] for name in names}


def _plain_base(api_base: str | None) -> str | None:
    from orchestrator.experts.routes import split_credentials
    from orchestrator.masking import masked_url

    return None if api_base is None else masked_url(split_credentials(api_base)[0])


def _versions() -> dict[str, Json]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, Json] = {"python": platform.python_version()}
    for name in ("diverse-orchestrator", "litellm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
