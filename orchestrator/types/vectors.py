"""Vectors as the text of a completion, so that they are journalled, retried and metered like any reply."""

from __future__ import annotations

import binascii
import math
import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence


def packed(vectors: Sequence[Sequence[float]]) -> str:
    """Vectors of one length scaled to length 1, as lines of base64: little-endian 32-bit floats. Zeros stay zeros.

    Raises:
        ValueError: they are empty or not of one length, or a number is not finite.
    """
    if len({len(vector) for vector in vectors}) > 1 or not all(vectors):
        raise ValueError("vectors that are empty or of different lengths")
    return "\n".join(b64encode(_little(array("f", _unit(vector))).tobytes()).decode() for vector in vectors)


def unpacked(text: str) -> list[tuple[float, ...]]:
    """What `packed` made a text of.

    Raises:
        ValueError: it is none of its texts.
    """
    try:
        vectors = [tuple(_little(array("f", b64decode(line, validate=True)))) for line in text.split()]
    except binascii.Error as error:
        raise ValueError(f"not vectors in base64: {error}") from None
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("vectors of different lengths")
    return vectors


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.hypot(*vector)
    if not math.isfinite(length):
        raise ValueError("a vector holds a number that is not finite")
    return [x / length for x in vector] if length else [0.0] * len(vector)


def _little(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
