"""Journal, retry, lane, throttle, backend: what every call passes, outermost first."""

from .batching.lane import BatchLane
from .batching.log import ByBatch, LeftOut
from .coming import Coming, Declared
from .counters import Counters
from .engine import Engine
from .flight import Bounds, Landed, Leaving, Seat, unlimited
from .gate import Gate
from .groups import Groups
from .journal import Attempt, Journal, MemoryJournal
from .lane import Lane
from .residency import Demand, Residency, Swap
from .residents import Loaded, Residents
from .retry import RetryPolicy
from .reuse import ReusingJournal
from .sqlite import JournalView, SqliteJournal

__all__ = [
    "Attempt",
    "BatchLane",
    "Bounds",
    "ByBatch",
    "Coming",
    "Counters",
    "Declared",
    "Demand",
    "Engine",
    "Gate",
    "Groups",
    "Journal",
    "JournalView",
    "Landed",
    "Lane",
    "Leaving",
    "LeftOut",
    "Loaded",
    "MemoryJournal",
    "Residency",
    "Residents",
    "RetryPolicy",
    "ReusingJournal",
    "Seat",
    "SqliteJournal",
    "Swap",
    "unlimited",
]
