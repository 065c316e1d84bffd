from __future__ import annotations

import sys
from typing import Any

import pytest

from orchestrator.evals.livecodebench import HEADER
from orchestrator.sandbox.header import with_header
from orchestrator.types import Message, Problem


@pytest.fixture(autouse=True)
def _own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is run in this process here, whose limit of recursion stays."""
    monkeypatch.setattr(sys, "setrecursionlimit", lambda limit: None)


def headed(program: str, header: str = HEADER) -> str:
    return with_header(Problem("p", (Message("user", "?"),), "code", meta={"header": header}), program)


def names(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(source, found)
    return found


def test_without_a_header_the_program_stays_as_it_is() -> None:
    assert with_header(Problem("p", (Message("user", "?"),), "code"), "x = 1") == "x = 1"
    assert headed("x = 1", "") == "x = 1"


def test_only_what_the_program_names_is_imported() -> None:
    header = "from math import *; from typing import *\nimport math, re, sys; sys.setrecursionlimit(5000)"
    assert headed("def f(x: List[int]): return x", header).splitlines()[0] == (
        "from typing import *; import sys; sys.setrecursionlimit(5000)"
    )
    assert headed("def f(x): return gcd(x, 2)", header).startswith("from math import *; import sys; ")
    assert headed("def f(x): return re.sub('a', 'b', x)", header).startswith("import re, sys; sys.")
    assert "statistics" not in headed("print(sum(map(int, input().split())))")


def test_the_program_begins_on_the_second_line() -> None:
    assert headed("x = 1\ny = gcd(4, 6)").splitlines()[1:] == ["x = 1", "y = gcd(4, 6)"]


def test_imports_from_the_future_stay_first() -> None:
    source = headed('"""Words."""\nfrom __future__ import annotations\nx: Nowhere = sqrt(4)\n')
    assert names(source)["x"] == 2


@pytest.mark.parametrize(
    "expression",
    [
        "pow(2, 3, 5)",  # math, operator and Python itself have one: the last to be imported counts
        "open",
        "datetime.datetime(2024, 1, 2)",
        "reduce(lambda a, b: a + b, [1, 2])",
        "Counter('aab')['a']",
        "heappop([1])",
        "bisect_left([1, 3], 2)",
        "deepcopy([1])",
        "comb(4, 2)",
        "list(accumulate([1, 2]))",
        "mean([1, 2])",
        "loads('[1]')",
        "maxsize",
        "eval('gcd(4, ' + '6)')",
        "List[int]",
        "math.inf + string.digits.count('1')",
        "sys.getrecursionlimit()",
    ],
)
def test_names_mean_what_they_mean_behind_the_whole_header(expression: str) -> None:
    program = f"found = {expression}\n"
    assert names(headed(program))["found"] == names(f"{HEADER}\n{program}")["found"]


def test_all_of_an_unknown_module_is_refused() -> None:
    with pytest.raises(ValueError, match="not of 'somewhere'"):
        headed("x", "from somewhere import *")
