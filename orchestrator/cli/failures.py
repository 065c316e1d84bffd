"""What went wrong, as one line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from orchestrator.errors import (
    BenchmarkError,
    BudgetExceeded,
    ConfigError,
    ExpertError,
    OrchestratorError,
    SandboxUnavailable,
)

_CODES: tuple[tuple[type[OrchestratorError], int], ...] = (
    (ConfigError, 2),
    (BenchmarkError, 2),
    (BudgetExceeded, 4),
    (ExpertError, 5),
    (SandboxUnavailable, 6),
)


def exit_code(app: typer.Typer) -> int:
    """Runs the application; every failure is one line on stderr.

    `ORCHESTRATOR_DEBUG=1` shows the traceback of what was not foreseen.
    """
    try:
        app()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    except KeyboardInterrupt:
        return _said("interrupted", 130)
    except OrchestratorError as error:
        return _said(str(error), next((code for kind, code in _CODES if isinstance(error, kind)), 1))
    except Exception as error:
        if os.environ.get("ORCHESTRATOR_DEBUG") == "1":
            raise
        return _said(f"internal error: {type(error).__name__}: {error}; ORCHESTRATOR_DEBUG=1 shows where", 1)
    return 0


def _said(line: str, code: int) -> int:
    print(f"orchestrator: {' '.join(line.split())}", file=sys.stderr)
    return code
