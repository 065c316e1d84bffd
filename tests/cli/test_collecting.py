from __future__ import annotations

import gc

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


def test_cycles_that_are_made_inside_are_found() -> None:
    class Node:
        there = 0

        def __init__(self) -> None:
            self.itself = self
            Node.there += 1

        def __del__(self) -> None:
            Node.there -= 1

    with rare_collections():
        most = 0
        for _ in range(50_000):
            Node()
            most = max(most, Node.there)
    assert most <= 20_000
