"""Journal, retry, lane, throttle, backend: what every call passes, outermost first."""

from .engine import Counters, Engine
from .flight import Bounds, Landed, Leaving, Seat, unlimited
from .journal import Attempt, Journal, MemoryJournal
from .lane import Gate, Lane
from .retry import RetryPolicy
from .sqlite import SqliteJournal

__all__ = [
    "Attempt",
    "Bounds",
    "Counters",
    "Engine",
    "Gate",
    "Journal",
    "Landed",
    "Lane",
    "Leaving",
    "MemoryJournal",
    "RetryPolicy",
    "Seat",
    "SqliteJournal",
    "unlimited",
]
