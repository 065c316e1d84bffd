r"""A cheap textual normal form of LaTeX answers, still LaTeX, so that most equal answers are equal as text.

Rules of the MATH graders (delimiters, spacing, units, currency, percent and degree signs, spellings of fractions and
roots, a leading `x=`), and rational numbers in lowest terms.
"""

from __future__ import annotations

import re
from fractions import Fraction

from .phrases import closing

_CHARACTERS = str.maketrans(
    {
        **{
            "\u2212": "-",
            "\u2013": "-",
            "\u00d7": "\\times ",
            "\u00b7": "\\cdot ",
            "÷": "/",
            "π": "\\pi ",
            "∞": "\\infty ",
            "°": "",
            "\u222a": "\\cup ",
        },
        **{
            "≤": "\\le ",
            "≥": "\\ge ",
            "≠": "\\ne ",
            "±": "\\pm ",
            "∈": "\\in ",
            "∅": "\\emptyset ",
            "½": "\\frac{1}{2}",
        },
        **{c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        "\u00a0": " ",
    }
)
_SPELLINGS = {
    **dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac"), "\\frac"),
    **dict.fromkeys(("\\left", "\\right", "\\big", "\\Big", "\\bigg", "\\Bigg", "\\displaystyle", "\\textstyle"), ""),
    **dict.fromkeys(("\\,", "\\!", "\\;", "\\:", "\\ ", "\\quad", "\\qquad", "\\$", "\\%", "%", "$", "~"), ""),
    **dict.fromkeys(("\\(", "\\)", "\\[", "\\]"), ""),
    **{
        "\\leq": "\\le",
        "\\geq": "\\ge",
        "\\neq": "\\ne",
        "\\times": "\\cdot",
        "\\infin": "\\infty",
        "\\varnothing": "\\emptyset",
    },
    **{
        "\\lbrace": "\\{",
        "\\rbrace": "\\}",
        "\\lbrack": "[",
        "\\rbrack": "]",
        "\\rightarrow": "\\to",
        "\\mbox": "\\text",
    },
    **dict.fromkeys(("\\textbf", "\\mathrm", "\\mathbf", "\\textrm", "\\operatorname", "\\textit"), "\\text"),
}
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])")
_ASSIGNED = re.compile(r"^[a-zA-Z](?:_?\{?\w\}?)?(?:\([a-z](?:,[a-z])*\))?=(?=[^=]+$)")
_SINGLE = re.compile(r"([\^_])\{(\w)\}")
_BARE_FRACTION = re.compile(r"\\frac\s?(\w)\s?(\w)(?![}\w])")
_HALF_BARE = re.compile(r"\\frac(?:\s?(\w)\{|(\{[^{}]*\})\s?(\w))")
_BARE_ROOT = re.compile(r"\\sqrt\s?(\w)")
_PLAIN_ROOT = re.compile(r"(?<![\\a-zA-Z])(?:sqrt|√)\s?(?:\(([^()]*)\)|(\w))")
_PLAIN_WORD = re.compile(r"(?<![\\a-zA-Z])(pi|infty|infinity)(?![a-zA-Z])")
_GROUPED = re.compile(r"([-+]?\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?)")
_RATIONAL = re.compile(r"([-+]?)(?:\\frac\{(-?\d{1,60})\}\{(-?\d{1,60})\}|(\d{0,60}\.?\d{1,60})(?:/(\d{1,60}))?)")
_UNIT = re.compile(r"(?<=.)(?:\\text\{[^{}]*\})(?:\^\d)?$", re.DOTALL)
_WRAPPED = re.compile(r"\\text\{([^{}]*)\}")


def normal(text: str) -> str:
    """The normal form; empty for an empty answer."""
    text = text.strip().translate(_CHARACTERS)
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\begin" not in text:
        text = re.sub(r"\\\\(?=[a-zA-Z{}])", r"\\", text)
    text = _DEGREE.sub("", _PLAIN_WORD.sub(_spelled, _PLAIN_ROOT.sub(_rooted, text)))
    text = _unwrapped(_ASSIGNED.sub("", _joined(text).strip(",;:").rstrip(".")))
    text = _UNIT.sub("", text)
    if match := _WRAPPED.fullmatch(text):
        text = match[1].strip().lower()
    if match := _GROUPED.fullmatch(text):
        text = re.sub(r"[{},]", "", text)
    text = _BARE_ROOT.sub(r"\\sqrt{\1}", _fractions(_SINGLE.sub(r"\1\2", text.replace("**", "^"))))
    return _rational(text) or text


def is_rational(key: str) -> bool:
    """Whether a normal form is a rational number, which equals no other rational number in that form."""
    return _rational(key) == key


def _joined(text: str) -> str:
    """The text without spaces but those that end a command's name."""
    out: list[str] = []
    for token in _TOKEN.findall(text):
        token = _SPELLINGS.get(token, token)
        if not token or token.isspace():
            continue
        if out and token[0].isalpha() and re.fullmatch(r"\\[a-zA-Z]+", out[-1]):
            out.append(" ")
        out.append(token)
    return "".join(out)


def _unwrapped(text: str) -> str:
    while text.startswith("{") and closing(text, 0) == len(text) - 1:
        text = text[1:-1]
    return text


def _fractions(text: str) -> str:
    text = _BARE_FRACTION.sub(r"\\frac{\1}{\2}", text)
    return _HALF_BARE.sub(lambda m: f"\\frac{{{m[1]}}}{{" if m[1] else f"\\frac{m[2]}{{{m[3]}}}", text)


def _rooted(match: re.Match[str]) -> str:
    return f"\\sqrt{{{match[1] if match[1] is not None else match[2]}}}"


def _spelled(match: re.Match[str]) -> str:
    return "\\pi " if match[1] == "pi" else "\\infty "


def _rational(text: str) -> str | None:
    match = _RATIONAL.fullmatch(text)
    if match is None:
        return None
    try:
        value = Fraction(match[4] or match[2]) / Fraction(match[5] or match[3] or 1)
    except ZeroDivisionError:
        return None
    value = -value if match[1] == "-" else value
    sign = "-" if value < 0 else ""
    top, bottom = abs(value.numerator), value.denominator
    return f"{sign}{top}" if bottom == 1 else f"{sign}\\frac{{{top}}}{{{bottom}}}"
