"""One problem's run: asking, reading, branching and emitting."""

from .asking import DEFAULT_MAX_TOKENS, LARGER_CAP
from .deadline import Deadline, earliest, within
from .embedding import TEXTS_A_CALL
from .run import Run
from .table import Meter, Table

__all__ = [
    "DEFAULT_MAX_TOKENS",
    "LARGER_CAP",
    "TEXTS_A_CALL",
    "Deadline",
    "Meter",
    "Run",
    "Table",
    "earliest",
    "within",
]
