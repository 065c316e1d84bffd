"""The price of a model by its entry in litellm's cost map: by length of the prompt, and by how it is served."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from orchestrator.types import HALF, Price, PriceTier, Sampling

Entry: TypeAlias = Mapping[str, object]

_PROMPT, _COMPLETION = "input_cost_per_token", "output_cost_per_token"
_READ, _WRITTEN = "cache_read_input_token_cost", "cache_creation_input_token_cost"
_THOUGHT = "output_cost_per_reasoning_token"
_ABOVE = re.compile(rf"{_PROMPT}_above_(\d+k?)_tokens")
_BY_BATCH = re.compile(rf"({_PROMPT}|{_COMPLETION}|{_READ}|{_WRITTEN})(?:_above_\d+k?_tokens)?_batches")
_REACHED = frozenset({"xai"})
"""Providers that take more from the length on that the map names, and not only above it."""

_SERVED = {"priority": "_priority", "fast": "_priority"} | {
    name: f"_{name}" for name in ("flex", "ultrafast", "balanced")
}
"""How the map's keys end for each `service_tier` that a request may ask for."""
_ASKED = ("speed", "inference_geo")
"""Fields of a request whose values the map may have a factor for."""

_ALWAYS_SEARCHES = re.compile(r"-search-(preview|api)")
_SEARCHES_AT_WILL = re.compile(r"deep-research")
"""Models that search the web in every call, and those that do so as often as they like: the map has prices of searches
for many that only search where they are told to."""


def listed_price(entry: Entry, name: str, sampling: Sampling) -> Price | None:
    """What the map says that calls cost; `None` where it does not, or where nobody could say beforehand.

    Thought is taken to be all of a reply where it costs more: some providers bill all of a reply so that was thought
    about. What comes for less at some hours counts in full.

    Args:
        name: the model's, as the user wrote it.
        sampling: the user's settings, of which some make a call dearer.
    """
    if _SEARCHES_AT_WILL.search(name) or "citation_cost_per_token" in entry:
        return None
    rows = tuple(_rows(entry, _service(sampling)))
    if not rows:
        return None
    base, *above = rows
    tiers = tuple(PriceTier(r.prompt, r.completion, r.cached_prompt, r.written_prompt, r.above) for r in above)
    rates = Price(base.prompt, base.completion, base.cached_prompt, base.written_prompt, tiers=tiers)
    return replace(rates.times(_factor(entry, sampling)), request=_fee(entry, name, sampling))


def batch_share(entry: Entry, sampling: Sampling) -> float:
    """What calls by batch cost of what `listed_price` says; half where the map has no word on it.

    The highest of all shares where prompts, replies and what is cached have different ones.

    Args:
        sampling: the user's settings. What makes calls at once cheaper makes batches no cheaper.
    """
    listed = {key: usd for key in entry if _BY_BATCH.fullmatch(key) and (usd := _number(entry[key])) is not None}
    halved = {f"{key}_batches": HALF * (_number(entry.get(key)) or 0.0) for key in (_PROMPT, _COMPLETION)}
    served = _service(sampling)
    shares: list[float] = []
    for key, usd in {**halved, **listed}.items():
        usual = key.removesuffix("_batches")
        costs = [_number(entry.get(name)) for name in (usual, f"{usual}{served}")]
        shares += [usd / cost for cost in costs if cost]
    return max(shares, default=HALF)


def _service(sampling: Sampling) -> str:
    """How the map's keys end for the service that a request asks for."""
    return _SERVED.get(str(sampling.extra_body.get("service_tier")), "")


def _rows(entry: Entry, served: str) -> Iterator[PriceTier]:
    """The rates of calls with short prompts, then those of longer ones."""
    row: PriceTier | None = None
    for above, found in sorted(_tables(entry, served), key=lambda pair: pair[0]):
        row = _rates(found, above, row, embeds=entry.get("mode") == "embedding")
        if row is None:
            return
        yield row


