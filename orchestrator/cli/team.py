"""The experts that a command asks: those that the strongest source names, and where each of them is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, ExpertLost
from orchestrator.serving import begin_loading, reserves_of
from orchestrator.types import Expert

from .local_servers import refused
from .options import known_role
from .printing import note

if TYPE_CHECKING:
    from orchestrator.config import Config, Origin

_STRENGTH = ("default", "user", "project", "environment", "command line")


@dataclass(frozen=True, slots=True)
class Source:
    """The file in which an expert is written."""

    file: Path
    project: Path | None = None
    """The project's file that named it, which must still be trusted when it is read again."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who is asked."""

    experts: tuple[Expert, ...]
    roles: Mapping[str, Expert] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    """By id, for experts that a file holds."""
    reserves: tuple[Expert, ...] = ()
    """Asked only when one of the others is lost that names them as its fallback."""
    by_default: bool = False
    """Whether nobody was named, so that the simulated pool stands in."""

    @property
    def everybody(self) -> tuple[Expert, ...]:
        return tuple({e.id: e for e in (*self.experts, *self.roles.values(), *self.reserves)}.values())

    @property
    def simulated(self) -> bool:
        """Whether nobody but simulated experts is asked for answers."""
        return all(expert.client == "sim" for expert in (*self.experts, *self.reserves))

    @property
    def priced(self) -> bool:
        """Whether anybody costs money for sure."""
        return any(expert.price is not None and not expert.price.free for expert in self.everybody)

    @property
    def unpriced(self) -> tuple[Expert, ...]:
        """Those whose price nobody knows."""
        return tuple(expert for expert in self.everybody if expert.price is None)

    @property
    def costs(self) -> bool:
        """Whether calls cost money: a known price, or a provider's own host and a price that is not known."""
        return self.priced or any(expert.api_base is None for expert in self.unpriced)


@dataclass(frozen=True, slots=True)
class _Written:
    """An expert that a file holds."""

    expert: Expert
    source: Source
    strength: int


def team_of(config: Config, *, reachable: bool = True) -> Team:
    """The experts of a config, with their prices.

    The strongest source that names experts decides. Ids pick among a pool file and `[[expert]]` tables, and may be any
    other expert's; where a stronger source gives a pool or tables, all of those are meant. Of those that are not, the
    ones that a chosen expert names as its fallback are its reserves. Where nobody is named, the simulated pool stands
    in: a key in the environment is never spent unasked.

    Args:
        reachable: find a key that is missing and a model that nobody knows now, not at the first call; what calls need
            is loaded meanwhile.

    Raises:
        ConfigError: an expert cannot be used, or it is said how to reach one and none is named.
    """
    known = _written(config)
    sources = {name: written.source for name, written in known.items()}
    experts, roles = _chosen(config, known, sources), _roles(config, known, sources)
    team = Team(experts or _simulated(config), roles, sources, by_default=not experts)
    reserves = reserves_of(team.everybody, (_with_price(written.expert) for written in known.values()))
    team = replace(team, reserves=reserves)
    if reachable:
        check(team)
        begin_loading(team.everybody)
    return team


def check(team: Team) -> None:
    """Finds out before the first call what every call would fail of.

    Raises:
        ConfigError: a key is missing, or nobody knows the model.
        ExpertLost: all experts are said to be on this machine, and none of them is.
    """
    from orchestrator.experts.routes import check as reach

    for expert in team.everybody:
        reach(expert)
    silent = refused(team.everybody)
    lost = [expert for expert in team.experts if expert.id in silent]
    if lost and len(lost) == len(team.experts):
        first = lost[0]
        written = team.sources.get(first.id)
        other = f"mend its api_base in {written.file}" if written and first.api_base else "give another with --api-base"
        raise ExpertLost(
            f"no server listens at {silent[first.id]}; start it, or {other} "
            "(`orchestrator doctor` shows what is running)",
            expert=first.id,
        )
    for name, base in silent.items():
        note(f"no server listens at {base}, where expert '{name}' should be; going on with the others")


