"""Strategies that were prepared on problems: kept from being measured on the same ones, and their files watched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError
from orchestrator.types import Json

from .printing import note

if TYPE_CHECKING:
    from .plan import Wish
    from .problems import Problems


@dataclass(frozen=True, slots=True)
class Overlap:
    """Problems of a set that a strategy was prepared on."""

    spec: str
    """Of the strategy, or of one that has it inside."""
    files: tuple[str, ...]
    count: int
    total: int
    set: str

    def __str__(self) -> str:
        files = f" ({', '.join(self.files)})" if self.files else ""
        return f"{self.spec} was prepared{files} on {self.count} of the {self.total} problems of {self.set}"


def check_overlap(wish: Wish, problems: Problems) -> dict[str, Json]:
    """Sees that nothing is measured on problems that it was prepared on; returns, by spec, how many are allowed to be.

    Raises:
        ConfigError: some are, and nobody said that this is meant.
    """
    found = list(overlaps(wish, problems))
    if found and not wish.allow_overlap:
        raise ConfigError(
            f"{found[0]}, so its figures there would be too good: choose others (such as --part eval after preparing "
            "with --part fit), prepare it on others, or force it with --allow-overlap"
        )
    for each in found:
        note(f"{each}: its figures say nothing about new problems")
    return {each.spec: each.count for each in found}


def overlaps(wish: Wish, problems: Problems) -> Iterator[Overlap]:
    """Where strategies, or what is given to all of them, have seen problems of the set as it is chosen.

    The set is read only if anything was prepared.
    """
    from orchestrator.lessons import mark_of

    taught = [(spec, part, set(seen)) for spec, part, seen in _prepared(wish) if seen]
    if not taught:
        return
    marks = [mark_of(case.problem) for case in problems.cases()]
    for spec, part, seen in taught:
        if count := sum(mark in seen for mark in marks):
            yield Overlap(spec, _files(part), count, len(marks), problems.name)


def file_hashes(wish: Wish) -> dict[str, Json]:
    """SHA-256 of each file that a setting of a strategy names, by the path as given."""
    found: dict[str, Json] = {}
    for _, made in _made(wish):
        for part in parts(made):
            for name in _files(part):
                if Path(name).is_file():
                    found[name] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    return found


def check_files(manifest: Mapping[str, Json], now: Mapping[str, Json]) -> None:
    """Looks at the files that a run's strategies had when it began, and says which are not what they were.

    Args:
        now: their hashes as they are found from here.

    Raises:
        ConfigError: one is not there.
    """
    before: Any = manifest.get("files") or {}
    for name in before:
        if name not in now:
            began = manifest.get("folder")
            raise ConfigError(
                f"{name} is not there" + (f"; the run began in {began}: resume it there" if began else "")
            )
    if changed := [name for name, digest in before.items() if now[name] != digest]:
        note(
            f"{', '.join(changed)} changed since the run began: problems without a result are solved by what is there "
            "now, so the run mixes both"
        )


def _prepared(wish: Wish) -> Iterator[tuple[str, object, Sequence[str]]]:
    """Whatever was prepared, with the spec that it is a part of and the marks that it has seen."""
    from orchestrator.protocols import Prepared

    for spec, made in _made(wish):
        for part in parts(made):
            try:
                if isinstance(part, Prepared):
                    yield spec, part, list(part.seen)
            except OSError as error:
                raise ConfigError(f"{error.filename or spec} cannot be read: {error.strerror}") from error


def _made(wish: Wish) -> Iterator[tuple[str, object]]:
    from orchestrator.registry import build

    for spec in wish.strategies:
        yield spec, build("strategies", spec)
    if wish.verifier not in (None, "auto", "none"):
        yield str(wish.verifier), build("verifiers", wish.verifier)
    if wish.aggregator is not None:
        yield wish.aggregator, build("aggregators", wish.aggregator)


def parts(made: object) -> Iterator[object]:
    """A thing and those inside it, by its settings."""
    match made:
        case str() | Path():
            return
        case Mapping():
            inside: Sequence[object] = list(made.values())
        case list() | tuple() | set() | frozenset():
            inside = list(made)
        case _ if is_dataclass(made) and not isinstance(made, type):
            yield made
            inside = [getattr(made, f.name) for f in fields(made)]
        case _:
            return
    for each in inside:
        yield from parts(each)


def _files(part: object) -> tuple[str, ...]:
    values = [getattr(part, f.name) for f in fields(part)] if is_dataclass(part) else []
    return tuple(str(value) for value in values if isinstance(value, Path))
