"""Variants of right programs, seeded: other names and the same answers, wrong answers, and endless loops."""

from __future__ import annotations

import ast
import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence

from .tasks import Candidate, Task, Workload, workload

PER_TASK = 32
_DISTINCT, _WRONG, _LOOPS = 21, 10, 1
"""Of 32: 21 texts, 10 of them wrong and one endless; the 11 others repeat one of those, drawn at random."""
_TRIES = 400
_SECONDS = 0.5

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
_ENDLESS = ("while True:\n    pass", "count = 0\nwhile count >= 0:\n    count += 1", "for _ in iter(int, 1):\n    pass")


def search(tasks: Sequence[Task], count: int, seed: int, seconds: float) -> Workload:
    """Candidates as a search makes them: 32 for each of `count` tasks drawn with the seed.

    A third repeat another text, half are wrong, one in twenty never ends.
    """
    chance = random.Random(seed)
    chosen: list[Task] = []
    candidates: list[Candidate] = []
    for task in chance.sample(list(tasks), len(tasks)):
        if len(chosen) == count:
            break
        texts = _texts(task, len(chosen), chance)
        if texts is not None:
            chosen.append(task)
            candidates += texts
    return workload(chosen, candidates, seconds)


def _texts(task: Task, number: int, chance: random.Random) -> list[Candidate] | None:
    """The candidates for one task, shuffled; `None` where it cannot be got wrong in so many ways."""
    wrong = _wrong(task, chance)
    if len(wrong) < _WRONG:
        return None
    right = [renamed(task.reference, task.entry, i) for i in range(_DISTINCT - _WRONG - _LOOPS)]
    if len({*right}) < len(right) or not all(outcome(text, task) == "passed" for text in right):
        return None
    texts = [Candidate(number, text, right=True) for text in right]
    texts += [Candidate(number, text, right=False) for text in wrong]
    loop = endless(task.reference, task.entry, chance)
    texts.append(Candidate(number, loop, right=False, loops=True))
    texts += chance.choices(texts, k=PER_TASK - len(texts))
    chance.shuffle(texts)
    return texts


def _wrong(task: Task, chance: random.Random) -> list[str]:
    found: dict[str, None] = {}
    for attempt in range(_TRIES):
        text = mutated(task.reference, task.entry, chance)
        if text not in found and outcome(text, task) == "failed":
            found[renamed(text, task.entry, attempt)] = None
        if len(found) == _WRONG:
            break
    return list(found)


def several(task: Task, count: int, chance: random.Random) -> list[str]:
    """Programs for one task, half of them right if they can be had, none of them endless."""
    wrong = _wrong(task, chance)
    right = [renamed(task.reference, task.entry, i) for i in range(count)]
    return [wrong[i // 2 % len(wrong)] + f"\n# {i}\n" if wrong and i % 2 else right[i] for i in range(count)]


# -- ways of changing a program -----------------------------------------------------------------


def renamed(program: str, entry: str, number: int) -> str:
    """The program with other names for the local variables of its entry."""
    tree = ast.parse(program)
    function = _function(tree, entry)
    inside = list(ast.walk(function))
    bound = {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in inside if isinstance(node, ast.arg)}
    bound -= {node.arg for node in inside if isinstance(node, ast.keyword) and node.arg is not None}
    bound -= {name for node in inside if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    for node in inside:
        if isinstance(node, ast.Name) and node.id in bound:
            node.id = f"{node.id}_{number}"
        elif isinstance(node, ast.arg) and node.arg in bound:
            node.arg = f"{node.arg}_{number}"
    return ast.unparse(tree) + "\n"


def mutated(program: str, entry: str, chance: random.Random) -> str:
    """The program with one or two things in its entry changed."""
    tree = ast.parse(program)
    for _ in range(chance.choice((1, 1, 2))):
        places = list(_places(_function(tree, entry)))
        if places:
            _change(chance.choice(places), chance)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def endless(program: str, entry: str, chance: random.Random) -> str:
    """The program with a loop that never ends at the start of its entry."""
    tree = ast.parse(program)
    function = _function(tree, entry)
    loop = ast.parse(chance.choice(_ENDLESS)).body
    at = 1 if ast.get_docstring(function) is not None else 0
    function.body[at:at] = loop
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _function(tree: ast.Module, entry: str) -> ast.FunctionDef:
    return next(node for node in reversed(tree.body) if isinstance(node, ast.FunctionDef) and node.name == entry)


def _places(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What can be changed."""
    for statement in function.body:
        for node in ast.walk(statement):
            number = isinstance(node, ast.Constant) and type(node.value) in (int, bool)
            if number or isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp | ast.If | ast.Return | ast.IfExp):
                yield node


def _change(node: ast.AST, chance: random.Random) -> None:
    match node:
        case ast.Compare():
            node.ops[0] = _COMPARED.get(type(node.ops[0]), ast.Eq)()
        case ast.BinOp():
            node.op = _COMPUTED.get(type(node.op), ast.Add)()
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Return():
            node.value = chance.choice((ast.Constant(None), ast.List([node.value or ast.Constant(0)], ast.Load())))
        case ast.Constant():
            node.value = not node.value if type(node.value) is bool else int(node.value) + chance.choice((-1, 1))  # type: ignore[arg-type]


# -- what a program of ours does ----------------------------------------------------------------


def outcome(program: str, task: Task) -> str:
    """`passed`, `failed` or `timeout`, found out in a plain forked process.

    The programs are small changes of HumanEval's references, made here: nothing else is run in this way.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            _silence()
            exec(f"{program}\n{task.test}\ncheck({task.entry})", {})
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(pid, 0)
    if os.WIFSIGNALED(ended):
        return "timeout"
    return "passed" if ended == 0 else "failed"


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.setrecursionlimit(1000)
