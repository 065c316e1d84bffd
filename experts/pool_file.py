"""Pool files: TOML with one `[[expert]]` table for each expert."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
)

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.masking import MASK, masked_url
from orchestrator.types import BatchTerms, Expert, Price, PriceTier, Sampling

from .headers import Headers
from .pool_checks import check

_MILLION = 1_000_000


def _window(text: str) -> str:
    if re.fullmatch(r"[1-9]\d*[mhd]", text) is None:
        raise ValueError("write a number and m, h or d, such as 24h")
    return text


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""A text or a list of texts."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class RatesTable(_Table):
    """US dollars per million tokens."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached_prompt: float | None = Field(default=None, ge=0)
    written_prompt: float | None = Field(default=None, ge=0)

    def rates(self) -> dict[str, Any]:
        """The same per token."""
        each = {name: getattr(self, name) for name in RatesTable.model_fields}
        return {name: None if usd is None else usd / _MILLION for name, usd in each.items()}


class TierTable(RatesTable):
    """Prices of calls whose prompt has more than `above` tokens."""

    above: int = Field(ge=0)


class PriceTable(RatesTable):
    """The prices of a call, by the length of its prompt where that makes a difference."""

    request: float = Field(default=0.0, ge=0)
    """US dollars of a request beside its tokens."""
    tiers: tuple[TierTable, ...] = ()

    @field_validator("tiers")
    @classmethod
    def _apart(cls, tiers: tuple[TierTable, ...]) -> tuple[TierTable, ...]:
        lengths = [tier.above for tier in tiers]
        if twice := {length for length in lengths if lengths.count(length) > 1}:
            raise ValueError(f"two tiers are above {min(twice)} tokens")
        return tiers


class SamplingTable(_Table):
    """The user's settings; they win over a strategy's."""

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, gt=0)
    stop: Texts = ()
    seed: int | None = None
    reasoning_effort: str | None = None
    mode: Literal["chat", "completion"] = "chat"
    extra_body: dict[str, JsonValue] = {}
    top_logprobs: int | None = Field(default=None, ge=0)


class ExpertTable(_Table):
    """One `[[expert]]`. The names are those of `Expert`; some of `sampling` may also stand outside of it."""

    id: str = Field(min_length=1)
    model: str = ""
    """By default the id."""
    client: str = "auto"
    api_base: str | None = None
    key_env: str | None = None
    persona: str | None = None
    mode: Literal["chat", "completion", "batch"] | None = None
    """`batch`: chat by the provider's batch endpoint."""
    batch_window: Annotated[str, AfterValidator(_window)] = BatchTerms().window
    batch_price: float | None = Field(default=None, ge=0)
    batch_requests: int = Field(default=BatchTerms().requests, gt=0)
    batch_bytes: int = Field(default=BatchTerms().size, gt=0)
    sampling: SamplingTable = SamplingTable()
    stop: Texts | None = None
    reasoning_effort: str | None = None
    extra_body: dict[str, JsonValue] | None = None
    headers: dict[str, str] = {}
    timeout: float = Field(default=600.0, gt=0)
    context: int | None = Field(default=None, gt=0)
    rpm: float | None = Field(default=None, gt=0)
    tpm: float | None = Field(default=None, gt=0)
    concurrency: int = Field(default=64, gt=0)
    price: PriceTable | None = None
    prefix_cache: Literal["auto", "on", "off"] = "auto"
    skills: Texts = ()
    resident_group: str | None = None
    resident_capacity: int | None = Field(default=None, gt=0)
    loader: Literal["none", "ollama", "vllm", "local"] = "none"
    fallback: str | None = None
    capabilities: dict[str, bool | str] = {}
    options: dict[str, JsonValue] = {}

    def expert(self) -> Expert:
        """The entry as a value."""
        return Expert(
            id=self.id,
            model=self.model or self.id,
            client=self.client,
            api_base=self.api_base,
            key_env=self.key_env,
            persona=self.persona,
            sampling=self._sampling(),
            headers=Headers(self.headers),
            timeout=self.timeout,
            context=self.context,
            rpm=self.rpm,
            tpm=self.tpm,
            concurrency=self.concurrency,
            price=_per_token(self.price) if self.price else None,
            prefix_cache=self.prefix_cache,
            skills=self.skills,
            resident_group=self.resident_group,
            resident_capacity=self.resident_capacity,
            loader=self.loader,
            fallback=self.fallback,
            batch=self._batch() if self.mode == "batch" else None,
            capabilities=self.capabilities,
            options=self.options,
        )

    def _batch(self) -> BatchTerms:
        return BatchTerms(self.batch_window, self.batch_price, self.batch_requests, self.batch_bytes)

    def _sampling(self) -> Sampling:
        outside = {name: getattr(self, name) for name in ("mode", "stop", "reasoning_effort", "extra_body")}
        if self.mode == "batch":
            outside["mode"] = None
        given = {name: value for name, value in outside.items() if value is not None}
        return Sampling(**{**self.sampling.model_dump(), **given})


