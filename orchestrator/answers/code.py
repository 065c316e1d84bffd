"""Reads a Python program out of a reply; the key is a hash of its syntax tree.

Among the fenced blocks the longest that defines `meta["entry_point"]` counts; without an entry point the last block,
and without blocks the reply itself. Where the prompt is the stub of a function, a block or a reply that only continues
it is joined to it, and what the stub has before the function (imports, other functions) is put before a program that
lacks it. What does not compile is no program, nor is a function without a body. Text is compiled, never run.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

from ..types import Problem
from .phrases import Reading

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})(?P<language>[^\n`]*)$", re.MULTILINE)
_RUN_ON = re.compile(r"\n(?=class\b|def\b|#|if\b|print\b|@|```)")
_FILE = "<candidate>"
_BRACKET = re.compile(r"[()\[\]{}]")
_LARGEST = 100_000
_DEEPEST = 150
# A program's doubtful escapes are the model's, and would be reported on the user's stderr, once for each reply.
warnings.filterwarnings("ignore", category=SyntaxWarning, module=_FILE)
warnings.filterwarnings("ignore", category=DeprecationWarning, module=_FILE)


def read(problem: Problem, text: str) -> Reading | None:
    """The program, and a hash of its tree without positions, comments and docstrings."""
    entry = str(problem.meta.get("entry_point") or "").split(".")[0]
    stub = _stub(problem.prompt, entry) if entry else None
    blocks = [block for block in fenced(text) if block.strip()]
    for program in _programs(text, blocks, entry, stub):
        tree = compiled(program)
        if tree is not None and (_implements(tree, entry) if entry else _does(tree)):
            return _reading(program, tree, stub, entry)
    return None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both have the same syntax tree."""
    a, b = compiled(reference), compiled(value)
    return reference.strip() == value.strip() if a is None or b is None else _hashed(a, reference) == _hashed(b, value)


def compiled(program: str) -> ast.Module | None:
    """The tree of a program that compiles; `None` for any other text."""
    if len(program) > _LARGEST or _too_deep(program):
        return None
    try:
        tree = ast.parse(program, _FILE)
        compile(program, _FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return None
    return tree


def fenced(text: str) -> list[str]:
    """The contents of fenced blocks in order; one left open runs to the end."""
    blocks, start, opened = [], 0, None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened, start = fence, fence.end() + 1
        elif fence["ticks"].startswith(opened["ticks"]) and not fence["language"].strip():
            blocks.append(_dedented(text[start : fence.start()], opened["indent"]))
            opened = None
    if opened is not None:
        blocks.append(_dedented(text[start:], opened["indent"]))
    return blocks


def _dedented(block: str, indent: str) -> str:
    return textwrap.dedent(block) if indent else block


def _programs(text: str, blocks: list[str], entry: str, stub: str | None) -> Iterator[str]:
    """What the program may be, best first."""
    if not entry:
        yield from reversed(blocks)
    else:
        # Cheaper than a tree, and the caller looks at the tree anyway.
        named = re.compile(
            rf"^(?:(?:async\s+)?def|class)\s+{re.escape(entry)}\b|^{re.escape(entry)}\s*[:=]", re.MULTILINE
        )
        yield from sorted((block for block in blocks if named.search(block)), key=len, reverse=True)
    if blocks and entry and stub:
        for block in reversed(blocks):
            yield from _continued(stub, block)
    if not blocks:
        yield text
        if stub:
            yield from _continued(stub, text)


def _continued(stub: str, body: str) -> Iterator[str]:
    """The stub with a body: up to where the text runs on to something else, whole, and indented to fit."""
    body = body.strip("\n")
    cut = _RUN_ON.split(f"\n{body}", maxsplit=1)[0].strip("\n")
    for part in dict.fromkeys((cut, body)):
        yield f"{stub.rstrip()}\n{part}\n"
        yield f"{stub.rstrip()}\n{textwrap.indent(textwrap.dedent(part), '    ')}\n"


@lru_cache(maxsize=256)
def _stub(prompt: str, entry: str) -> str | None:
    """The part of the prompt that is the head of the function: all of it, or a fenced block of it."""
    for part in (prompt, *fenced(prompt)):
        tree = compiled(part)
        if tree is not None and _function(tree, entry) is not None:
            return part
    return None


def _function(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name]
    return found[-1] if found else None


def _implements(tree: ast.Module, entry: str) -> bool:
    function = _function(tree, entry)
    if function is not None:
        return any(not isinstance(n, ast.Pass) and not _is_word(n) for n in function.body)
    return any(
        (isinstance(n, ast.ClassDef) and n.name == entry)
        or (isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == entry for t in n.targets))
        or (
            isinstance(n, ast.AnnAssign)
            and n.value is not None
            and isinstance(n.target, ast.Name)
            and n.target.id == entry
        )
        for n in tree.body
    )


def _does(tree: ast.Module) -> bool:
    """Whether there is more than a word or two of prose that happens to be Python."""
    return not all(_is_word(n) for n in tree.body)


def _is_word(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant | ast.Tuple)


def _reading(program: str, tree: ast.Module, stub: str | None, entry: str) -> Reading:
    head = _missing_head(tree, stub, entry) if stub else ""
    if head:
        program = f"{head}\n\n\n{program.lstrip()}"
        tree = compiled(program) or tree
    return Reading(program.strip("\n") + "\n", _hashed(tree, program))


def _hashed(tree: ast.Module, program: str) -> str:
    shown = _shown(_without_docstrings(tree))
    shown = program.strip() if shown is None else shown
    return blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _missing_head(tree: ast.Module, stub: str, entry: str) -> str:
    """What stands in the stub before the function and neither is nor is defined again in the program."""
    head = _head(stub, entry)
    if not head or any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body):
        return ""
    known = set(map(_shown, tree.body)) - {None}
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return "\n".join(source for name, dumped, source in head if dumped not in known and name not in defined)


@lru_cache(maxsize=256)
def _head(stub: str, entry: str) -> tuple[tuple[str | None, str | None, str], ...]:
    """Of each statement before the function: the name that it defines, its tree and its source."""
    found = list[tuple[str | None, str | None, str]]()
    start = compiled(stub)
    for node in start.body if start is not None else ():
        name = getattr(node, "name", None)
        if name == entry:
            break
        if not _is_docstring(node):
            found.append((name, _shown(node), ast.get_source_segment(stub, node) or ""))
    return tuple(found)


def _shown(node: ast.AST) -> str | None:
    """The tree as text; `None` for one that is too deep, as a sum of hundreds of terms is, though it compiles."""
    try:
        return ast.dump(node)
    except RecursionError:
        return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = [n for n in node.body if not _is_docstring(n)] or [ast.Pass()]
    return tree


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _too_deep(program: str) -> bool:
    """Whether brackets nest, or signs pile up, deeper than anybody writes: the compiler's stack is the host's."""
    depth = deepest = 0
    for char in _BRACKET.findall(program):
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest > _DEEPEST or re.search(r"(?:[-+~]\s*|\bnot\s+){150}", program) is not None
