"""What the entries of a pool file have to agree on, beyond the kinds of their values."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.types import Expert, capacity_of

from .capabilities import SETTINGS
from .clients import OLLAMA

CLIENTS = ("auto", "direct", "litellm", "local", "replay", "scripted", "sim")


def check(experts: list[Expert], path: Path) -> None:
    """Whether the entries of a file hold, one by one and together.

    Raises:
        ConfigError: two settings contradict each other; with path, entry and key.
        UnknownName: a client, capability or fallback that is not there, with a suggestion.
    """
    installed = {point.name for point in importlib.metadata.entry_points(group="orchestrator.clients")}
    clients, ids = (*CLIENTS, *sorted(installed)), [expert.id for expert in experts]
    for expert in experts:
        where = f"{path}: expert '{expert.id}'"
        if expert.client not in clients:
            raise UnknownName("client", expert.client, clients, where)
        if expert.fallback is not None and expert.fallback not in ids:
            raise UnknownName("fallback", expert.fallback, ids, where)
        for name in expert.capabilities:
            if name not in SETTINGS:
                raise UnknownName("capability", name, SETTINGS, where)
        _check_values(expert, where)
    for group in dict.fromkeys(expert.resident_group for expert in experts):
        _check_capacity(group, experts, path)


def _check_capacity(group: str | None, experts: list[Expert], path: Path) -> None:
    if group is not None:
        try:
            capacity_of(group, experts)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None


def _check_values(expert: Expert, where: str) -> None:
    if expert.batch is not None:
        from .batch import unsupported

        if why := unsupported(expert):
            raise ConfigError(f'{where}: mode = "batch": {why}')
    if expert.resident_group is None:
        for name in ("resident_capacity", "loader"):
            if getattr(expert, name) not in (None, "none"):
                raise ConfigError(f"{where}: {name} says how a resident_group is served; name the group too")
    elif expert.loader in ("ollama", "vllm") and not _has_server(expert):
        raise ConfigError(f'{where}: loader = "{expert.loader}" tells a server which models to load; give its api_base')
    for name, value in expert.capabilities.items():
        if name == "max_tokens" and value is False:
            raise ConfigError(
                f"{where}: capabilities.max_tokens: a cap is always sent, budgets rest on it; "
                'give the name that the server knows, such as "max_completion_tokens"'
            )
        if name != "max_tokens" and isinstance(value, str):
            raise ConfigError(f"{where}: capabilities.{name}: write true or false")


def _has_server(expert: Expert) -> bool:
    """Whether it is asked at a server of its owner's. Ollama has an address where none is given."""
    return expert.networked and (expert.api_base is not None or expert.model.partition("/")[0] in OLLAMA)
