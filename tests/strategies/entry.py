"""An entry of the table of strategies: a scripted case that says what a strategy asks, and what it gains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion, Expert, Problem, Request

FOLDER = Path(__file__).parent / "entries"


@dataclass(frozen=True)
class Entry:
    """One strategy in one scripted case."""

    spec: str | Callable[[Path], str]
    """With small settings; a function may first write files into the folder that it is given."""
    problem: Problem
    right: str
    """The right answer, as `Outcome.answer` has it."""
    script: Callable[[Request], str | Completion]
    """Replies by purpose, messages, sample index and expert of a request."""
    calls: int
    """Of the strategy with its own verifier and aggregator on this script."""
    depth: int
    """Replies awaited one after the other."""
    experts: tuple[str, ...] = ("e0",)
    beats_voting: bool = True
    """Self-consistency with as many calls, on the same script and experts, is wrong."""
    exact: bool = True
    """The calls are those that `estimate` expects; else only from the least to the most."""

    def spec_in(self, folder: Path) -> str:
        return self.spec if isinstance(self.spec, str) else self.spec(folder)

    def pool(self, latency: float = 0.0) -> list[Expert]:
        """The experts, without a limit on what they do at once; a reply takes `latency` seconds."""
        made = [ScriptedExpert(self.script, id=name, latency=latency, max_n=1) for name in self.experts]
        return [replace(expert.value, concurrency=10_000) for expert in made]


def names() -> list[str]:
    """The strategies that have an entry, sorted."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def entry(name: str) -> Entry:
    found = import_module(f"tests.strategies.entries.{name}").ENTRY
    assert isinstance(found, Entry)
    return found
