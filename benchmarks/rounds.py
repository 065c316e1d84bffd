"""Interleaved rounds: every method once a round, in random order, each in a process of its own."""

from __future__ import annotations

import pickle
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .methods import Measured
from .tasks import Missing, Workload

ROOT = Path(__file__).resolve().parent.parent
_KNOWN = {("EvalPlus' check", "find_zero"): "EvalPlus 0.3.1 fails every answer to it: it never counts one as seen"}
"""Wrong verdicts of a rival that are its own fault, by method and entry."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the rounds of one method say."""

    name: str
    runs: tuple[Measured, ...]

    @property
    def candidates(self) -> int:
        return len(self.runs[0].passed)

    @property
    def rates(self) -> list[float]:
        """Candidates a second, by round, servers being up."""
        return [self.candidates / run.seconds for run in self.runs]

    @property
    def cold_rates(self) -> list[float]:
        """The same, with the start of servers."""
        return [self.candidates / (run.seconds + run.start_seconds) for run in self.runs]

    @property
    def cpu_ms(self) -> list[float]:
        return [run.cpu_seconds / self.candidates * 1000 for run in self.runs]

    def latency_ms(self, share: float) -> float | None:
        """A quantile of the latencies; the best round's."""
        found = [quantile(run.latencies, share) * 1000 for run in self.runs if run.latencies]
        return min(found) if found else None


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(work: Workload, names: Sequence[str], workers: int, rounds: int, seed: int) -> list[Row]:
    """Runs the methods and shows each run as it ends, on standard error.

    Raises:
        Missing: a package that a method needs is not installed.
    """
    chance = random.Random(seed)
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "workload"
        source.write_bytes(pickle.dumps(work))
        for number in range(rounds):
            for name in chance.sample(list(names), len(names)):
                run = _apart(name, workers, source, Path(folder) / "result")
                runs[name].append(run)
                rate = len(run.passed) / run.seconds
                print(
                    f"round {number + 1} of {rounds}: {name}: {rate:.0f}/s, {run.cpu_seconds:.2f} s of CPU, others "
                    f"{run.others:.2f} s, load {run.load:.1f}",
                    file=sys.stderr,
                )
    return [Row(name, tuple(found)) for name, found in runs.items()]


def _apart(name: str, workers: int, source: Path, target: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.one", name, str(workers), str(source), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Missing(f"{name}: {lines[-1] if lines else f'ended with {done.returncode}'}")
    found: Measured = pickle.loads(target.read_bytes())
    return found


# -- tables -------------------------------------------------------------------------------------


def show(rows: Sequence[Row]) -> None:
    """The figures of each method."""
    head = ("cand/s best (median)", "with start", "p50 / p99 ms", "CPU ms best (median)")
    print(f"{'method':28} {head[0]:>22} {head[1]:>11} {head[2]:>15} {head[3]:>22}")
    for row in rows:
        rates, cpu = row.rates, row.cpu_ms
        p50, p99 = row.latency_ms(0.5), row.latency_ms(0.99)
        latency = "-" if p50 is None or p99 is None else f"{p50:.1f} / {p99:.0f}"
        print(
            f"{row.name:28} {f'{max(rates):.0f} ({statistics.median(rates):.0f})':>22} {max(row.cold_rates):>11.0f} "
            f"{latency:>15} {f'{min(cpu):.1f} ({statistics.median(cpu):.1f})':>22}  {row.runs[-1].about}"
        )
    loads = [run.load for row in rows for run in row.runs]
    others = sum(run.others for row in rows for run in row.runs)
    took = sum(run.seconds + run.start_seconds for row in rows for run in row.runs)
    print(f"load average {min(loads):.1f} to {max(loads):.1f}; other work took {others / took:.2f} cores meanwhile")


def ratios(rows: Sequence[Row], rivals: Sequence[str]) -> None:
    """How many times a rival's candidates a second each of ours has: best rounds, and the median of rounds."""
    by_name = {row.name: row for row in rows}
    for row in rows:
        if row.name in rivals:
            continue
        parts = []
        for rival in rivals:
            other = by_name[rival]
            best = max(row.rates) / max(other.rates)
            each = [mine / theirs for mine, theirs in zip(row.rates, other.rates, strict=True)]
            parts.append(f"{best:.1f} ({statistics.median(each):.1f}) x {rival}")
        print(f"{row.name}: {', '.join(parts)}")


def disagreements(work: Workload, rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Where a verdict is not the one that is known, in lines; apart from them, what is a rival's known fault."""
    wrong: dict[str, None] = {}
    known: dict[str, None] = {}
    for row in rows:
        for run in row.runs:
            for candidate, passed in zip(work.candidates, run.passed, strict=True):
                task = work.tasks[candidate.task]
                reason = _KNOWN.get((row.name, task.entry))
                if passed != candidate.right:
                    said = f"{row.name}: {task.id}: {'passed' if passed else 'not passed'}, wrongly"
                    (wrong if reason is None else known)[said if reason is None else f"{said} ({reason})"] = None
    return list(wrong), list(known)
