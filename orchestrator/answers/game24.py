"""Reads and checks an expression of the game of 24.

The last line that holds an expression counts, without "Answer:" before it and "= 24" beside it. It is checked with
exact rationals: the four operations and brackets, every given number exactly once; nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from ..types import Problem
from .phrases import Reading

_SIGNS = str.maketrans(
    "\u00d7\u2715\u2217\u22c5\u00b7x\u00f7\u2215\u2044\u2212\u2013\u2014[]{}", "******///---()()", "$`'\""
)
_LATEX = (
    (re.compile(r"\\(?:times|cdot|ast)\b"), "*"),
    (re.compile(r"\\div\b"), "/"),
    (re.compile(r"\\(?:left|right|boxed|text|[()\[\],;! ])"), ""),
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_EXPRESSION = re.compile(r"[\d+\-*/(). ]*\d[\d+\-*/(). ]*")
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_TARGET = re.compile(
    r"\b(?:game of|make|get|reach|equals?|obtain|gives?|to|is)\s+24\b|=\s*24\b|\b\d+ (?:given )?numbers\b",
    re.IGNORECASE,
)
_LONGEST = 200
GOAL = 24


def read(problem: Problem, text: str) -> Reading | None:
    """The expression without "= 24"; its key is the same without spaces."""
    for line in reversed(text.splitlines()):
        if line.strip(" *_`#.") and (found := _expression(line)):
            return Reading(found, re.sub(r"\s", "", found))
        if line.strip(" *_`#.") and re.search(r"\banswer\b", line, re.IGNORECASE):
            return None
    return None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both are written alike but for spaces and signs."""
    return _squeezed(reference) == _squeezed(value)


def check(numbers: Sequence[int], expression: str) -> bool:
    """Whether the expression uses every number exactly once and equals 24."""
    found = _expression(expression)
    tree = _parsed(found) if found else None
    if tree is None or Counter(_leaves(tree)) != Counter(numbers):
        return False
    try:
        return _value(tree) == GOAL
    except ZeroDivisionError:
        return False


def numbers_of(problem: Problem) -> list[int]:
    """The numbers of a puzzle: those in the last line of its prompt that has any, the goal of 24 itself apart."""
    for line in reversed(problem.prompt.splitlines()):
        found = re.findall(r"\d+", _TARGET.sub(" ", line))
        if found:
            return [int(number) for number in found]
    return []


def _expression(line: str) -> str | None:
    """The side of an equation that is a sum of the puzzle's numbers, in plain signs; `None` when the line has none."""
    if len(line) > 5 * _LONGEST:
        return None
    for pattern, plain in _LATEX:
        line = pattern.sub(plain, line)
    while _FRACTION.search(line):
        line = _FRACTION.sub(r"((\1)/(\2))", line)
    line = line.rpartition(":")[2].strip("*_`. \t").translate(_SIGNS)
    sides = [side.strip().rstrip(".").strip() for side in line.split("=")]
    good = [side for side in sides if _EXPRESSION.fullmatch(side) and _parsed(side) and any(c in "+-*/" for c in side)]
    return good[0] if good else None


def _squeezed(expression: str) -> str:
    return re.sub(r"\s", "", _expression(expression) or expression)


def _parsed(expression: str) -> ast.expr | None:
    if len(expression) > _LONGEST or not _EXPRESSION.fullmatch(expression):
        return None
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return tree if all(_allowed(node) for node in ast.walk(tree)) else None


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return isinstance(node, ast.BinOp | ast.operator) and (
        not isinstance(node, ast.BinOp) or type(node.op) in _OPERATORS
    )


def _leaves(tree: ast.expr) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield node.value


def _value(tree: ast.expr) -> Fraction:
    if isinstance(tree, ast.BinOp):
        left, right = _value(tree.left), _value(tree.right)
        match tree.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case _:
                return left / right
    return Fraction(next(_leaves(tree)))
