"""Run folders: manifest, journal, results and trace of one run, owned by one process at a time."""

from .listing import INSIDE, RunSummary, State, remove, runs, summary
from .place import find, runs_folder
from .records import encoded
from .run_folder import RunFolder, RunView, view

__all__ = [
    "INSIDE",
    "RunFolder",
    "RunSummary",
    "RunView",
    "State",
    "encoded",
    "find",
    "remove",
    "runs",
    "runs_folder",
    "summary",
    "view",
]
