"""A run's recorded answers as samples, to be judged again."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.folder import RunView

from .results import ResultLine
from .samples import Sample


def samples_of(run: RunView) -> Iterator[Sample]:
    """Every candidate's answer as it was read out of its reply, and after them what was answered in the end.

    Raises:
        BenchmarkError: a line that is no result line.
        ConfigError: a line that is no JSON, by number.
    """
    path = str(run.results_path)
    for number, row in enumerate(run.results(), 1):
        line = ResultLine.read(row, path)
        where = f"{path}:{number}"
        for candidate in line.candidates:
            name = f"{line.seed}/{candidate.id}"
            yield Sample(line.problem, candidate.answer, "answer", line.strategy, name, candidate.correct, where=where)
        yield Sample(
            line.problem, line.answer, "answer", line.strategy, f"{line.seed}", line.correct, chosen=True, where=where
        )