class PoolFile(_Table):
    """A whole file."""

    expert: list[ExpertTable] = Field(min_length=1)


def read(path: Path) -> list[Expert]:
    """The experts of a file, as written.

    Raises:
        ConfigError: no such file, not TOML, no expert, or a value that does not hold; with path, entry and key.
        UnknownName: a key, client, capability or fallback that is not there, with a suggestion.
    """
    try:
        data = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; give a pool file with [[expert]] tables") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return _experts(data, path)


def of_tables(tables: Sequence[object], path: Path) -> list[Expert]:
    """The experts of `[[expert]]` tables that stand in another file, `path`.

    Raises:
        ConfigError: see `read`.
    """
    return _experts({"expert": list(tables)}, path)


def _experts(data: dict[str, object], path: Path) -> list[Expert]:
    tables = data.get("expert")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f"{path}: no [[expert]] in it (with two brackets each)")
    try:
        experts = [table.expert() for table in PoolFile.model_validate(data).expert]
    except ValidationError as error:
        _explain(error, tables, path)
    check(experts, path)
    return experts


def entry(expert: Expert) -> str:
    """What the entry of an expert in a pool file would be; header values are masked."""
    import tomlkit

    table = tomlkit.table()
    for name, value in _written(expert).items():
        table.add(name, value)
    tables = tomlkit.aot()
    tables.append(table)
    document = tomlkit.document()
    document.add("expert", tables)
    return tomlkit.dumps(document)


def _written(expert: Expert) -> dict[str, object]:
    """The fields that differ from the defaults, in the table's order."""
    given: dict[str, object] = {f.name: getattr(expert, f.name) for f in fields(expert)}
    given |= {
        "api_base": expert.api_base and masked_url(expert.api_base),
        "sampling": expert.sampling.to_json(),
        "price": expert.price and _per_million(expert.price),
        "headers": dict.fromkeys(expert.headers, MASK),
        "skills": list(expert.skills),
        "capabilities": dict(expert.capabilities),
        "options": dict(expert.options),
    }
    given |= _terms(expert.batch)
    plain = {f.name: getattr(Expert("", ""), f.name) for f in fields(expert)} | _terms(BatchTerms()) | {"mode": None}
    empty: tuple[object, ...] = (None, {}, [])
    return {name: value for name, value in given.items() if value not in empty and value != plain[name]}


def _terms(terms: BatchTerms | None) -> dict[str, object]:
    if terms is None:
        return {"batch": None}
    return {
        "batch": None,
        "mode": "batch",
        "batch_window": terms.window,
        "batch_price": terms.price,
        "batch_requests": terms.requests,
        "batch_bytes": terms.size,
    }


def _per_million(price: Price) -> dict[str, object]:
    table: dict[str, object] = _rates_per_million(price)
    if price.request:
        table["request"] = price.request
    if price.tiers:
        table["tiers"] = [{"above": tier.above, **_rates_per_million(tier)} for tier in price.tiers]
    return table


def _rates_per_million(rates: Price | PriceTier) -> dict[str, object]:
    kinds = {name: getattr(rates, name) for name in RatesTable.model_fields}
    return {name: round(value * _MILLION, 9) for name, value in kinds.items() if value is not None}


def _per_token(price: PriceTable) -> Price:
    tiers = tuple(PriceTier(**tier.rates(), above=tier.above) for tier in price.tiers)
    return Price(**price.rates(), request=price.request, tiers=tiers)


def _explain(error: ValidationError, tables: list[object], path: Path) -> NoReturn:
    """One complaint as one line with file, entry and key; a key that is not there may be why another is missing."""
    complaints = error.errors(include_url=False, include_input=False)
    first = next((c for c in complaints if c["type"] == "extra_forbidden"), complaints[0])
    place, where, known = list(first["loc"]), str(path), list(PoolFile.model_fields)
    if len(place) > 1 and isinstance(place[1], int):
        where, known = _entry_name(tables, place[1], path), _known_beside(place[2:])
        place = place[2:]
    key = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        raise UnknownName("key", key, known, where) from None
    told = first["msg"].removeprefix("Value error, ")
    raise ConfigError(f"{where}: {key}: {told[:1].lower()}{told[1:]}") from None


def _entry_name(tables: list[object], number: int, path: Path) -> str:
    table = tables[number]
    name = table.get("id") if isinstance(table, dict) else None
    return f"{path}: [[expert]] {number + 1}" + (f" ('{name}')" if isinstance(name, str) else "")


def _known_beside(place: list[int | str]) -> list[str]:
    """The keys that there are where an unknown one stands."""
    inner: dict[str, type[BaseModel]] = {"sampling": SamplingTable, "price": PriceTable}
    if place[:2] == ["price", "tiers"] and len(place) > 3:
        return [".".join(map(str, [*place[:3], name])) for name in TierTable.model_fields]
    if len(place) > 1 and str(place[0]) in inner:
        return [f"{place[0]}.{name}" for name in inner[str(place[0])].model_fields]
    return list(ExpertTable.model_fields)
