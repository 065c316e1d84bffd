"""Model servers on this machine: those on their usual ports, and those that experts are said to be at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from orchestrator.types import Expert

SECONDS = 0.5
"""How long a server may take to answer."""

_LONGEST = 1 << 20
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server would be."""

    name: str
    port: int
    path: str = "/v1/models"
    list_: str = "data"
    """Under which key its answer lists models."""
    field: str = "id"


PLACES = (
    Place("Ollama", 11434, "/api/tags", "models", "name"),
    Place("vLLM", 8000),
    Place("LM Studio", 1234),
    Place("llama.cpp", 8080),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a place; the server there may be another that speaks the same protocol."""

    name: str
    url: str
    found: bool
    models: tuple[str, ...] = ()

    @property
    def use(self) -> str | None:
        """The options that would ask it."""
        if not self.models:
            return None
        if self.name == "Ollama":
            return f"-e ollama_chat/{self.models[0]}"
        return f"-e openai/{self.models[0]} --api-base {self.url}"

    @property
    def client(self) -> str | None:
        """By which client it would be asked."""
        from orchestrator.experts.clients import client_of
        from orchestrator.types import Expert

        if not self.models:
            return None
        model = f"{'ollama_chat' if self.name == 'Ollama' else 'openai'}/{self.models[0]}"
        return client_of(Expert(model, model, api_base=None if self.name == "Ollama" else self.url))


def find(places: tuple[Place, ...] = PLACES, seconds: float = SECONDS) -> list[Found]:
    """Looks in all places at once; on this machine only, whatever proxies the environment names.

    Args:
        seconds: how long each may take to answer.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(partial(_look, seconds=seconds), places))


def _look(place: Place, seconds: float) -> Found:
    import http.client

    url = f"http://127.0.0.1:{place.port}" + ("" if place.path.startswith("/api") else "/v1")
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=seconds)
    try:
        connection.request("GET", place.path, headers={"Accept": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read(_LONGEST)) if reply.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return Found(place.name, url, False)
    finally:
        connection.close()
    listed = answer.get(place.list_) if isinstance(answer, Mapping) else None
    if not isinstance(listed, list):
        return Found(place.name, url, False)
    names = [item.get(place.field) for item in listed if isinstance(item, Mapping)]
    return Found(place.name, url, True, tuple(name for name in names if isinstance(name, str)))


def refused(experts: Iterable[Expert]) -> dict[str, str]:
    """Of experts that are said to be on this machine, those at whose port nobody listens: URL by id.

    Waiting for such a server is of no use, whereas one elsewhere that does not answer may be busy.
    """
    bases = {expert.id: base for expert in experts if (base := _own_base(expert)) is not None}
    silent = {base for base in set(bases.values()) if not _listens(base)}
    return {name: base for name, base in bases.items() if base in silent}


def _own_base(expert: Expert) -> str | None:
    """Where on this machine an expert is; `None` where it is elsewhere."""
    from orchestrator.experts.hosts import on_this_machine

    if not expert.networked:
        return None
    base = expert.api_base
    if base is None and expert.model.partition("/")[0] in ("ollama", "ollama_chat"):
        base = os.environ.get("OLLAMA_API_BASE") or "http://127.0.0.1:11434"
    return base if base is not None and on_this_machine(base) else None


def _listens(base: str) -> bool:
    import socket

    url = urlsplit(base)
    try:
        socket.create_connection(
            (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)), SECONDS
        ).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True  # whatever else is the matter, the call will tell
    return True
