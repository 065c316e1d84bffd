"""Benchmark sets: a built-in name or a file, opened lazily and read as often as needed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName
from orchestrator.types import Kind

from . import builtin, codenames, gsm8k, humaneval, livecodebench, logic_grid_puzzle, mbpp, replay_format, trivia
from .case import Case
from .rows import Line, Options, Reader
from .select import Selection, chosen_from
from .source import File, Made, Source

FORMATS: Mapping[str, Reader] = {
    module.READER.name: module.READER
    for module in (replay_format, humaneval, mbpp, livecodebench, gsm8k, trivia, codenames, logic_grid_puzzle)
}
"""Formats by name, in the order in which a first row is tried."""

BUILT_IN: Mapping[str, str] = {
    "sample": "two dozen small problems of our own (numbers, choices, game of 24, Python), with a scripted expert",
    "trivia": "a few stories to be written around answers to trivia questions, as in Trivia Creative Writing",
    "codenames": "a few boards for strategy codenames, as in Codenames Collaborative",
    "logic_grid_puzzle": "a few puzzles about houses in a row, as in BIG-bench",
    **{name: made.about for name, made in builtin.SETS.items()},
}
"""Sets that come with the package, and what they hold."""

_DATA = Path(__file__).parent / "data"
_SELECTING = ("part", "split", "category", "subject", "limit")
_OPTION = re.compile(r"[A-Za-z_]\w*=[^,]*")


class CaseSet:
    """A set of cases. Iterating reads them anew, a row at a time; nothing is kept."""

    def __init__(self, name: str, source: Source, reader: Reader, options: Options) -> None:
        self.name = name
        self.path = source.name
        """The file, or what a set that is made up calls itself."""
        self.format = reader.name
        self.options = options
        """As given behind the set's name."""
        self.kinds: set[Kind] = set()
        """Kinds of the problems read so far."""
        self._reader, self._source = reader, source
        self._selection = _selection(options)

    def __iter__(self) -> Iterator[Case]:
        cases = self._reader.cases(self._source.lines(), self.options)
        try:
            for case in chosen_from(cases, self._selection):
                self.kinds.add(case.problem.kind)
                yield case
        except BenchmarkError as error:
            raise error if error.path else BenchmarkError(str(error), self.path) from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, or of the problems made up, in hex."""
        return self._source.digest()

    @cached_property
    def count(self) -> int:
        """Cases in the set; reads it once through."""
        return sum(1 for _ in self)

    @cached_property
    def gradable(self) -> bool:
        """Whether any answer can be graded; a set without references is only good for solving. Reads to the first."""
        return any(case.gradable for case in self)


def open_set(spec: str) -> CaseSet:
    """A set by built-in name or path, with options behind a colon: `SET`, `PATH` or `PATH:key=value,...`.

    Options: `format` (else told by the first row), `part`, `split`, `category`, `subject`, `limit`, and what the format
    takes; sets that are made up have `seed`, and as many problems as `limit` says. A built-in name comes before a path;
    write `./sample` for a file of that name.

    Raises:
        BenchmarkError: no such file, an empty one, or a first row of no known format.
        ConfigError: an option that is not there, or a value that does not fit.
    """
    target, options = (spec, {}) if os.path.isfile(spec) else parse_spec(spec)
    if target in builtin.SETS:
        return _made(target, options)
    built_in = target in BUILT_IN
    path = _DATA / f"{target}.jsonl" if built_in else Path(target).expanduser()
    if not os.path.isfile(path):
        raise BenchmarkError(_missing(target, path))
    source = File(path)
    first = next(source.lines(), None)
    if first is None:
        raise BenchmarkError("the set is empty", str(path))
    reader = _reader(first, options)
    _check_options(options, reader)
    next(reader.cases([first], options), None)  # a first row or an option that does not fit shows at once
    return CaseSet(target if built_in else _name(path), source, reader, options)


def _made(name: str, options: dict[str, str]) -> CaseSet:
    reader = replay_format.READER
    for option in options:
        if option not in (known := {"seed", *_SELECTING}):
            raise UnknownName("set option", option, sorted(known), f"the set {name}")
    seed = options.get("seed", str(builtin.SEED))
    if not seed.isdecimal():
        raise ConfigError(f"set option seed={seed}: write a whole number from 0 up")
    return CaseSet(name, Made(name, int(seed), _selection(options).limit), reader, options)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """The path and the options of a set as typed; a colon is part of the path unless only options follow it."""
    for match in reversed(list(re.finditer(":", spec))):
        tail = spec[match.end() :].split(",")
        if spec[: match.start()] and all(_OPTION.fullmatch(part) for part in tail):
            pairs = (part.partition("=") for part in tail)
            return spec[: match.start()], {key: value.strip() for key, _, value in pairs}
    return spec, {}


def _reader(first: Line, options: Options) -> Reader:
    forced = options.get("format")
    if forced is not None:
        if forced not in FORMATS:
            raise UnknownName("set format", forced, FORMATS)
        return FORMATS[forced]
    for reader in FORMATS.values():
        if reader.recognises(first.row):
            return reader
    if {"problem_id", "sample_index"} <= first.row.keys():
        raise first.error("these are recorded generations; give the file of their problems (NAME.problems.jsonl)")
    fields = ", ".join(list(first.row)[:12]) or "none"
    formats = "|".join(FORMATS)
    raise first.error(
        f"no known format has these fields: {fields}; add ':format={formats}' behind the path to force one"
    )


def _check_options(options: Options, reader: Reader) -> None:
    known = {"format", *_SELECTING, *reader.options}
    for name in options:
        if name not in known:
            raise UnknownName("set option", name, sorted(known), f"a set of format {reader.name}")


def _selection(options: Options) -> Selection:
    limit, part = options.get("limit"), options.get("part")
    if limit is not None and not (limit.isdecimal() and int(limit) > 0):
        raise ConfigError(f"set option limit={limit}: write a whole number from 1 up")
    if part not in (None, "fit", "eval"):
        raise UnknownName("part", part, ("fit", "eval"))
    return Selection(
        limit=None if limit is None else int(limit),
        part=part,
        split=options.get("split"),
        category=options.get("category"),
        subject=options.get("subject"),
    )


def _missing(target: str, path: Path) -> str:
    if os.path.isdir(path):
        return f"{target} is a folder; give a file of problems in it"
    beside = os.listdir(path.parent) if os.access(path.parent, os.R_OK) and os.path.isdir(path.parent) else []
    close = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
    if close:
        return f"there is no set '{target}'; did you mean '{path.parent / close[0]}'?"
    names = difflib.get_close_matches(target, BUILT_IN, n=1, cutoff=0.5)
    hint = f"did you mean '{names[0]}'?" if names else f"give a file, or a built-in set: {', '.join(BUILT_IN)}"
    return f"there is no set '{target}'; {hint}"


def _name(path: Path) -> str:
    return re.sub(r"(\.problems)?(\.jsonl?)?(\.gz)?$", "", path.name) or path.name
