"""What earlier invocations of a run have written, and what a kill has left half written."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b

from orchestrator.folder import RunFolder, RunView, encoded
from orchestrator.types import Json, Usage

from .results import ResultLine
from .tally import Tally

Key = tuple[str, str, int]
"""Problem, name of the row, seed."""

USAGE = "usage"
"""Kind of the trace's row that closes a problem: what it used."""
_CLOSING = b'"kind":"usage"'


class Keys:
    """Which lines there are, in eight bytes each: among a million of them two collide once in forty million runs."""

    def __init__(self, hashes: Iterable[int] = ()) -> None:
        self._hashes = array("Q", sorted(hashes))

    def __contains__(self, key: Key) -> bool:
        wanted = hash_of(key)
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted

    def __len__(self) -> int:
        return len(self._hashes)


def recall(folder: RunFolder, tallies: Mapping[str, Tally]) -> Keys:
    """Counts the lines that a run has, and what they used; returns which these are.

    A problem's trace is written just before its line. What a kill between the two left over is dropped, since the
    problem will be run, and traced, again.

    Raises:
        BenchmarkError: a line that is no result line.
        ConfigError: a line that is no JSON, by number.
    """
    keys, stale = counted(folder, tallies)
    if stale:
        folder.keep_trace(lambda row: (key := _key(row)) is None or key in keys)
    return keys


def counted(run: RunView, tallies: Mapping[str, Tally]) -> tuple[Keys, bool]:
    """The same without changing anything; returns which lines there are, and whether the trace has rows of others.

    Raises:
        BenchmarkError: a line that is no result line.
        ConfigError: a line that is no JSON, by number.
    """
    keys = Keys(_lines(run, tallies))
    return keys, _usage(run, tallies, keys)


def _lines(folder: RunView, tallies: Mapping[str, Tally]) -> set[int]:
    seen: set[int] = set()
    for row in folder.results():
        line = ResultLine.read(row, str(folder.results_path))
        key = hash_of(line.key)
        if key not in seen and line.strategy in tallies:
            tallies[line.strategy].add(line)
        seen.add(key)
    return seen


def _usage(folder: RunView, tallies: Mapping[str, Tally], keys: Keys) -> bool:
    """Counts what the problems that have a line used; returns whether the trace has rows of others."""
    stale, last, known, beginning = False, None, False, b"\n"

    def passed_over(line: bytes) -> bool:
        """A problem's rows stand together and begin alike; of all but its last there is nothing to learn."""
        return line.startswith(beginning) and _CLOSING not in line

    for key, row in _traced(folder, passed_over):
        if key != last:
            last, known, beginning = key, key in keys, _beginning(key)
        if not known:
            stale = True
        elif row.get("kind") == USAGE and key[1] in tallies:
            tallies[key[1]].spend(Usage(**row["usage"]))  # type: ignore[arg-type]
    return stale


def _traced(folder: RunView, passed_over: Callable[[bytes], bool]) -> Iterator[tuple[Key, Mapping[str, Json]]]:
    for row in folder.trace(passed_over):
        if (key := _key(row)) is not None:
            yield key, row


def _beginning(key: Key) -> bytes:
    """Of every row of a problem, as `entry` writes them; rows that are written otherwise are all read."""
    problem, name, seed = key
    return encoded({"problem": problem, "strategy": name, "seed": seed}).removesuffix(b"}\n") + b","


def _key(row: Mapping[str, Json]) -> Key | None:
    problem, name, seed = row.get("problem"), row.get("strategy"), row.get("seed")
    if isinstance(problem, str) and isinstance(name, str) and isinstance(seed, int):
        return problem, name, seed
    return None


def hash_of(key: Key) -> int:
    text = "\0".join(map(str, key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest())
