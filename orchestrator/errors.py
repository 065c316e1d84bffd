"""Everything that can go wrong, as one tree.

OrchestratorError
├── ConfigError               exit 2: what the user gave cannot be used
│   ├── UnknownName           a name that is not there, with a suggestion
│   ├── BadPrompt             a prompt file that does not hold
│   └── Unsuited              a problem that a strategy cannot do; costs the problem, not a run of many
├── BudgetExceeded            a scope has no room; ends a run normally with what it has
├── BenchmarkError            a set that cannot be read, with file and line
├── VerifierError             a verifier itself failed
├── SandboxUnavailable        exit 6
├── JournalError              exit 1: replies cannot be kept, so nothing more is asked
├── Stopped                   the run was told to stop before this call left
└── ExpertError               a call failed; costs a branch, never the run
    ├── RateLimited           429                               retried, refunded, not counted as a failure
    ├── ServerBusy            500, 503, 529                     retried, refunded
    ├── ConnectionFailed      no connection was made            retried, refunded
    ├── ConnectionLost        reset, truncated body, 502, 504   retried, charged
    ├── ExpertTimeout         no answer in time                 retried, charged
    ├── BadCompletion         malformed or empty body           retried, charged
    │   └── WebPage           of an expert that has answered    retried, charged
    ├── Truncated             the cap came before the answer    charged
    │   └── ContextTruncated  the context window did            charged
    ├── ContentFiltered       refused by the provider           charged
    ├── BadRequest            400                               refunded
    │   └── ContextTooLong                                      refunded
    ├── NotRecorded           no such sample in a replay        refunded
    ├── OutOfReach            no expert of the pool can answer  refunded
    ├── LoadFailed            no model loaded, or unloaded      refunded
    ├── OutOfMemory           no room for a model or a reply    refunded
    └── ExpertLost            nothing more will come from it    refunded
        ├── WrongKey          401, 403                          refunded
        └── UnknownModel      404                               refunded
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar


class OrchestratorError(Exception):
    """Root of the tree. `str(error)` is one line for people: what is wrong, where, what to do next."""

    def __reduce__(self) -> tuple[Callable[..., OrchestratorError], tuple[object, ...]]:
        # Its arguments are not those of its class, so that without this no other process could rebuild it.
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[OrchestratorError], args: tuple[object, ...], facts: dict[str, object]) -> OrchestratorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class ConfigError(OrchestratorError):
    """What the user gave cannot be used."""


class UnknownName(ConfigError):
    """A name that is not there.

    Args:
        what: the kind of thing, e.g. `strategy`.
        name: as given.
        known: the names there are; the closest is suggested.
        listed_by: the command that shows them, said where none is close and they are too many to name.
    """

    def __init__(self, what: str, name: str, known: Iterable[str], where: str = "", listed_by: str = "") -> None:
        self.what, self.name, self.known = what, name, tuple(known)
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        self.suggestion = close[0] if close else None
        place = f" in {where}" if where else ""
        if self.suggestion:
            hint = f"; did you mean '{self.suggestion}'?"
        elif self.known and len(self.known) <= 12:
            hint = f"; there are: {', '.join(self.known)}"
        else:
            hint = f"; `{listed_by}` shows what there is" if listed_by else ""
        super().__init__(f"unknown {what} '{name}'{place}{hint}")


class BadPrompt(ConfigError):
    """A prompt file lacks a template or a template's placeholders do not fit."""


class Unsuited(ConfigError):
    """A problem that a strategy cannot do, whatever its experts say; names the problem and what it lacks."""


