"""Header values, which are secrets more often than not."""

from __future__ import annotations

from orchestrator.masking import MASK


class Headers(dict[str, str]):
    """Headers that do not show their values in a `repr`, and so not in a traceback or a log."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, MASK))
