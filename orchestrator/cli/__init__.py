"""The command line: thin commands over the library."""

import sys
from io import TextIOWrapper


def main() -> None:
    """Runs the command and exits with its code."""
    from .app import app
    from .failures import exit_code

    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign must not end a run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    raise SystemExit(exit_code(app))
