"""What a config file, the environment or the command line may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeInt,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from ..budget import Budget
from ..errors import ConfigError, UnknownName


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _listed(value: object) -> object:
    """`a,b` is a list, as the environment can only hold text."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _paired(value: object) -> object:
    """`judge=ID,tagger=ID` is a table."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals and right.strip() for _, equals, right in pairs):
        raise ValueError("should read ROLE=EXPERT,ROLE=EXPERT")
    return {left.strip(): right.strip() for left, _, right in pairs}


def _capped(value: object, info: ValidationInfo) -> Budget:
    if isinstance(value, Budget):
        return value
    if isinstance(value, Mapping):
        value = ",".join(f"{name}={cap}" for name, cap in value.items())
    if not isinstance(value, str):
        raise ValueError("should be text as after --budget, e.g. 'usd=0.20,calls=40', or a table of caps")
    where = str((info.context or {}).get("where", "config"))
    return Budget.parse(value, where if where.startswith("--") else f"{where}: {info.field_name}")


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Texts = tuple[Text, ...]
Cap = Annotated[Budget, PlainValidator(_capped), PlainSerializer(str)]
# Capitals only: a pasted key is refused instead of taken for a name.
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Settings(BaseModel):
    """The keys of `orchestrator.toml`; the field names are the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    strategy: Annotated[Texts, BeforeValidator(_one_or_many)] = ()
    """Strategy specs, such as `plansearch(subset_size=1)`; `bench` runs each."""
    verifier: Text | None = None
    """Spec of the verifier."""
    aggregator: Text | None = None
    """Spec of the aggregator."""
    experts: Annotated[Texts, BeforeValidator(_listed)] = ()
    """Expert ids, as after `-e`."""
    pool: Path | None = None
    """A pool file; relative to the config file."""
    api_base: Text | None = None
    """URL of a compatible server for experts that name none."""
    key_env: EnvName | None = None
    """Name of the environment variable that holds the key for `api_base`."""
    roles: Annotated[dict[str, Text], BeforeValidator(_paired)] = {}
    """Experts of their own for roles: `judge`, `tagger`, `aggregator`, ..."""
    budget: Cap = Budget()
    """Caps per problem and strategy."""
    run_budget: Cap = Budget()
    """Caps of a whole invocation and its resumes."""
    concurrency: PositiveInt = 64
    """Problems in flight."""
    seed: NonNegativeInt = 0
    """Seed of every random choice."""
    min_isolation: Annotated[int, Field(ge=0, le=5)] = 0
    """Programs are run at this level of isolation or above it, or not at all."""
    prompts: Path | None = None
    """A file of prompts that stand in for shipped ones; relative to the config file."""
    sets: dict[str, Text] = {}
    """Short names of benchmark sets; paths are relative to the config file."""
    expert: tuple[dict[str, JsonValue], ...] = ()
    """Experts as in a pool file, one `[[expert]]` table each."""
    strategies: dict[str, dict[str, JsonValue]] = {}
    """Settings of strategies that a spec does not give itself, one `[strategies.NAME]` table each."""


KEYS = tuple(Settings.model_fields)
IN_ENVIRONMENT = tuple(key for key in KEYS if key not in ("sets", "expert", "strategies"))
CAPS = tuple(f.name for f in fields(Budget))


def checked(data: Mapping[str, object], where: str) -> Settings:
    """The settings in `data`; only those that are set count as set.

    Args:
        where: the file, variable or option they come from, for messages. Values are never shown: they may be secrets.

    Raises:
        ConfigError: an unknown key, with a suggestion, or a value that does not fit.
    """
    try:
        return Settings.model_validate(dict(data), context={"where": where})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        raise UnknownName("key", key, KEYS, where)
    if first["loc"][0] == "key_env":
        raise ConfigError(f"{where}: key_env should be the name of an environment variable in capitals, not a key")
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "should")
    raise ConfigError(f"{where}: {key} {message[0].lower()}{message[1:]}")
