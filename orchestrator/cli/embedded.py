"""The embedded default: simulated experts, and what would ask a model instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.types import Kind, Problem

from .local_servers import PLACES, find
from .printing import note

if TYPE_CHECKING:
    from .team import Team

SECONDS = 0.2
"""How long a server on this machine may take to be found; nobody waits long for a hint."""

EXAMPLES: Mapping[str, str] = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "cerebras": "llama-3.3-70b",
    "deepseek": "deepseek-chat",
    "gemini": "gemini-2.5-flash",
    "groq": "openai/gpt-oss-20b",
    "mistral": "mistral-small-latest",
}
"""A small model of each provider that has one under a name that lasts."""


def announce(team: Team) -> None:
    """Says once whose answers are simulated; where nobody was named, also what would ask a model."""
    names = [expert.id for expert in team.everybody if expert.client == "sim"]
    if not names:
        return
    if not team.by_default:
        return note(f"answers of {', '.join(names)} are simulated, by small solvers that make seeded mistakes")
    note("no expert is named, so the simulated ones of sim:all answer: small solvers that make seeded mistakes")
    note(ways())


def ways() -> str:
    """The `-e` options that would ask what is found here: providers whose key is set, servers on this machine."""
    found = [f"{use} ({why})" for use, why in (*_keys(), *_servers())]
    if found:
        return f"to ask a model: {' or '.join(found)}"
    return (
        "to ask a model: -e openai/gpt-4o-mini with OPENAI_API_KEY set, another provider's likewise, or "
        "-e ollama_chat/MODEL with Ollama running"
    )


def read_by_them(problem: Problem) -> tuple[Problem, str] | None:
    """A text of no kind that is known, with the kind as which simulated experts read it, and the line that says so.

    `None` where they make nothing of it, or read it as plain text.
    """
    from dataclasses import replace

    from orchestrator.experts.simulated.reading import read

    reading = read(problem.messages)
    if reading is None or reading.known.task.kind == "text":
        return None
    kind: Kind = reading.known.task.kind
    return replace(problem, kind=kind), f"no --kind given; the simulated experts read this as {kind}"


def _keys() -> list[tuple[str, str]]:
    from orchestrator.experts.routes import KEYS

    found: dict[str, tuple[str, str]] = {}
    for provider, names in KEYS.items():
        for name in names:
            if os.environ.get(name):
                found.setdefault(name, (f"-e {provider}/{EXAMPLES.get(provider, 'MODEL')}", f"{name} is set"))
    return list(found.values())


def _servers() -> list[tuple[str, str]]:
    return [(server.use, f"{server.name} is running") for server in find(PLACES, SECONDS) if server.use]
