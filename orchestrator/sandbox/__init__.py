"""Runs untrusted programs against tests that they never see.

Programs run in confined processes of their own; another process holds the tests and compares. How far programs are kept
apart from the machine is found out by trying, and told: `Sandbox.isolation`.
"""

from .box import Sandbox
from .execution import Execution, Isolation, Output, Ruling
from .shared import aclose, run_tests, verify
from .suites import Asserts, Call, Calls, Comparison, Limits, Stdio, Stream, Suite, Value

__all__ = [
    "Asserts",
    "Call",
    "Calls",
    "Comparison",
    "Execution",
    "Isolation",
    "Limits",
    "Output",
    "Ruling",
    "Sandbox",
    "Stdio",
    "Stream",
    "Suite",
    "Value",
    "aclose",
    "run_tests",
    "verify",
]
