"""The contracts between rooms; each is as narrow as it can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

from .types import (
    Asked,
    BatchResult,
    BatchStanding,
    Candidate,
    Choice,
    Estimate,
    Expert,
    Mark,
    PrefixCache,
    Problem,
    Request,
    Response,
    Scored,
    Undecided,
    Verdict,
)

if TYPE_CHECKING:
    from .lessons import Lesson
    from .run import Run
    from .workshop import Workshop


class Loader(Protocol):
    """Has a server load and unload models, before they are asked and after."""

    async def load(self, expert: Expert) -> None:
        """Returns when the expert's model may be asked.

        Raises:
            LoadFailed: the server was not there, or did not do it.
        """
        ...

    async def unload(self, expert: Expert) -> None:
        """Returns when the expert's model takes no room any more; also where it took none.

        Raises:
            LoadFailed: the server was not there, or did not do it.
        """
        ...

    async def aclose(self) -> None:
        """Lets go of connections."""
        ...


class Backend(Protocol):
    """Serves one expert."""

    @property
    def max_n(self) -> int:
        """Samples that one call to the provider may ask for, as far as is known now."""
        ...

    @property
    def journalled(self) -> bool:
        """Whether its replies are worth a journal; `False` for one that reads recorded replies."""
        ...

    async def complete(self, batch: Sequence[Request]) -> Response:
        """Answers requests that differ only in their sample index, in one call to the provider.

        Raises:
            ExpertError: the whole attempt failed.
        """
        ...

    async def aclose(self) -> None:
        """Lets go of connections."""
        ...


class BatchBackend(Protocol):
    """Serves one expert by its provider's batch endpoint."""

    @property
    def finds(self) -> bool:
        """Whether a batch can be found by its token."""
        ...

    def line(self, request: Request) -> bytes:
        """What a batch's file says of one request."""
        ...

    async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
        """Has a batch worked off; returns the provider's name of it.

        Args:
            mode: of the requests' sampling, the same of all.
            token: put on the batch, so that it can be found again.

        Raises:
            ExpertError: it was not taken; or nobody knows, where the error is not refunded.
        """
        ...

    async def find(self, token: str, calls: int, since: float) -> str | Undecided | None:
        """The name of the batch with this token; `None` where there is none.

        Args:
            calls: requests in it.
            since: about when it was sent, in seconds since the epoch by this machine's clock.

        Raises:
            ExpertError: nobody knows.
        """
        ...

    async def look(self, id_: str) -> BatchStanding:
        """How far a batch is.

        Raises:
            ExpertError: nobody knows.
        """
        ...

    async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
        """What became of each request of a batch that has ended; of those that are missing nothing was done.

        Args:
            asked: the requests, as far as this process knows them.

        Raises:
            ExpertError: they cannot be had now.
        """
        ...

    async def cancel(self, id_: str) -> None:
        """Has the provider stop; what is answered by then is still billed, and its results can be had.

        Raises:
            ExpertError: it may go on.
        """
        ...

    async def aclose(self) -> None:
        """Lets go of connections."""
        ...


@runtime_checkable
class Prefixing(Protocol):
    """What a backend may also have: it knows that its provider keeps the beginnings of prompts for a while."""

    @property
    def prefix_cache(self) -> PrefixCache | None:
        """How they are kept; `None` where it is not worth to send one call before the others."""
        ...

    async def complete_shared(
        self, batch: Sequence[Request], marks: Sequence[Mark], began: Callable[[], None] | None = None
    ) -> Response:
        """As `Backend.complete`, of a prompt that begins as others do.

        Args:
            marks: up to where the provider is to keep it.
            began: called with the first token of the answer, by a client that can tell.

        Raises:
            ExpertError: the whole attempt failed.
        """
        ...


class Strategy(Protocol):
    """Writes lines of reasoning: asks through `run`, and emits candidates."""

    async def __call__(self, problem: Problem, run: Run) -> None: ...


class Verifier(Protocol):
    """Scores one candidate."""

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict: ...


class Aggregator(Protocol):
    """Chooses among candidates, which come in lineage order; it must not care when each arrived."""

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice: ...


class Embedder(Protocol):
    """Texts to unit vectors, in their order; a `Run` is one."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]: ...


@runtime_checkable
class Estimates(Protocol):
    """What a strategy, verifier or aggregator may also have: the calls that it will make."""

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on this problem with a pool of `experts` experts."""
        ...


@runtime_checkable
class EstimatesOver(Protocol):
    """What a verifier or aggregator may also have: calls that grow with the number of candidates."""

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls on `candidates` candidates for this problem."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """What a strategy, verifier or aggregator may also have: calls to an embedder, made only where one is given.

    They come on top of `estimate` and `estimate_over`, which do not know of it.
    """

    def embeddings(self, problem: Problem, candidates: int) -> Estimate:
        """Calls to it on this problem, with so many candidates to check or choose among."""
        ...


@runtime_checkable
class Begins(Protocol):
    """What an aggregator may also have: work that needs no candidates."""

    async def begin(self, problem: Problem, run: Run) -> None:
        """Does it while the strategy is at work, with `Run.once`, so that choosing finds it done.

        A failure that it ends in is told only if choosing comes to the same.
        """
        ...


@runtime_checkable
class Declares(Protocol):
    """What a verifier or aggregator may also have: it knows beforehand whom it will ask."""

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """Calls by expert id, should so many candidates come that differ; see `Run.declare`."""
        ...


@runtime_checkable
class Fits(Protocol):
    """What a strategy may also have: a ladder of smaller forms of itself."""

    def fit(self, calls: int, problem: Problem, experts: int) -> Strategy | None:
        """The largest form that needs at most `calls` calls; `None` when there is none."""
        ...


@runtime_checkable
class Refuses(Protocol):
    """What a strategy may also have: problems that it cannot do, told before anybody is asked."""

    def refuses(self, problem: Problem, experts: int) -> str | None:
        """Why it cannot do this problem with a pool of `experts` experts; `None` where it can."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """What a strategy may also have: a setup on problems with known answers, done once and kept in a file."""

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        """The text of the file, which its user may read and edit.

        Raises:
            BudgetExceeded: a cap ended it.
            ConfigError: these lessons are not enough.
        """
        ...

    def preparation(self, lessons: int, experts: int) -> Estimate:
        """Calls that it takes on so many lessons with a pool of so many experts."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """What a strategy may also have: it was prepared on problems that it should not be measured on."""

    @property
    def seen(self) -> Collection[str]:
        """`Lesson.mark` of every problem that its file was made from; none without a file."""
        ...


# Asked for every problem; by `isinstance` each would take Python 3.11 ten microseconds.


def estimates(part: object) -> TypeGuard[Estimates]:
    """Whether a strategy, verifier or aggregator knows its calls."""
    return getattr(part, "estimate", None) is not None


def estimates_over(part: object) -> TypeGuard[EstimatesOver]:
    """Whether a verifier or aggregator knows its calls by the number of candidates."""
    return getattr(part, "estimate_over", None) is not None


def begins(part: object) -> TypeGuard[Begins]:
    """Whether an aggregator has work that needs no candidates."""
    return getattr(part, "begin", None) is not None


def declares(part: object) -> TypeGuard[Declares]:
    """Whether a verifier or aggregator knows beforehand whom it will ask."""
    return getattr(part, "declares", None) is not None
