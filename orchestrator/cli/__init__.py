"""The command line: thin commands over the library."""


def main() -> None:
    """Runs the command and exits with its code."""
    from .app import app
    from .failures import exit_code

    raise SystemExit(exit_code(app))
