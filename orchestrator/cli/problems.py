"""Which problems a run solves: a set by name, alias or path, and what is chosen out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BenchmarkError, ConfigError

if TYPE_CHECKING:
    from orchestrator.evals.case import Case
    from orchestrator.evals.sets import CaseSet
    from orchestrator.types import Json, Problem


@dataclass(frozen=True, slots=True)
class Problems:
    """The problems of a run; they are read anew whenever they are asked for."""

    spec: str
    """What opens the set from any folder."""
    name: str
    """What results call the set."""
    digest: str
    """SHA-256 of the set's file."""
    limit: int | None = None
    ids: tuple[str, ...] | None = None
    part: str | None = None

    def cases(self) -> Iterator[Case]:
        from orchestrator.evals.select import select
        from orchestrator.evals.sets import open_set

        yield from select(open_set(self.spec), self.limit, self.ids, self.part)

    def to_json(self) -> dict[str, Json]:
        """What the manifest holds of it."""
        ids: list[Json] | None = None if self.ids is None else list(self.ids)
        where: dict[str, Json] = {"spec": self.spec, "sha256": self.digest}
        return {"set": self.name, "set_file": where, "limit": self.limit, "ids": ids, "part": self.part}


def chosen(text: str, aliases: Mapping[str, str], limit: int | None, ids: str | None, part: str | None) -> Problems:
    """The problems that options choose.

    Args:
        text: as typed after `bench`.
        aliases: short names of sets, from config files.
        ids: comma-separated.

    Raises:
        BenchmarkError: no such set.
        ConfigError: an option of it that is not there, or a part or id that cannot be.
    """
    from orchestrator.errors import UnknownName

    if part not in (None, "fit", "eval"):
        raise UnknownName("part", part or "", ("fit", "eval"), "--part")
    wanted = None if ids is None else tuple(name for name in (name.strip() for name in ids.split(",")) if name)
    if wanted == ():
        raise ConfigError("--ids names no problem; write --ids ID,ID")
    spec = _rooted(_expanded(text, aliases))
    opened = _open(spec, aliases)
    return Problems(spec, _name(opened), opened.digest, limit, wanted, part)


def recalled(manifest: Mapping[str, Any]) -> Problems:
    """The problems of a run.

    Raises:
        BenchmarkError: the set is not there any more.
        ConfigError: it has changed since the run began.
    """
    where, ids = manifest["set_file"], manifest["ids"]
    opened = _open(where["spec"], {})
    if opened.digest != where["sha256"]:
        raise ConfigError(f"{opened.path} has changed since the run began, so its results would not be of one set")
    chosen_ids = None if ids is None else tuple(ids)
    return Problems(where["spec"], manifest["set"], opened.digest, manifest["limit"], chosen_ids, manifest["part"])


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of all the problems tells."""

    count: int
    first: Problem


def survey(problems: Problems) -> Survey:
    """Reads all the problems once.

    Raises:
        BenchmarkError: a line that cannot be used, an id that is there twice, nothing to solve, or nothing to grade by.
    """
    seen: set[int] = set()
    first: Problem | None = None
    gradable = False
    for case in problems.cases():
        first = first or case.problem
        gradable = gradable or case.gradable
        if (name := hash(case.problem.id)) in seen:
            raise BenchmarkError(
                f"problem id '{case.problem.id}' is there twice; results need ids of their own", _file(problems)
            )
        seen.add(name)
    if first is None:
        raise BenchmarkError("no problem is left after --limit, --ids and --part", _file(problems))
    if not gradable:
        raise BenchmarkError(
            "no problem has a reference answer or hidden tests, so nothing could be graded; "
            "`orchestrator solve --problem FILE.json` solves one without",
            _file(problems),
        )
    return Survey(len(seen), first)


def _open(spec: str, aliases: Mapping[str, str]) -> CaseSet:
    from difflib import get_close_matches

    from orchestrator.evals.sets import open_set

    try:
        return open_set(spec)
    except BenchmarkError as error:
        near = get_close_matches(Path(spec).name, aliases, n=1, cutoff=0.6)
        if error.path or not near or "did you mean" in str(error):
            raise
        raise BenchmarkError(f"there is no set '{Path(spec).name}'; did you mean '{near[0]}'?") from None


def _expanded(text: str, aliases: Mapping[str, str]) -> str:
    """An alias put in, its options before those that are typed."""
    name, colon, options = text.partition(":")
    if name not in aliases:
        return text
    spec = aliases[name]
    return f"{spec}{',' if _options(spec) else ':'}{options}" if colon else spec


def _options(spec: str) -> dict[str, str]:
    from orchestrator.evals.sets import parse_spec

    return {} if os.path.isfile(spec) else parse_spec(spec)[1]


def _rooted(spec: str) -> str:
    """A path from the root, so that a resumed run finds the set from any folder; names stay names."""
    from orchestrator.evals.sets import BUILT_IN, parse_spec

    if os.path.isfile(spec):
        return os.path.abspath(spec)
    target, _ = parse_spec(spec)
    path = Path(target).expanduser()
    if target in BUILT_IN or not path.is_file():
        return spec
    return f"{path.absolute()}{spec[len(target) :]}"


def _name(opened: CaseSet) -> str:
    options = ",".join(f"{key}={value}" for key, value in opened.options.items())
    return f"{opened.name}:{options}" if options else opened.name


def _file(problems: Problems) -> str:
    return problems.spec
