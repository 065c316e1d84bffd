"""The ledger: nested scopes with caps, reservations made before a call leaves, settlements after.

Two meters. A scope that counts what was *used* (problem, strategy, delegate) takes each sample as if it had been asked
alone, whether it came fresh, from a journal or from another's identical request. A scope that counts what was *paid*
(run, preset, API key) takes attempts that left, as billed.

Scopes know no clock and never wait: whoever is held back parks a callback on the scope that holds it.
"""

from .amount import NOTHING, Amount, Losses
from .claim import Claim, claim, common
from .forecast import Forecast
from .parking import Parked
from .prices import check_prices
from .reservation import Reservation, charge, reserve
from .scope import Scope
from .waiting import admitted, room

__all__ = [
    "NOTHING",
    "Amount",
    "Claim",
    "Forecast",
    "Losses",
    "Parked",
    "Reservation",
    "Scope",
    "admitted",
    "charge",
    "check_prices",
    "claim",
    "common",
    "reserve",
    "room",
]
