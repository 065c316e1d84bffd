"""Patterns of paths, as `.gitignore` has them: `test_*.py` anywhere, `docs/*.md` from the top, `**` any folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The paths that one of the patterns matches. Capitals do not matter, as to some file systems they do not."""
    expression = _compiled(tuple(patterns))
    return [path for path in paths if expression.match(path)]


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_translated, patterns)) or r"(?!)", re.IGNORECASE | re.DOTALL)


def _translated(pattern: str) -> str:
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    folder = ".+" if pattern.endswith("/") else ""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.lstrip("/"))
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return anywhere + "".join(signs.get(part, re.escape(part)) for part in parts) + folder + r"\Z"
