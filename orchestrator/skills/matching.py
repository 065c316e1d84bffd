"""Keywords of a question put to the skills of a profile, which may be worded otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias

Matching = Literal["threshold", "top1"]
"""Only what is alike enough, each skill once; or, as the published program does, always the likest, as often as it
comes."""

Nearest: TypeAlias = Callable[[Sequence[str], Sequence[str]], Awaitable[Sequence[tuple[int, float]]]]
"""For each of the first texts the place of the likest of the second ones, and how alike they are, from 0 to 1."""


async def matched(
    keywords: Sequence[str], skills: Sequence[str], nearest: Nearest, matching: Matching, least: float
) -> tuple[str, ...]:
    """The skills that keywords stand for, in the keywords' order; a keyword that is one of them stands for itself.

    Args:
        least: how alike a keyword and a skill must be under `threshold`.
    """
    if not skills:
        return ()
    strange = [keyword for keyword in keywords if keyword not in skills]
    likest = await nearest(strange, skills) if strange else ()
    stands = {
        keyword: skills[place]
        for keyword, (place, alike) in zip(strange, likest, strict=True)
        if matching == "top1" or alike >= least
    }
    found = (keyword if keyword in skills else stands.get(keyword) for keyword in keywords)
    known = [skill for skill in found if skill is not None]
    return tuple(known if matching == "top1" else dict.fromkeys(known))
