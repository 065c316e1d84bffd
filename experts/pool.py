"""From what a user types or writes into a pool file to experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.types import Expert, Price

from .headers import Headers
from .prices import provider_of_bare_model
from .routes import split_credentials


def experts_of(
    ids: Sequence[str],
    *,
    pool: Path | None = None,
    known: Sequence[Expert] = (),
    api_base: str | None = None,
    key_env: str | None = None,
) -> tuple[Expert, ...]:
    """The experts that a user means, in the order given.

    An id is one of the pool's, a pool file (`*.toml`: all its experts), `replay:FILE` (all experts of a file of
    recorded generations, in file order), `replay:FILE#EXPERT/STYLE`, `scripted:FILE.toml`, `sim:all` or `sim:NAME`
    (simulated experts), `local:FOLDER` or `local:ORG/NAME` (models in this process), or anything that litellm knows
    (`openai/gpt-4o-mini`, `ollama_chat/qwen3:8b`). Without ids: the whole pool and all that are known.

    Args:
        pool: a pool file; its experts go by their ids.
        known: experts that are written elsewhere, such as in a config file; they go by their ids as well.
        api_base: of a compatible server, for the litellm ids.
        key_env: name of the variable that holds its key.

    Raises:
        ConfigError: a file that is missing, malformed or empty, or an id given twice.
        UnknownName: a client, an expert of a file, or a key of a pool file that is not there.
    """
    everybody = _distinct((*(read_pool(pool) if pool else ()), *known))
    written = {expert.id: expert for expert in everybody}
    if not ids:
        return everybody
    found: list[Expert] = []
    for name in ids:
        if name not in written and not api_base:
            _no_slip(name, written)
        found += [written[name]] if name in written else _expanded(name, api_base, key_env)
    return _distinct(found)


def read_pool(path: Path) -> tuple[Expert, ...]:
    """The experts of a pool file.

    Raises:
        ConfigError: see `experts_of`.
    """
    from .pool_file import read  # pydantic is imported only for pool files

    return _distinct(tuple(_resolved(expert, path) for expert in read(path)), str(path))


def written_in(tables: Sequence[object], path: Path) -> tuple[Expert, ...]:
    """The experts of `[[expert]]` tables that stand in a config file, `path`; files they name are relative to it.

    Raises:
        ConfigError: see `experts_of`.
    """
    from .pool_file import of_tables

    return _distinct(tuple(_resolved(expert, path) for expert in of_tables(tables, path)), str(path))


def _expanded(name: str, api_base: str | None, key_env: str | None) -> tuple[Expert, ...]:
    client, _, rest = name.partition(":")
    match client:
        case "replay":
            from .replay import experts_in

            return experts_in(rest)
        case "scripted":
            return (_scripted(Expert(name, name), Path(rest).expanduser()),)
        case "sim":
            from .sim import experts_in as simulated

            return simulated(rest)
        case "local":
            from .local import experts_in as in_process

            return in_process(rest)
    if name.endswith(".toml"):
        return read_pool(Path(name).expanduser())
    if not name.strip():
        raise ConfigError("an expert's id is empty; write for example -e openai/gpt-4o-mini")
    return (_with_plain_base(Expert(name, name, api_base=api_base, key_env=key_env)),)


def _no_slip(name: str, written: Mapping[str, Expert]) -> None:
    """A bare name that neither the pool nor litellm's map has, was meant for the pool."""
    if written and not any(sign in name for sign in "/:.") and provider_of_bare_model(name) is None:
        raise UnknownName("expert", name, written)


def _resolved(expert: Expert, pool: Path) -> Expert:
    """An expert of a pool file with its model read as its client does; files are relative to the pool file."""
    folder = pool.expanduser().parent
    if expert.client == "replay" and "file" not in expert.options:
        from .replay import experts_in

        name, hash_sign, who = expert.model.removeprefix("replay:").partition("#")
        recorded = experts_in(f"{folder / Path(name).expanduser()}{hash_sign}{who}")
        if len(recorded) != 1:
            raise ConfigError(
                f"{pool}: expert '{expert.id}': write model = \"FILE#EXPERT/STYLE\"; the file holds several"
            )
        return replace(expert, model=recorded[0].model, options=recorded[0].options, price=expert.price or Price())
    if expert.client == "scripted" and "file" not in expert.options:
        return _scripted(expert, folder / Path(expert.model.removeprefix("scripted:")).expanduser())
    if expert.client == "local" or (expert.client == "auto" and expert.model.startswith("local:")):
        from .local import resolved

        return resolved(expert, folder)
    if expert.client == "sim":
        return replace(expert, price=expert.price or Price())
    return _with_plain_base(expert, f"{pool}: expert '{expert.id}': ")


def _scripted(expert: Expert, path: Path) -> Expert:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; a scripted expert is scripted:FILE.toml")
    return replace(expert, client="scripted", options={"file": str(path.resolve())}, price=expert.price or Price())


def _with_plain_base(expert: Expert, where: str = "") -> Expert:
    """Credentials in the URL become a header, which is never shown."""
    if expert.api_base is None:
        return expert
    try:
        base, basic = split_credentials(expert.api_base)
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from None
    headers = {**({"Authorization": basic} if basic else {}), **expert.headers}
    return replace(expert, api_base=base, headers=Headers(headers))


def _distinct(experts: Sequence[Expert], where: str = "") -> tuple[Expert, ...]:
    seen: set[str] = set()
    for expert in experts:
        if expert.id in seen:
            place = f"{where}: " if where else ""
            raise ConfigError(f"{place}expert '{expert.id}' is there twice; give each an id of its own")
        seen.add(expert.id)
    return tuple(experts)


def to_toml(expert: Expert) -> str:
    """What the entry of an expert in a pool file would be; header values and credentials are masked."""
    from .pool_file import entry

    return entry(expert)
