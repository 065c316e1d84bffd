"""Spends a budget of language-model calls on diverse lines of reasoning.

Everything public is here and is loaded when first asked for, so that `import orchestrator` costs next to nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .budget import Budget
    from .errors import (
        BadCompletion,
        BadPrompt,
        BadRequest,
        BenchmarkError,
        BudgetExceeded,
        ConfigError,
        ConnectionFailed,
        ConnectionLost,
        ContentFiltered,
        ContextTooLong,
        ContextTruncated,
        ExpertError,
        ExpertLost,
        ExpertTimeout,
        JournalError,
        LoadFailed,
        NotRecorded,
        OrchestratorError,
        OutOfMemory,
        OutOfReach,
        RateLimited,
        SandboxUnavailable,
        ServerBusy,
        Stopped,
        Truncated,
        UnknownModel,
        UnknownName,
        Unsuited,
        VerifierError,
        WebPage,
        WrongKey,
    )
    from .lessons import Lesson
    from .prompts import load_prompts
    from .protocols import (
        Aggregator,
        Backend,
        Embedder,
        Embeds,
        Estimates,
        EstimatesOver,
        Fits,
        Prepared,
        Prepares,
        Refuses,
        Strategy,
        Verifier,
    )
    from .registry import strategy
    from .run import Run
    from .solve import Orchestrator, asolve, solve
    from .types import (
        Answer,
        Candidate,
        Choice,
        Completion,
        Estimate,
        Event,
        Example,
        Expert,
        ImagePart,
        Message,
        Outcome,
        Price,
        PriceTier,
        Problem,
        Prompt,
        Reply,
        Request,
        Response,
        Sampling,
        Scored,
        Template,
        TextPart,
        Tokens,
        ToolCall,
        Usage,
        Verdict,
    )
    from .workshop import Workshop

    __version__: str

__all__ = [
    "Aggregator",
    "Answer",
    "Backend",
    "BadCompletion",
    "BadPrompt",
    "BadRequest",
    "BenchmarkError",
    "Budget",
    "BudgetExceeded",
    "Candidate",
    "Choice",
    "Completion",
    "ConfigError",
    "ConnectionFailed",
    "ConnectionLost",
    "ContentFiltered",
    "ContextTooLong",
    "ContextTruncated",
    "Embedder",
    "Embeds",
    "Estimate",
    "Estimates",
    "EstimatesOver",
    "Event",
    "Example",
    "Expert",
    "ExpertError",
    "ExpertLost",
    "ExpertTimeout",
    "Fits",
    "ImagePart",
    "JournalError",
    "Lesson",
    "LoadFailed",
    "Message",
    "NotRecorded",
    "Orchestrator",
    "OrchestratorError",
    "OutOfMemory",
    "OutOfReach",
    "Outcome",
    "Prepared",
    "Prepares",
    "Price",
    "PriceTier",
    "Problem",
    "Prompt",
    "RateLimited",
    "Refuses",
    "Reply",
    "Request",
    "Response",
    "Run",
    "Sampling",
    "SandboxUnavailable",
    "Scored",
    "ServerBusy",
    "Stopped",
    "Strategy",
    "Template",
    "TextPart",
    "Tokens",
    "ToolCall",
    "Truncated",
    "UnknownModel",
    "UnknownName",
    "Unsuited",
    "Usage",
    "Verdict",
    "Verifier",
    "VerifierError",
    "WebPage",
    "Workshop",
    "WrongKey",
    "__version__",
    "asolve",
    "load_prompts",
    "solve",
    "strategy",
]

_MODULES = ("errors", "types", "budget", "protocols", "prompts", "lessons", "registry", "run", "workshop", "solve")
"""Where the names above live, in the order in which these modules import each other."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib import metadata  # takes longer than all the rest

            return metadata.version("diverse-orchestrator")
        if name in __all__:
            for module in _MODULES:
                if name in (found := vars(import_module(f".{module}", __name__))):
                    globals()[name] = found[name]
                    return found[name]
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


class _Face(ModuleType):
    """Keeps `orchestrator.solve` the function, which importing the submodule of that name would replace."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
