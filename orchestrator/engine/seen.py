"""Which keys a journal may hold: most look-ups are for what was never asked, and need not go to the file."""

from __future__ import annotations

from collections.abc import Iterable

_BITS = 24
"""Two to this many bits are 2 MB. With a million keys one look-up in 500 is in vain; with more there are more of these,
and nothing else happens."""
_SHIFTS = (0, _BITS, 2 * _BITS, 3 * _BITS)
_MASK = (1 << _BITS) - 1
_BYTES = 4 * _BITS // 8


class Seen:
    """A Bloom filter: tells of most keys that were never added, and of none that was, that it is not there.

    Keys are hashes, so that parts of them serve as its probes.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._bits = bytearray((_MASK + 1) >> 3)
        for key in keys:
            self.add(key)

    def add(self, key: bytes) -> None:
        number, bits = int.from_bytes(key[:_BYTES], "little"), self._bits
        for shift in _SHIFTS:
            at = number >> shift & _MASK
            bits[at >> 3] |= 1 << (at & 7)

    def __contains__(self, key: bytes) -> bool:
        """Whether it may be there."""
        number, bits = int.from_bytes(key[:_BYTES], "little"), self._bits
        for shift in _SHIFTS:
            at = number >> shift & _MASK
            if not bits[at >> 3] >> (at & 7) & 1:
                return False
        return True
