"""What went wrong, as one line and an exit code."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from typing import NoReturn

import typer

from orchestrator.errors import (
    BenchmarkError,
    BudgetExceeded,
    ConfigError,
    ExpertError,
    OrchestratorError,
    SandboxUnavailable,
)

from .printing import note

INTERRUPTED = 130

_CODES: tuple[tuple[type[OrchestratorError], int], ...] = (
    (ConfigError, 2),
    (BenchmarkError, 2),
    (BudgetExceeded, 4),
    (ExpertError, 5),
    (SandboxUnavailable, 6),
)

# typer brings its own copy of click or uses the installed one, depending on its version; this is the one it uses.
_UsageError = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


def exit_code(app: typer.Typer) -> int:
    """Runs the application; every failure is one line on stderr.

    `ORCHESTRATOR_DEBUG=1` shows the traceback of what was not foreseen.
    """
    try:
        code = app(standalone_mode=False)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    except (KeyboardInterrupt, typer.Abort):
        return _said("interrupted", INTERRUPTED)
    except Exception as error:
        return _failed(error)
    # Only typer returns this code, for a KeyboardInterrupt; our own commands use `leave`.
    return _said("interrupted", INTERRUPTED) if code == INTERRUPTED else code if isinstance(code, int) else 0


def leave(code: int) -> NoReturn:
    """Ends the command with an exit code; whatever is to be said has been said."""
    raise SystemExit(code)


def _failed(error: Exception) -> int:
    found = _inner(error)
    if isinstance(found, _UsageError):
        return _misused(found)
    if isinstance(found, OrchestratorError):
        return _said(str(found), next((code for kind, code in _CODES if isinstance(found, kind)), 1))
    if os.environ.get("ORCHESTRATOR_DEBUG") == "1":
        raise error
    if isinstance(found, OSError) and found.strerror:
        return _said(f"{found.filename}: {found.strerror}" if found.filename else found.strerror, 1)
    return _said(f"internal error: {type(found).__name__}: {found}; ORCHESTRATOR_DEBUG=1 shows where", 1)


def _inner(error: Exception) -> BaseException:
    if not isinstance(error, ExceptionGroup):
        return error
    from orchestrator.conduct import plain

    return plain(error)


def _misused(error: BaseException) -> int:
    """Options and arguments that do not fit, with the nearest that does."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "orchestrator"
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error), err=True)
        return 2
    name, near = getattr(error, "option_name", None), getattr(error, "possibilities", None)
    if type(error).__name__ == "NoSuchOption" and name:
        close = difflib.get_close_matches(name, near or (), n=1, cutoff=0.0)
        hint = f"; did you mean '{close[0]}'?" if close else f"; see `{command} --help`"
        return _said(f"`{command}` has no option '{name}'{hint}", 2)
    message: Callable[[], str] = getattr(error, "format_message", error.__str__)
    # Some versions of typer suggest commands themselves.
    text = message().partition(" Did you mean")[0].rstrip(".")
    return _said(f"{text[:1].lower()}{text[1:]}{_meant(text, context) or f'; see `{command} --help`'}", 2)


def _meant(text: str, context: object) -> str:
    """A command that is nearly the one that is missing."""
    known: dict[str, object] = getattr(getattr(context, "command", None), "commands", {})
    missing = re.search("No such command '(.*)'", text)
    close = difflib.get_close_matches(missing[1], known, n=1) if missing else []
    return f"; did you mean '{close[0]}'?" if close else ""


def _said(line: str, code: int) -> int:
    note(f"orchestrator: {' '.join(line.split())}")
    return code
