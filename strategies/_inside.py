"""Reads assert statements. Its source is run as a program in the sandbox: what models write is not parsed outside.

It stands on its own for that: the standard library only, and data in and out.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter


def read(
    texts: list[str], entry: str | None, known: list[str]
) -> tuple[str | None, list[tuple[str, tuple[object, ...] | None] | None]]:
    """The name that the tests call, and each test as a statement of one spelling with the arguments of that call.

    A test is `None` where it is no assert statement, does not call that name, or uses a name that nobody knows; its
    arguments are where they are no literals. Without `entry` the name is the one that most tests call.

    Args:
        known: names that tests may use beside `entry` and Python's own.
    """
    trees = [_parsed(text) for text in texts]
    if entry is None:
        named = Counter(name for tree in trees if tree is not None for name in set(_called(tree)))
        entry = max(named, key=named.__getitem__, default=None)
    if entry is None:
        return None, [None] * len(trees)
    names = {entry, *known, *vars(builtins)}
    return entry, [_told(tree, entry) if tree is not None and _free(tree) <= names else None for tree in trees]


def _parsed(text: str) -> ast.Assert | None:
    try:
        tree = ast.parse(text)
        compile(tree, "<test>", "exec")
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError):
        return None
    match tree.body:
        case [ast.Assert() as statement]:
            statement.msg = None
            return statement
    return None


def _called(tree: ast.Assert) -> list[str]:
    """Names of functions that are called, Python's own left out."""
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return [name for name in calls if not hasattr(builtins, name)]


def _free(tree: ast.Assert) -> set[str]:
    """Names that have to come from elsewhere."""
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} - bound


def _told(tree: ast.Assert, entry: str) -> tuple[str, tuple[object, ...] | None] | None:
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry
    ]
    return (ast.unparse(tree), _arguments(calls[0])) if calls else None


def _arguments(call: ast.Call) -> tuple[object, ...] | None:
    if call.keywords or any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(call)):
        return None
    try:
        return tuple(ast.literal_eval(argument) for argument in call.args)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