class BudgetExceeded(OrchestratorError):
    """A scope has no room for a call, and none can come free.

    Args:
        scope: name of the scope that refused.
        dimension: `calls`, `tokens`, `usd` or `seconds`.
        cap: the scope's cap in that dimension.
        smallest: the smallest cap that would have let this call through.
    """

    def __init__(self, scope: str, dimension: str, cap: float, smallest: float) -> None:
        self.scope, self.dimension, self.cap, self.smallest = scope, dimension, cap, smallest
        need = "" if dimension == "seconds" else f"; the next call needs {dimension}={_amount(smallest)}"
        super().__init__(f"budget of {scope} ended: {dimension}={_amount(cap)}{need}")


def _amount(x: float) -> str:
    return str(int(x)) if float(x).is_integer() else f"{x:.4g}"


class BenchmarkError(OrchestratorError):
    """A benchmark set cannot be read; names the file and, where there is one, the line."""

    def __init__(self, message: str, path: str = "", line: int | None = None) -> None:
        self.path, self.line = path, line
        where = f"{path}:{line}: " if path and line is not None else f"{path}: " if path else ""
        super().__init__(f"{where}{message}")


class VerifierError(OrchestratorError):
    """A verifier itself failed; says nothing about the candidate."""


class SandboxUnavailable(OrchestratorError):
    """Programs cannot be run here as safely as was asked."""


class JournalError(OrchestratorError):
    """Replies cannot be kept, so nothing more is asked."""


class Stopped(OrchestratorError):
    """The run was told to stop, so this call does not leave; whoever wanted it ends without a result."""

    def __init__(self) -> None:
        super().__init__("the run was told to stop")


class ExpertError(OrchestratorError):
    """A call to an expert failed.

    Args:
        message: the provider's words, without keys.
        expert: id of the expert.
        retry_after: seconds the server asked to wait.
    """

    retried: ClassVar[bool] = False
    """Another attempt may help."""
    refunded: ClassVar[bool] = False
    """The provider surely generated nothing, so nothing is charged."""

    def __init__(self, message: str, *, expert: str = "", retry_after: float | None = None) -> None:
        self.message, self.expert, self.retry_after = message, expert, retry_after
        super().__init__(f"{expert}: {message}" if expert else message)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a server still allows of its limit a minute, and the seconds until all of it is back."""

    limit: float
    remaining: float
    reset: float


@dataclass(frozen=True, slots=True)
class StatedLimits:
    """What a server said of its limits as it refused a request."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


class RateLimited(ExpertError):
    retried = True
    refunded = True
    stated: StatedLimits | None = None
    """What the server said of its limits."""


class ServerBusy(ExpertError):
    retried = True
    refunded = True


class ConnectionFailed(ExpertError):
    retried = True
    refunded = True


class ConnectionLost(ExpertError):
    retried = True


class ExpertTimeout(ExpertError):
    retried = True


class BadCompletion(ExpertError):
    retried = True


class WebPage(BadCompletion):
    """A web page with the status of an answer. Of an expert that never answered it is an `ExpertLost`: the address is
    wrong."""


class Truncated(ExpertError):
    """The cap on tokens ended the reply before its answer, also with a larger cap."""


class ContextTruncated(Truncated):
    """Prompt and reply filled the context window, so that the reply, or what the model saw of the prompt, is cut."""


class ContentFiltered(ExpertError):
    """The provider refused to answer."""


class BadRequest(ExpertError):
    refunded = True


class ContextTooLong(BadRequest):
    pass


class NotRecorded(ExpertError):
    refunded = True


class OutOfReach(ExpertError):
    """A question that simulated experts cannot read; `solve` ends with exit 5 when nobody else is there."""

    refunded = True


class LoadFailed(ExpertError):
    """A server was told to load or unload a model, and did not. Nobody's call fails by it: what was asked is sent."""

    refunded = True


class OutOfMemory(ExpertError):
    """A model that runs in this process does not fit into its device's memory, or a single reply of it does not."""

    refunded = True


class ExpertLost(ExpertError):
    """Nothing more will come from this expert in this run; the message is the provider's."""

    refunded = True


class WrongKey(ExpertLost):
    pass


class UnknownModel(ExpertLost):
    pass
