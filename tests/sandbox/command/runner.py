"""What a command is run with in these tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from orchestrator.sandbox.command import CommandRun

Runner = Callable[..., Awaitable[CommandRun]]