def _chosen(config: Config, known: Mapping[str, _Written], sources: dict[str, Source]) -> tuple[Expert, ...]:
    ids, origin = config.settings.experts, config.origin("experts")
    strongest = max((written.strength for written in known.values()), default=-1)
    if ids and _strength(origin) >= strongest:
        return _resolved(config, ids, origin, known, sources)
    return tuple(_with_price(written.expert) for written in known.values() if written.strength == strongest)


def _roles(config: Config, known: Mapping[str, _Written], sources: dict[str, Source]) -> dict[str, Expert]:
    found = {}
    for role, name in config.settings.roles.items():
        origin = config.origin(f"roles.{role}")
        known_role(role, str(origin))
        experts = _resolved(config, (name,), origin, known, sources)
        if len(experts) != 1:
            raise ConfigError(f"role {role}: '{name}' stands for {len(experts)} experts; name one of them")
        found[role] = experts[0]
    return found


def _resolved(
    config: Config,
    ids: tuple[str, ...],
    origin: Origin,
    known: Mapping[str, _Written],
    sources: dict[str, Source],
) -> tuple[Expert, ...]:
    """What ids stand for; notes in `sources` which of them a pool file among the ids holds."""
    from orchestrator.experts.pool import experts_of, read_pool

    settings, written = config.settings, [each.expert for each in known.values()]
    found = experts_of(ids, known=written, api_base=settings.api_base, key_env=settings.key_env)
    for name in ids:
        if name not in known and name.endswith(".toml") and ":" not in name:
            path = Path(name).expanduser()
            sources.update((expert.id, _source(path, config, origin)) for expert in read_pool(path))
    return tuple(map(_with_price, found))


def _written(config: Config) -> dict[str, _Written]:
    """Experts that files hold, by id: `[[expert]]` tables, and over them the pool file."""
    from orchestrator.experts.pool import read_pool, written_in

    found: dict[str, _Written] = {}
    for file, origin, tables in _tables(config):
        found |= _noted(written_in(tables, file), file, config, origin)
    pool = config.settings.pool
    return found if pool is None else found | _noted(read_pool(pool), pool, config, config.origin("pool"))


def _noted(experts: tuple[Expert, ...], file: Path, config: Config, origin: Origin) -> dict[str, _Written]:
    source, strength = _source(file, config, origin), _strength(origin)
    return {expert.id: _Written(expert, source, strength) for expert in experts}


def _tables(config: Config) -> Iterator[tuple[Path, Origin, list[object]]]:
    by_file: dict[str, tuple[Origin, list[object]]] = {}
    for key, leaf in config.leaves.items():
        if key[0] == "expert":
            by_file.setdefault(leaf.origin.where, (leaf.origin, []))[1].append(leaf.value)
    for where, (origin, tables) in by_file.items():
        yield Path(where).expanduser(), origin, tables


def _source(file: Path, config: Config, origin: Origin) -> Source:
    return Source(file.expanduser().absolute(), config.project if origin.kind == "project" else None)


def _strength(origin: Origin) -> int:
    return _STRENGTH.index(origin.kind)


def _with_price(expert: Expert) -> Expert:
    from orchestrator.serving import priced

    return priced(expert)


def _simulated(config: Config) -> tuple[Expert, ...]:
    ignored = {key.partition(".")[0] for key in config.untrusted} & {"expert", "experts", "pool"}
    if ignored:
        raise ConfigError(
            f"no expert: {config.project} names some, but is not trusted (`orchestrator config trust` vouches for it); "
            "or give -e ID, with -e sim:all the simulated ones"
        )
    for key in ("api_base", "key_env"):
        if getattr(config.settings, key) is not None:
            where = config.origin(key)
            raise ConfigError(f"{key} ({where}) says how to reach an expert, and none is named: add -e openai/MODEL")
    from orchestrator.experts.pool import experts_of

    return experts_of(["sim:all"])
