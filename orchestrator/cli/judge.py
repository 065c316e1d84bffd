"""`judge`: verdicts on answers that are there already, without any model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .failures import INTERRUPTED, leave
from .printing import note

if TYPE_CHECKING:
    from orchestrator.evals.judging import Judged

_KS = "1,10,100"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(judge)


def judge(
    samples: Annotated[
        str,
        typer.Argument(
            metavar="SAMPLES|RUN",
            help="Samples as of HumanEval, EvalPlus or LiveCodeBench, recorded generations, or a run.",
        ),
    ],
    problems: Annotated[
        str | None, typer.Option(metavar="SET", help="The set that is answered; a run knows its own.")
    ] = None,
    ks: Annotated[str | None, typer.Option("-k", metavar="K,K", help=f"pass@k to tell; {_KS} if not given.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.01, metavar="S", help="Seconds for a program, in place of the set's.")
    ] = None,
    memory_mb: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="MiB for a program, in place of the set's.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, metavar="N", help="Programs at once; one a core.")] = None,
    min_isolation: o.MinIsolation = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a line of JSON for each verdict.")
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Judge answers that are there already, or those of a run again; no model is asked."""
    from .judging import Terms, judged, material_of
    from .verdicts import show_verdicts, tell_gaps

    wanted = _numbers(ks)
    config = o.settled(min_isolation=min_isolation)
    material = material_of(samples, problems, config.settings.sets)
    tell_gaps(material)
    with _lines(output) as write:
        found = judged(material, Terms(timeout, memory_mb, workers, config.settings.min_isolation), write)
    show_verdicts(material, found, wanted, ks is not None, as_json)
    if output is not None:
        note(f"{output}: {found.count} verdicts")
    if found.interrupted:
        note(f"interrupted; {found.count} of {material.contents.samples} were judged, and only these count")
        leave(INTERRUPTED)


def _numbers(text: str | None) -> tuple[int, ...]:
    parts = [part.strip() for part in (text or _KS).split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"-k {text}: write whole numbers from 1 up, such as -k 1,10")
    return tuple(dict.fromkeys(map(int, parts)))


@contextmanager
def _lines(path: Path | None) -> Iterator[Callable[[Judged], None]]:
    """What writes verdicts to a file, each at once, so that it can be followed and outlives an interruption."""
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error

    def write(judged: Judged) -> None:
        try:
            file.write(f"{json.dumps(judged.to_json(), allow_nan=False)}\n")
            file.flush()
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error

    with file:
        yield write
