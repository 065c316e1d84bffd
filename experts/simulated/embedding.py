"""Vectors of texts as a simulated embedder gives them: texts that share words, or parts of words, lie close."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from math import log

_DIMENSIONS = 256
_SHORT = 3
"""Letters up to which a word says little of what a text is about."""


def vector(text: str) -> list[float]:
    """Words and groups of three letters, each counted in a place, and with a sign, that its hash names."""
    numbers = [0.0] * _DIMENSIONS
    for feature, count in Counter(_features(text)).items():
        digest = int.from_bytes(blake2b(feature.encode("utf-8", "replace"), digest_size=4).digest(), "big")
        weight = (0.25 if len(feature) <= _SHORT else 1.0) * (1 + log(count))
        numbers[(digest >> 1) % _DIMENSIONS] += weight if digest & 1 else -weight
    return numbers


def _features(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text.lower()):
        yield word
        yield from (word[i : i + _SHORT] for i in range(len(word) - _SHORT))
