"""What a test may have done with an object of the candidate's, in the process where that is."""

from __future__ import annotations

import builtins

from .values import as_base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _operations() -> dict[str, Callable[..., Any]]:
    import operator

    named = (
        "lt le eq ne gt ge add sub mul matmul truediv floordiv mod pow lshift rshift and_ or_ xor neg pos abs invert "
        "getitem setitem delitem contains index"
    )
    found: dict[str, Callable[..., Any]] = {name: getattr(operator, name) for name in named.split()}
    return found | {
        "isinstance": isinstance,
        "issubclass": issubclass,
        "getattr": getattr,
        "setattr": setattr,
        "len": len,
        "iter": iter,
        "next": next,
        "str": str,
        "repr": repr,
        "bool": bool,
        "hash": hash,
        "int": int,
        "float": float,
        "round": round,
        "reversed": reversed,
        "format": format,
        "enter": lambda value: value.__enter__(),
        "leave": _left,
        "divmod": divmod,
        "await": _awaited,
        "plain": as_base,
        "dir": dir,
    }


def _awaited(value: Any) -> Any:
    import asyncio

    async def result() -> Any:
        return await value

    return asyncio.run(result())


def _left(value: Any, kind: str, text: str) -> bool:
    """Leaves a `with` block, by an exception where there is one; whether that is dealt with."""
    found = getattr(builtins, kind, None) if kind else None
    if found is None:
        return bool(value.__exit__(None, None, None))
    return bool(value.__exit__(found, found(text), None))


OPERATIONS = _operations()
