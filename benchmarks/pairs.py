"""CodeT's agreement matrix, 50 candidates x 50 generated tests, beside one process for each pair."""

from __future__ import annotations

import argparse
import asyncio
import copy
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox import Limits, Sandbox

from . import methods, mutants, usage
from .tasks import Missing, Task, recorded_calls

SIDE = 50
_WRONG = 0.3
"""Share of the tests that expect a wrong value, as tests that a model writes do."""


@dataclass(frozen=True, slots=True)
class Square:
    """Candidates and tests of one task."""

    task: Task
    programs: tuple[str, ...]
    tests: tuple[str, ...]


def run(tasks: Sequence[Task], options: argparse.Namespace) -> int:
    """Measures both ways in turn, and holds their matrices against each other."""
    squares = _squares(tasks, options.tasks, random.Random(options.seed))
    wrong = 0
    for number in range(options.rounds):
        for square in squares:
            wrong += _round(number, square, options)
    print("all pairs agree" if not wrong else f"{wrong} pairs do not agree")
    return 1 if wrong else 0


def _round(number: int, square: Square, options: argparse.Namespace) -> int:
    chance = random.Random(f"{options.seed} {number} {square.task.id}")
    pairs = [(i, j) for i in range(SIDE) for j in range(SIDE)]
    sample = chance.sample(pairs, min(options.sample or len(pairs), len(pairs)))
    ours = asyncio.run(_ours(square, options))
    found, theirs, cpu = _one_each(square, sample, options)
    scaled = len(pairs) / len(sample)
    said = "" if scaled == 1 else f", extrapolated from {len(sample)} pairs"
    print(
        f"{square.task.id}: ours {ours.seconds:.2f} s ({ours.cpu:.2f} s of CPU, {ours.warm:.2f} s servers being up); a "
        f"process each {theirs * scaled:.1f} s ({cpu * scaled:.1f} s of CPU{said}): "
        f"{theirs * scaled / ours.seconds:.0f} x, {theirs * scaled / ours.warm:.0f} x servers being up; "
        f"load {usage.load():.1f}"
    )
    return sum(ours.matrix[i][j] != passed for (i, j), passed in zip(sample, found, strict=True))


# -- the two ways -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ours:
    matrix: tuple[tuple[bool, ...], ...]
    seconds: float
    """With the start of servers and their end."""
    warm: float
    cpu: float


async def _ours(square: Square, options: argparse.Namespace) -> _Ours:
    start, before = time.perf_counter(), usage.spent()
    async with Sandbox(options.workers, cache=0) as box:
        await methods.start_all(box, options.workers)
        up = time.perf_counter()
        matrix = await box.matrix(square.programs, square.tests, Limits(seconds=options.seconds))
        warm, before_end = time.perf_counter() - up, usage.spent()
    seconds = time.perf_counter() - start - methods.OVERLAP
    cpu = max(before_end.total, usage.spent().total) - before.total
    return _Ours(matrix, seconds, warm, cpu)


def _one_each(
    square: Square, pairs: Sequence[tuple[int, int]], options: argparse.Namespace
) -> tuple[list[bool], float, float]:
    """Whether each pair passes, the wall seconds of all, and their CPU seconds."""

    def passes(pair: tuple[int, int]) -> bool:
        program = f"{square.programs[pair[0]]}\n{square.tests[pair[1]]}\n"
        command = [sys.executable, "-I", "-S", "-c", program]
        try:
            return subprocess.run(command, timeout=options.seconds, capture_output=True, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with ThreadPoolExecutor(options.workers) as pool:
        found = list(pool.map(passes, pairs))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, time.perf_counter() - start, cpu


# -- what is measured ---------------------------------------------------------------------------


def _squares(tasks: Sequence[Task], count: int, chance: random.Random) -> list[Square]:
    found: list[Square] = []
    for task in chance.sample(list(tasks), len(tasks)):
        tests = _tests(task, chance)
        programs = mutants.several(task, SIDE, chance)
        if len(tests) == SIDE and mutants.outcome(programs[0], task) == "passed":
            found.append(Square(task, tuple(programs), tuple(tests)))
        if len(found) == count:
            return found
    raise Missing(f"only {len(found)} tasks can be tested by {SIDE} asserts of literals, not {count}")


def _tests(task: Task, chance: random.Random) -> list[str]:
    """Asserts of literals on inputs that are like those of the task's own test; fewer if there are no more."""
    names: dict[str, Any] = {}
    exec(task.reference, names)
    inputs = [args for args, _ in recorded_calls(task)]
    found: dict[str, None] = {}
    for _ in range(20 * SIDE):
        args = _like(chance.choice(inputs), chance)
        test = _assert(names, task, args, chance)
        if test is not None:
            found[test] = None
        if len(found) == SIDE:
            break
    return list(found)


def _assert(names: dict[str, Any], task: Task, args: Any, chance: random.Random) -> str | None:
    """`None` where the reference does not answer, or with what is no literal."""
    try:
        value = names[task.entry](*copy.deepcopy(args))
    except Exception:
        return None
    if not all(_literal(one) for one in (args, value)):
        return None
    if chance.random() < _WRONG:
        value = _like(value, chance)
    return f"assert {task.entry}({', '.join(map(repr, args))}) == {value!r}"


def _literal(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_literal, value))
    return value is None or type(value) in (bool, int, str) or (type(value) is float and abs(value) < 1e9)


def _like(value: Any, chance: random.Random) -> Any:
    """A value of the same kind."""
    match value:
        case bool():
            return chance.random() < 0.5
        case int():
            return max(0, value + chance.randint(-3, 3)) if value >= 0 else value + chance.randint(-3, 3)
        case float():
            return round(value + chance.uniform(-2, 2), 2)
        case str():
            letters = list(value)
            chance.shuffle(letters)
            return "".join(letters[: chance.randint(0, len(letters))] if chance.random() < 0.3 else letters)
        case list() | tuple():
            items = [_like(item, chance) for item in value]
            return type(value)(items)
    return value
