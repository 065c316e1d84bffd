"""Whether what a program returned or printed is what was expected, by the rules of the field.

Runs in the judge, on values made by programs that may be hostile: only values of plain types are ever compared, since
anything else could answer `==` itself; nothing here recurses, parses an int or takes more than linear time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    Leaf = Callable[[object, object], bool]

_ATOMS = frozenset((type(None), bool, int, float, str, bytes, complex))
_NUMBERS = frozenset((bool, int, float, complex))
_SLACK = 1e-6
_EXACT_FLOATS = 2**53
_INFINITY = float("inf")


def same(comparison: str, found: object, expected: object, atol: float | None = None) -> bool:
    """Whether a returned value is right.

    Args:
        comparison: `exact`, `==`, but a tuple may stand for a list at any depth and the other way round; `tolerance`,
            `exact` but for numbers that differ by at most `atol` (without it by 1e-6, or by 1e-6 of an expected float);
            `evalplus`, `==`, or of the same type and close within `atol` and 1e-7 of the expected number; `lcb`, `==`
            once a returned tuple has become a list (its own tuples have not); `lcb+tol`, the same, but an expected
            float may be missed by 1e-6 of it or by 1e-6.
        atol: absolute tolerance of `tolerance` and `evalplus`; the latter takes 1e-6 for floats where it is 0 or None.

    Raises:
        ValueError: there is no such comparison.
    """
    rule = _RULES.get(comparison)
    if rule is None:
        raise ValueError(f"values cannot be compared by '{comparison}'; there are {', '.join(_RULES)}")
    try:
        return rule(found, expected, atol)
    except (ArithmeticError, RecursionError):  # numbers beyond floats, tuples nested beyond measure as keys
        return False


def same_output(comparison: str, found: str, expected: str) -> bool:
    """Whether what a program printed is right.

    Args:
        comparison: `exact`, the same text; `lcb`, the same number of lines once the whole and each line are stripped,
            a line being the same text, or tokens that are all decimal numbers and equal as such; `lcb+tol`, the same,
            but a number expected with a point or an exponent may be missed by 1e-6 of it or by 1e-6.

    Raises:
        ValueError: there is no such comparison of texts.
    """
    if comparison == "exact":
        return found == expected
    if comparison not in ("lcb", "lcb+tol"):
        raise ValueError(f"outputs cannot be compared by '{comparison}'; there are exact, lcb, lcb+tol")
    return found == expected or _same_lines(found.strip(), expected.strip(), comparison == "lcb+tol")


def _exact(found: object, expected: object, atol: float | None) -> bool:
    return _agree(found, expected, _equal, loose=True)


def _tolerance(found: object, expected: object, atol: float | None) -> bool:
    def near(a: object, b: object) -> bool:
        if atol is not None:
            return _equal(a, b) or _close(a, b, atol, 0.0)
        return _near_float(a, b) or _close(a, b, _SLACK, 0.0)

    return _agree(found, expected, near, loose=True)


def _evalplus(found: object, expected: object, atol: float | None) -> bool:
    if _agree(found, expected, _equal, loose=False):
        return True
    slack = atol or (_SLACK if _are_floats(expected) else 0.0)
    if slack == 0.0 or type(found) is not type(expected):
        return False
    if type(expected) is dict or type(expected) is set or type(expected) is frozenset:
        return False  # only numbers are ever close, alone or in lists
    return _agree(found, expected, lambda a, b: _close(a, b, slack, 1e-7), loose=True)


def _lcb(found: object, expected: object, atol: float | None) -> bool:
    return _agree(_as_list(found), expected, _equal, loose=False)


def _lcb_tol(found: object, expected: object, atol: float | None) -> bool:
    return _agree(_as_list(found), expected, _near_float, loose=False)


def _as_list(value: object) -> object:
    return list(value) if type(value) is tuple else value


def _near_float(a: object, b: object) -> bool:
    """Equal, or within 1e-6 of an expected float, or of its size."""
    return _equal(a, b) or (type(b) is float and (_close(a, b, _SLACK, 0.0) or _close(a, b, 0.0, _SLACK)))


_RULES = {"exact": _exact, "tolerance": _tolerance, "evalplus": _evalplus, "lcb": _lcb, "lcb+tol": _lcb_tol}


def _agree(found: object, expected: object, leaf: Leaf, *, loose: bool) -> bool:
    """Whether two values have one shape, and `leaf` holds for all in them that is no list, tuple, dict or set.

    Types are asked for by `type`, never by `isinstance`, to which a stand-in for an object may answer what it likes.
    """
    left = [(found, expected)]
    while left:
        a, b = left.pop()
        if type(b) is list or type(b) is tuple:
            if type(a) is not list and type(a) is not tuple:
                return False
            if len(a) != len(b) or not (loose or type(a) is type(b)):
                return False
            left.extend(zip(a, b, strict=True))
        elif type(b) is dict:
            if type(a) is not dict or len(a) != len(b) or not _are_plain(a):
                return False
            if any(key not in a for key in b):
                return False
            left.extend((a[key], value) for key, value in b.items())
        elif type(b) is set or type(b) is frozenset:
            if type(a) is not set and type(a) is not frozenset:
                return False
            if not _are_plain(a) or a != b:
                return False
        elif not leaf(a, b):
            return False
    return True


def _are_plain(members: Iterable[object]) -> bool:
    """Whether members of a set, or keys of a dict, are values all through; NaN, found by identity, is none."""
    left = list(members)
    while left:
        member = left.pop()
        if type(member) is tuple or type(member) is frozenset:
            left.extend(member)
        elif type(member) not in _ATOMS or member != member:
            return False
    return True


def _equal(a: object, b: object) -> bool:
    return type(a) in _ATOMS and type(b) in _ATOMS and bool(a == b)


def _close(a: object, b: object, atol: float, rtol: float) -> bool:
    """Whether two numbers are equal, or `a` is within the sum of the tolerances of a finite `b`."""
    if _equal(a, b):
        return type(b) in _NUMBERS
    pair = _numbers(a, b)
    return pair is not None and abs(pair[1]) < _INFINITY and abs(pair[0] - pair[1]) <= atol + rtol * abs(pair[1])


def _numbers(a: object, b: object) -> tuple[complex, complex] | None:
    """Two numbers such that their difference is exact where one is a whole number.

    Beyond 2 ** 53 an int would first be rounded to a float; a float is a whole number there.
    """
    if type(a) is int and type(b) is float and abs(a) > _EXACT_FLOATS and b.is_integer():
        return a, int(b)
    if type(a) is float and type(b) is int and abs(b) > _EXACT_FLOATS and a.is_integer():
        return int(a), b
    if (type(a) is int or type(a) is float or type(a) is complex) and (
        type(b) is int or type(b) is float or type(b) is complex
    ):
        return a, b
    return None


def _are_floats(value: object) -> bool:
    if type(value) is list or type(value) is tuple:
        return bool(value) and all(type(item) is float for item in value)
    return type(value) is float


def _same_lines(found: str, expected: str, tolerant: bool) -> bool:
    if found.count("\n") != expected.count("\n"):  # counted first, so that no flood is ever cut into lines
        return False
    return all(
        _same_line(a.strip(), b.strip(), tolerant) for a, b in zip(found.split("\n"), expected.split("\n"), strict=True)
    )


def _same_line(found: str, expected: str, tolerant: bool) -> bool:
    if found == expected:
        return True
    from decimal import Decimal

    wanted = expected.split()
    given = found.split(None, len(wanted))  # one part too many is enough to know
    if len(given) != len(wanted):
        return False
    try:
        numbers = [(Decimal(a), Decimal(b)) for a, b in zip(given, wanted, strict=True)]
        return all(
            a == b or (tolerant and _is_fraction(text) and _near(a, b))
            for (a, b), text in zip(numbers, wanted, strict=True)
        )
    except ArithmeticError:  # not a number, one beyond what decimals can be, or a NaN that signals
        return False


def _is_fraction(token: str) -> bool:
    return "." in token or "e" in token or "E" in token


def _near(a: Decimal, b: Decimal) -> bool:
    from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

    if not a.is_finite() or not b.is_finite():
        return False
    # In a context of its own: it holds all exponents that a text can have, and 50 digits keep the cost down.
    context = Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX)
    slack = Decimal("1e-6")
    missed = context.abs(context.subtract(a, b))
    return missed <= slack or missed <= context.multiply(slack, context.abs(b))
