"""What `judge` judges, and the judging of it."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName

from .problems import Problems, chosen, recalled

if TYPE_CHECKING:
    from orchestrator.evals.judging import Cases, Judged
    from orchestrator.evals.passing import Passing
    from orchestrator.evals.samples import Contents, Sample
    from orchestrator.folder import RunView
    from orchestrator.sandbox import Isolation


@dataclass(frozen=True, slots=True)
class Material:
    """Samples with the problems that they answer."""

    name: str
    """The file, folder or run."""
    problems: Problems
    cases: Cases
    contents: Contents
    run: RunView | None = None
    """The run that is judged again."""

    def samples(self) -> Iterator[Sample]:
        """Those that count, read anew."""
        from orchestrator.evals.samples import distinct

        return distinct(_read(self.name if self.run is None else self.run))

    @property
    def unknown(self) -> dict[str, int]:
        """Samples by task, of tasks that the set does not have."""
        return {task: n for task, n in self.contents.tasks.items() if self.cases.find(task) is None}

    @property
    def missing(self) -> list[str]:
        """Problems of the set that no sample answers; of a run only those count that it has begun."""
        if self.run is not None:
            return []
        there = {case.problem.id for task in self.contents.tasks if (case := self.cases.find(task))}
        return [name for name in self.cases.ids if name not in there]


@dataclass(frozen=True, slots=True)
class Terms:
    """How programs are run; `None` is the set's own."""

    timeout: float | None = None
    memory_mb: int | None = None
    workers: int | None = None
    min_isolation: int = 0


@dataclass(slots=True)
class Found:
    """What came of it."""

    rows: dict[str, Passing] = field(default_factory=dict)
    """By source."""
    differing: list[Judged] = field(default_factory=list)
    """Verdicts that are not those recorded."""
    recorded: int = 0
    """Samples with a verdict now and on record."""
    count: int = 0
    interrupted: bool = False
    isolation: Isolation | None = None
    seconds: float = 0.0

    def add(self, judged: Judged) -> None:
        from orchestrator.evals.passing import Passing

        source = judged.sample.source
        if source not in self.rows:
            self.rows[source] = Passing(source)
        self.rows[source].add(judged)
        self.count += 1
        self.recorded += None not in (judged.passed, judged.sample.recorded)
        if judged.differs:
            self.differing.append(judged)


def material_of(text: str, problems: str | None, aliases: Mapping[str, str]) -> Material:
    """What is to be judged.

    Args:
        text: a file, a folder or a run, as typed.
        problems: the set as typed; `None` for the one that a run records.
        aliases: short names of sets, from config files.

    Raises:
        ConfigError: no such file or run, or nobody names the set.
        BenchmarkError: the samples or the set cannot be read, or have nothing to do with each other.
    """
    from orchestrator.evals.judging import Cases
    from orchestrator.evals.samples import survey

    run = _run_of(text)
    if problems is not None:
        chosen_set = chosen(problems, aliases, None, None, None)
    elif run is None:
        raise ConfigError(f"which set does {text} answer? Name it: --problems SET")
    else:
        chosen_set = own_set(run, "--problems SET")
    contents = survey(_read(text if run is None else run))
    tasks = {task.casefold() for task in contents.tasks}
    material = Material(
        text, chosen_set, Cases(chosen_set.cases(), lambda name: name.casefold() in tasks), contents, run
    )
    if contents.tasks and len(material.unknown) == len(contents.tasks):
        there = material.cases.ids[0] if material.cases.ids else "no problem that can be graded"
        raise BenchmarkError(
            f"none of its tasks is in the set {chosen_set.name}: the first is '{next(iter(contents.tasks))}', "
            f"and the set begins with '{there}'",
            text,
        )
    return material


def judged(material: Material, terms: Terms, write: Callable[[Judged], None]) -> Found:
    """Judges everything, or what Ctrl-C leaves time for.

    Args:
        write: is given each verdict, in the order of the samples.

    Raises:
        SandboxUnavailable: programs cannot be run here, or not as far apart as is asked for.
    """
    found, start = Found(), time.monotonic()
    asyncio.run(_judge(material, terms, write, found))
    found.seconds = time.monotonic() - start
    return found


async def _judge(material: Material, terms: Terms, write: Callable[[Judged], None], found: Found) -> None:
    from orchestrator import answers
    from orchestrator.evals.interrupt import on_interrupt
    from orchestrator.evals.judging import Judge
    from orchestrator.sandbox import Sandbox

    from .progress import Progress

    def tell(verdict: Judged) -> None:
        found.add(verdict)
        write(verdict)

    try:
        async with Sandbox(workers=terms.workers, min_level=terms.min_isolation) as box:
            with Progress("samples", material.contents.samples) as progress:
                judge = Judge(material.cases, box, tell, progress.step, terms.timeout, terms.memory_mb)
                with on_interrupt(judge.end, judge.end):
                    await judge(material.samples())
            found.interrupted, found.isolation = judge.ended, box.isolation
    finally:
        await answers.aclose()


# -- what is meant ------------------------------------------------------------------------


def _read(what: str | RunView) -> Iterator[Sample]:
    from orchestrator.evals.rejudging import samples_of
    from orchestrator.evals.samples import read_samples

    return read_samples(Path(what).expanduser()) if isinstance(what, str) else samples_of(what)


def _run_of(text: str) -> RunView | None:
    """The run that is meant; `None` for a file or folder of samples.

    Raises:
        ConfigError: nothing of that name.
    """
    from orchestrator.folder import view

    path = Path(text).expanduser()
    if path.is_file() or (path.is_dir() and not (path / "manifest.json").is_file()):
        return None
    if path.is_dir() or not ("/" in text or path.suffix):
        try:
            return view(path if path.is_dir() else text)
        except UnknownName as error:
            raise ConfigError(f"there is no file '{text}', and {error}") from None
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
    raise ConfigError(f"there is no file '{text}'" + (f"; did you mean '{path.parent / near[0]}'?" if near else ""))


def own_set(run: RunView, otherwise: str = "") -> Problems:
    """The set that a run solved.

    Args:
        otherwise: how to name it where it is not recorded, or not to be had any more.

    Raises:
        ConfigError: that is so.
    """
    if "set_file" not in run.manifest:
        hint = f"; name it: {otherwise}" if otherwise else ""
        raise ConfigError(f"{run.path}: its manifest does not say which set it solved{hint}")
    try:
        return recalled(run.manifest)
    except (BenchmarkError, ConfigError) as error:
        hint = f"; to judge by the set as it is now: {otherwise}" if otherwise else ""
        raise ConfigError(f"{error}{hint}") from error
