"""A pilot: how collaborations and chains of thought did on problems with known answers, expert by expert."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import ConfigError

_HEAD = """\
# A pilot of {name}: right answers among {problems} problems, by collaboration and by one chain of thought.
# Experts with use = false write chains of thought; whoever is not in here writes collaborations. Edit as you like.
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One expert."""

    problems: int
    right: int
    """By collaboration."""
    ended: int
    """Collaborations that came to a final answer by themselves, right or wrong."""
    right_alone: int
    """By chain of thought."""

    @classmethod
    def of(cls, together: Sequence[bool | None], alone: Sequence[bool | None]) -> Tried:
        """From the verdicts on both, `None` where there is no answer."""
        ended = sum(verdict is not None for verdict in together)
        return cls(len(together), together.count(True), ended, alone.count(True))

    @property
    def use(self) -> bool:
        """Whether to collaborate: only where it does no harm."""
        return self.right >= self.right_alone


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a file of a pilot says; the empty one lets everybody collaborate."""

    tried: Mapping[str, Tried] = field(default_factory=dict)
    """By id of the expert."""
    seen: frozenset[str] = frozenset()
    """Marks of the problems."""
    gated: frozenset[str] = frozenset()
    """Experts that do not collaborate, as the file has it."""

    def gates(self, expert: str) -> bool:
        return expert in self.gated

    @classmethod
    def read(cls, path: Path) -> Pilot:
        """The pilot of a file.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"gate {path}: {error.strerror or error}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"gate {path}: {error}") from None
        experts, seen = table.get("experts"), table.get("seen", [])
        if not isinstance(experts, dict) or not isinstance(seen, list):
            raise ConfigError(f"gate {path}: it has no [experts.ID] tables; `orchestrator prepare` writes them")
        for name, facts in experts.items():
            if not isinstance(facts, dict) or not isinstance(facts.get("use"), bool):
                raise ConfigError(f"gate {path}: [experts.{json.dumps(name)}] needs use = true or use = false")
        gated = frozenset(name for name, facts in experts.items() if not facts["use"])
        return cls(seen=frozenset(map(str, seen)), gated=gated)

    def to_toml(self, name: str) -> str:
        """The file's text."""
        problems = max((each.problems for each in self.tried.values()), default=0)
        lines = [_HEAD.format(name=name, problems=problems), f"seen = {json.dumps(sorted(self.seen))}"]
        for expert, each in self.tried.items():
            lines += [
                "",
                f"[experts.{json.dumps(expert)}]",
                f"use = {json.dumps(each.use)}",
                f"right = {each.right}",
                f"ended = {each.ended}",
                f"right_alone = {each.right_alone}",
                f"problems = {each.problems}",
            ]
        return "\n".join(lines) + "\n"
