"""What the processes may say that deal with tests which nobody vouches for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_read(found: Any, total: int) -> bool:
    """Whether what the reader of tests sent has the right shape; it was handed texts that nobody vouches for."""
    return (
        type(found) is list
        and len(found) == total
        and all(one is None or (type(one) is list and len(one) == 4 and type(one[1]) is list) for one in found)
    )


def unshadowed(read: list[Any], suite: dict[str, Any]) -> list[Any]:
    """Tests as data, but for those of a function that the prelude may have defined over the program's."""
    prelude, entry = suite["prelude"], suite["entry"]
    return [None if one is not None and one[0] != entry and str(one[0]) in prelude else one for one in read]


def is_said(said: Any) -> bool:
    """Whether what an examiner sent has the right shape."""
    return type(said) is list and len(said) == 3 and type(said[2]) is list and len(said[2]) == 4
