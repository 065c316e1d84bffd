"""A stand-in for a server that speaks OpenAI's protocol: loopback only, standard library only, ships with the tests.

In process, on the test's own loop:

    async with Double(answers={"42": 0.6, "41": 0.4}, faults={"500": 0.05}) as double:
        ...                                  # double.base_url, double.stats, double.requests

as a process of its own, for tests that kill their client:

    with DoubleProcess(answers={"42": 0.6, "41": 0.4}) as double:
        ...                                  # double.base_url, double.stats()

by hand: `python -m tests.double --config '{"answers": {"42": 1}}'`. What can be set is listed in `Behaviour`.
"""

from .behaviour import MODES, Behaviour, Thinking
from .process import DoubleProcess, unused_url
from .server import Double
from .stats import Seen, Stats, Tally

__all__ = ["MODES", "Behaviour", "Double", "DoubleProcess", "Seen", "Stats", "Tally", "Thinking", "unused_url"]
