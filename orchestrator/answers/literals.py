"""Python literals as answers, compared by value."""

from __future__ import annotations

import ast
import warnings

from .phrases import digested

_FILE = "<answer>"
# Half-numbers such as `5in` would otherwise be reported on the user's stderr, one line for each reply.
warnings.filterwarnings("ignore", category=SyntaxWarning, module=_FILE)
warnings.filterwarnings("ignore", category=DeprecationWarning, module=_FILE)


def literal_key(text: str) -> str:
    """What equal literals share: dicts and sets in any order, numbers with their type.

    The quotes of a whole answer that is a string do not count, since models leave them out; what is no literal is
    taken as such a string.
    """
    found = parsed(text)
    return digested(found if isinstance(found, str) else _canonical(found, exact=True))


def literals_equal(a: str, b: str) -> bool:
    """Whether both are the same value, `1.0` and `1` being one number and a bool being none."""
    if literal_key(a) == literal_key(b):
        return True
    x, y = parsed(a), parsed(b)
    return (
        not isinstance(x, str) and not isinstance(y, str) and _canonical(x, exact=False) == _canonical(y, exact=False)
    )


def parsed(text: str) -> object:
    """The literal's value; a string where the text is none."""
    bare = text.strip()
    found = _evaluated(bare)
    if found is not _NONE:
        return found
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        return bare[1:-1]
    if "\\" in bare and isinstance(inside := _evaluated(f"'''{text}'''"), str):
        return inside
    return text


_NONE = object()


def _evaluated(text: str) -> object:
    try:
        found: object = ast.literal_eval(ast.parse(text, _FILE, mode="eval"))
        _canonical(found, exact=True)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _NONE
    return found


def _canonical(value: object, *, exact: bool) -> str:
    def shown(item: object) -> str:
        return _canonical(item, exact=exact)

    match value:
        case float() if value.is_integer() and not exact:
            return repr(int(value))
        case dict():
            return "{" + ", ".join(sorted(f"{shown(k)}: {shown(v)}" for k, v in value.items())) + "}"
        case set():
            return "set(" + ", ".join(sorted(map(shown, value))) + ")"
        case list():
            return "[" + ", ".join(map(shown, value)) + "]"
        case tuple():
            return "(" + "".join(shown(v) + ", " for v in value) + ")"
    return repr(value)
