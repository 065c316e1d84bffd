"""Journal, retry, lane, throttle, backend: what every call passes, outermost first."""

from .engine import Counters, Engine
from .flight import Bounds, Landed, Leaving, Seat, unlimited
from .journal import Attempt, Journal, MemoryJournal
from .lane import Gate, Lane
from .retry import RetryPolicy
from .reuse import ReusingJournal
from .sqlite import JournalView, SqliteJournal

__all__ = [
    "Attempt",
    "Bounds",
    "Counters",
    "Engine",
    "Gate",
    "Journal",
    "JournalView",
    "Landed",
    "Lane",
    "Leaving",
    "MemoryJournal",
    "RetryPolicy",
    "ReusingJournal",
    "Seat",
    "SqliteJournal",
    "unlimited",
]