def _tables(entry: Entry, served: str) -> Iterator[tuple[int, Entry]]:
    """Each length of a prompt above which other prices hold, with these by the map's plain names."""
    listed = entry.get("tiered_pricing")
    tiers = [tier for tier in listed if _PROMPT in tier and "range" in tier] if isinstance(listed, list) else []
    if tiers:
        yield from (
            (int(tier["range"][0]), _thoughtful({_COMPLETION: entry.get(_COMPLETION), **tier})) for tier in tiers
        )
        return
    yield 0, _thoughtful(_named(entry, "", served), entry)
    for key in entry:
        if (found := _ABOVE.fullmatch(key)) is not None:
            length = int(found[1].rstrip("k")) * (1000 if found[1].endswith("k") else 1)
            reached = entry.get("litellm_provider") in _REACHED
            yield length - reached, _thoughtful(_named(entry, f"_above_{found[1]}_tokens", served), entry)


def _named(entry: Entry, length: str, served: str) -> Entry:
    """What holds for a length and a way of being served; without prices of its own a way costs the usual ones."""
    keys = {key: f"{key}{length}" for key in (_PROMPT, _COMPLETION, _READ, _WRITTEN)}
    return {key: entry.get(f"{named}{served}", entry.get(named)) for key, named in keys.items()}


def _thoughtful(found: Entry, entry: Entry | None = None) -> Entry:
    """The same, with thought as what a reply may be made of; `entry` holds what thought usually costs."""
    usual = found if entry is None else entry
    thought, completion, usd = _number(usual.get(_THOUGHT)), _number(usual.get(_COMPLETION)), found.get(_COMPLETION)
    if not thought or not completion or not isinstance(usd, int | float):
        return found
    return {**found, _COMPLETION: usd * max(1.0, thought / completion)}


def _rates(found: Entry, above: int, below: PriceTier | None, embeds: bool) -> PriceTier | None:
    """The rates of one length; what the map does not say of it grows with the price of a prompt, and none falls.

    What is written into a cache has a price where it costs more, and 0 where it is not billed apart.
    """
    prompt, completion = _number(found.get(_PROMPT)), _number(found.get(_COMPLETION))
    read, written = _number(found.get(_READ)), _number(found.get(_WRITTEN))
    if completion is None and embeds:
        completion = 0.0  # there is no output, and not every entry says that it costs nothing
    if below is not None and prompt is not None:
        prompt = max(prompt, below.prompt)
        grown = below.times(prompt / below.prompt if below.prompt else 1.0)
        completion = below.completion if completion is None else max(completion, below.completion)
        read = grown.cached_prompt if read is None else read
        written = grown.written_prompt if written is None else written
    if prompt is None or completion is None:
        return None
    return PriceTier(prompt, completion, read, max(prompt, written or 0.0), above)


def _factor(entry: Entry, sampling: Sampling) -> float:
    """What the usual prices are multiplied by for where, and how fast, a call is worked off."""
    listed = entry.get("provider_specific_entry")
    factors = listed if isinstance(listed, dict) else {}
    asked = [str(sampling.extra_body.get(field)) for field in _ASKED]
    factor = 1.0
    for usd in (_number(factors.get(value)) for value in asked):
        factor *= usd or 1.0
    if _place(sampling) != "global":
        factor *= _number(entry.get("regional_endpoint_uplift_multiplier")) or 1.0
    return factor


def _place(sampling: Sampling) -> str:
    """Where Vertex works off a call; everywhere but in no place in particular may cost more."""
    told = sampling.extra_body.get("vertex_location") or os.environ.get("VERTEXAI_LOCATION")
    return str(told or os.environ.get("VERTEX_LOCATION") or "").lower()


def _fee(entry: Entry, name: str, sampling: Sampling) -> float:
    """What each request costs beside its tokens."""
    fee = _number(entry.get("input_cost_per_request")) or 0.0
    searches, perplexity = entry.get("search_context_cost_per_query"), entry.get("litellm_provider") == "perplexity"
    if isinstance(searches, dict) and (perplexity or _ALWAYS_SEARCHES.search(name)):
        options = sampling.extra_body.get("web_search_options")
        asked = options.get("search_context_size") if isinstance(options, dict) else None
        size = asked or ("low" if perplexity else "medium")
        fee += _number(searches.get(f"search_context_size_{size}")) or 0.0
    return fee


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
