from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from orchestrator.cli.collecting import rare_collections


def test_python_collects_as_before_once_it_is_over() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    def fail() -> None:
        with rare_collections():
            assert gc.get_threshold() > before
            assert gc.get_freeze_count() > frozen
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


CYCLES = """
from orchestrator.cli.collecting import rare_collections

class Node:
    there = 0

    def __init__(self):
        self.itself = self
        Node.there += 1

    def __del__(self):
        Node.there -= 1

most = 0
with rare_collections():
    for _ in range(50_000):
        Node()
        most = max(most, Node.there)
print(most)
"""


def test_cycles_that_are_made_inside_are_found() -> None:
    # In a process of its own: here another test's import may be going on, during which nothing is collected.
    done = subprocess.run([sys.executable, "-c", CYCLES], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 20_000
