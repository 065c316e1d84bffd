"""What experts need to be asked: backends, prices, fallbacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from .errors import ConfigError
from .protocols import Backend, BatchBackend, Loader
from .registry import load
from .types import Expert

if TYPE_CHECKING:
    from .experts.loading import Library


def backend_of(expert: Expert) -> Backend:
    """The backend that an expert's client names."""
    return load("clients", _client(expert))(expert)


def batch_of(expert: Expert) -> BatchBackend:
    """How batches of an expert are sent.

    Args:
        expert: at the price of its batches.
    """
    from .experts.batch import batch_backend

    return batch_backend(expert)


def loader_of(expert: Expert) -> Loader | None:
    """What has the expert's model loaded and unloaded; `None` where its server loads what it is asked."""
    if expert.loader == "none":
        return None
    from .experts.loaders import loader_of as named

    return named(expert)


def begin_loading(experts: Iterable[Expert]) -> None:
    """Has threads import what the calls of these experts will need; worth doing as soon as it is known whom to ask."""
    for library in _libraries({_client(expert) for expert in experts}):
        library.begin()


async def warm(experts: Iterable[Expert]) -> None:
    """Returns when what takes seconds to import is there: a call's time limit must not run meanwhile.

    Raises:
        ConfigError: it cannot be imported.
    """
    clients = {_client(expert) for expert in experts}
    libraries = _libraries(clients)
    for library in libraries:
        library.begin()
    for library in libraries:
        await library.ready()
    if "local" in clients:
        from .experts.local import warm as load_torch

        await load_torch()


def _libraries(clients: Collection[str]) -> list[Library]:
    found = []
    if "litellm" in clients:
        from .experts import litellm

        found.append(litellm.LIBRARY)
    if "direct" in clients:
        from .experts import direct

        found.append(direct.LIBRARY)
    return found


def _client(expert: Expert) -> str:
    if not expert.networked:
        return expert.client
    from .experts.clients import client_of

    return client_of(expert)


def priced(expert: Expert) -> Expert:
    """The expert with its price, and that of its batches, where they are known."""
    told = expert.price is not None and (expert.batch is None or expert.batch.price is not None)
    if told or not expert.networked:
        return expert
    from .experts.prices import priced as looked_up

    return looked_up(expert)


def reserves_of(experts: Iterable[Expert], known: Iterable[Expert]) -> tuple[Expert, ...]:
    """Of the known experts, those that are no part of a team but stand in for one of it, or for one another.

    They are asked only when the expert that names them as its fallback is lost.
    """
    team = {expert.id: expert for expert in experts}
    others = {expert.id: expert for expert in known if expert.id not in team}
    found: dict[str, Expert] = {}
    wanted = [expert.fallback for expert in team.values()]
    while wanted:
        name = wanted.pop(0)
        if name in others and name not in found:
            found[name] = others[name]
            wanted.append(others[name].fallback)
    return tuple(found.values())


def fallbacks_of(experts: Iterable[Expert]) -> dict[str, Expert]:
    """By expert id, the expert asked instead when it is lost.

    Raises:
        ConfigError: a fallback is not among the experts.
    """
    by_id = {expert.id: expert for expert in experts}
    missing = [e for e in by_id.values() if e.fallback is not None and e.fallback not in by_id]
    if missing:
        raise ConfigError(
            f"expert '{missing[0].id}' names the fallback '{missing[0].fallback}', which is not in the pool"
        )
    return {expert.id: by_id[expert.fallback] for expert in by_id.values() if expert.fallback is not None}
