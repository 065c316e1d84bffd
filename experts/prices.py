"""Prices and context windows out of the cost map that litellm ships; read as a file, without importing litellm."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from orchestrator.types import Expert, Price

from .clients import client_of
from .hosts import on_this_machine
from .price_list import batch_share, listed_price

_MAP = "model_prices_and_context_window_backup.json"
_OWN_MACHINE = {"ollama": "OLLAMA_API_BASE", "ollama_chat": "OLLAMA_API_BASE"}
"""Providers whose default host is this machine, and the variable that moves it."""
_ALSO = {"bedrock": "bedrock_converse"}
"""Another name of a provider in the map."""
_TUNED = re.compile(r"^((?:openai/)?ft:[^:]+):.*")
_FLAGS = {"supports_system_messages": "system", "supports_response_schema": "json_schema"}


def priced(expert: Expert) -> Expert:
    """The expert with price, context and capabilities from litellm's cost map where the user gave none.

    What calls by batch cost of the usual price is the map's word for every model of that name, whoever serves it.

    A server on this machine costs nothing; one at any other `api_base` stays unpriced, whatever its model is called.
    For a server that is asked directly the map says nothing: how much context it has is its owner's choice.
    """
    if not expert.networked:
        return expert
    entry = listed(expert.model)
    if expert.batch is not None and expert.batch.price is None:
        expert = replace(expert, batch=replace(expert.batch, price=batch_share(entry, expert.sampling)))
    if client_of(expert) == "direct":
        return replace(expert, price=expert.price or (Price() if _free(expert) else None))
    price = expert.price
    if price is None and _free(expert):
        price = Price()
    elif price is None and not expert.api_base:
        price = listed_price(entry, expert.model, expert.sampling)
    context = expert.context
    if context is None and not expert.api_base:
        context = _whole(entry.get("max_input_tokens")) or _whole(entry.get("max_tokens"))
    refused = {} if expert.api_base else {ours: False for flag, ours in _FLAGS.items() if entry.get(flag) is False}
    return replace(expert, price=price, context=context, capabilities={**refused, **expert.capabilities})


def provider_of_bare_model(model: str) -> str | None:
    """The provider of a model named without one, such as `gpt-4o-mini`; `None`: the map does not know."""
    provider = _cost_map().get(model, {}).get("litellm_provider")
    return str(provider) if provider else None


def bare_models() -> tuple[str, ...]:
    """The models that can be named without a provider."""
    return tuple(name for name in _cost_map() if "/" not in name)


def listing() -> Mapping[str, Mapping[str, object]]:
    """All of the map: entries by the names of models."""
    return _cost_map()


def _free(expert: Expert) -> bool:
    if expert.api_base:
        return on_this_machine(expert.api_base)
    variable = _OWN_MACHINE.get(expert.model.partition("/")[0])
    return variable is not None and on_this_machine(os.environ.get(variable) or "http://localhost")


def listed(model: str) -> Mapping[str, object]:
    """The map's entry of a model, under its whole name, or under the bare one where the provider agrees; else empty.

    A model that was fine-tuned for somebody has that of all that were made of the same.
    """
    prices = _cost_map()
    model = _TUNED.sub(r"\1", model)
    if model in prices:
        return prices[model]
    provider, slash, name = model.partition("/")
    entry = prices.get(name, {}) if slash else {}
    return entry if entry.get("litellm_provider") in (provider, _ALSO.get(provider)) else {}


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None


@cache
def _cost_map() -> Mapping[str, Mapping[str, object]]:
    spec = find_spec("litellm")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], _MAP) if places else None
    if path is None or not path.is_file():
        return {}
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return {name: entry for name, entry in loaded.items() if isinstance(entry, dict) and name != "sample_spec"}
