"""Experts in a run's manifest: whole, so that a resumed run needs no config, but without anything secret.

An expert that a file holds is read from there again on resume, so that a mended address, key variable or rate counts.
What makes its replies its own must be as it was, since the journal holds them under its id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import ConfigError
from orchestrator.masking import masked
from orchestrator.types import BatchTerms, Expert, Json, Price, Sampling

from .printing import note
from .team import Source, Team

_IDENTITY = ("model", "client", "persona", "sampling", "options")
_BY_NETWORK = ("auto", "direct", "litellm")


def recorded(team: Team) -> dict[str, Json]:
    """What the manifest holds of a team."""
    return {
        "experts": [_row(expert, team.sources.get(expert.id)) for expert in team.experts],
        "roles": {role: _row(expert, team.sources.get(expert.id)) for role, expert in team.roles.items()},
        "reserves": [_row(expert, team.sources.get(expert.id)) for expert in team.reserves],
    }


def recalled(manifest: Mapping[str, Json], api_base: str | None = None) -> Team:
    """The team of a manifest.

    Args:
        api_base: where the server is now that the run reached by `--api-base`.

    Raises:
        ConfigError: a secret that an expert needs is nowhere to be found, or the expert is another one now.
    """
    if api_base is not None and not manifest.get("api_base"):
        raise ConfigError("this run had no --api-base; change the api_base of its experts in the file that holds them")
    rows = cast(list[dict[str, Any]], manifest["experts"])
    roles = cast(dict[str, dict[str, Any]], manifest.get("roles") or {})
    reserves = cast(list[dict[str, Any]], manifest.get("reserves") or [])
    base = cast(str | None, manifest.get("api_base"))
    return Team(
        tuple(_expert(row, base, api_base) for row in rows),
        {role: _expert(row, base, api_base) for role, row in roles.items()},
        {row["id"]: _source(row) for row in (*rows, *roles.values(), *reserves) if row.get("file")},
        tuple(_expert(row, base, api_base) for row in reserves),
    )


def _row(expert: Expert, source: Source | None) -> dict[str, Json]:
    whole = _plain(expert)
    row = cast(dict[str, Json], masked(whole))
    if row != whole:
        row["withheld"] = True
    if source is not None:
        row |= {"file": str(source.file), "project": str(source.project) if source.project else None}
    return row


def _plain(expert: Expert) -> dict[str, Json]:
    return cast(dict[str, Json], json.loads(json.dumps(asdict(expert))))


def _source(row: Mapping[str, Any]) -> Source:
    return Source(Path(row["file"]), Path(row["project"]) if row.get("project") else None)


def _expert(row: Mapping[str, Any], base: str | None, moved: str | None) -> Expert:
    if row.get("file"):
        return _from_file(row, _source(row))
    if moved is not None and base is not None and row["api_base"] == base:
        return _at(row, moved)
    if row.get("withheld"):
        raise ConfigError(
            f"expert '{row['id']}' was reached with credentials, which no run keeps; give --api-base URL again"
        )
    return _rebuilt(row)


def _at(row: Mapping[str, Any], api_base: str) -> Expert:
    from orchestrator.experts.pool import experts_of

    (moved,) = experts_of([row["id"]], api_base=api_base, key_env=row["key_env"])
    return replace(moved, price=_price(row), batch=_batch(row))


def _from_file(row: Mapping[str, Any], source: Source) -> Expert:
    """The expert as its file has it now; as it was recorded where the file has it no more and nothing is withheld."""
    reason, found = _read(row["id"], source)
    if found is not None:
        _check_same(found, row, source.file)
        return _as_billed(replace(found, price=found.price or _price(row), batch=_terms(found.batch, _batch(row))))
    if row.get("withheld"):
        raise ConfigError(f"expert '{row['id']}' needs what only {source.file} holds, and {reason}")
    note(f"{reason}; going on with expert '{row['id']}' as it was")
    return _rebuilt(row)


def _read(name: str, source: Source) -> tuple[str, Expert | None]:
    """Why a file does not hold an expert, and the expert if it does."""
    from orchestrator.config import trusted

    if source.project is not None and not (source.project.is_file() and trusted(source.project)):
        return f"{source.project} is not trusted any more (`orchestrator config trust` vouches for it)", None
    if not source.file.is_file():
        return f"{source.file} is not there any more", None
    found = next((expert for expert in _experts_in(source.file) if expert.id == name), None)
    return f"{source.file} no longer holds expert '{name}'", found


def _experts_in(file: Path) -> tuple[Expert, ...]:
    """Those in the `[[expert]]` tables of a pool file or a config file."""
    import tomllib

    from orchestrator.experts.pool import read_pool, written_in

    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("expert")
    except (OSError, ValueError):
        return read_pool(file)  # which says what is wrong
    return written_in(tables, file) if isinstance(tables, list) and tables else ()


def _check_same(found: Expert, row: Mapping[str, Any], file: Path) -> None:
    now = cast(dict[str, Json], masked(_plain(found)))
    # A setting that there was none of when the run began is at its default.
    was = {**row, "sampling": {**asdict(Sampling()), **row["sampling"]}}
    if found.networked and was["client"] in _BY_NETWORK:
        was["client"] = found.client  # by which way a server is asked changes nothing of what it says
    for name in _IDENTITY:
        if now[name] != cast(dict[str, Json], json.loads(json.dumps(was)))[name]:
            raise ConfigError(
                f"{file}: expert '{found.id}' has another {name} than when the run began, so the run's replies are not "
                "its own: put it back, give the changed one a new id, or begin a new run"
            )


def _rebuilt(row: Mapping[str, Any]) -> Expert:
    # What a later version records beside these has no place in this one.
    known = {f.name: row[f.name] for f in fields(Expert) if f.name in row}
    sampling = {**row["sampling"], "stop": tuple(row["sampling"]["stop"])}
    read = {"sampling": Sampling(**sampling), "price": _price(row), "skills": tuple(row["skills"])}
    return Expert(**{**known, **read, "batch": _batch(row)})


def _terms(now: BatchTerms | None, was: BatchTerms | None) -> BatchTerms | None:
    """How it is asked by batch, at the price that the run began with where the file has none."""
    return replace(now, price=was.price) if now and was and now.price is None else now or was


def _as_billed(expert: Expert) -> Expert:
    """The same with what its batches cost, where neither the file nor the run has that."""
    if expert.batch is None or expert.batch.price is not None:
        return expert
    from orchestrator.serving import priced

    return replace(expert, batch=priced(expert).batch)


def _batch(row: Mapping[str, Any]) -> BatchTerms | None:
    return BatchTerms(**row["batch"]) if row.get("batch") else None


def _price(row: Mapping[str, Any]) -> Price | None:
    return Price.read(row["price"]) if row["price"] else None
