"""Skill profiles as a graph."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import pytest

from orchestrator import ConfigError
from orchestrator.skills.graph import graph_of, write_graph

from .making import profiles_of

KNOWN = profiles_of({"a": {"law": (3, 1), "sums": (0, 1)}, "b": {"law": (1, 4)}})


def test_experts_and_skills_are_joined_by_what_was_counted() -> None:
    graph = graph_of(KNOWN)
    assert networkx.is_bipartite(graph)
    assert dict(graph.edges["expert:a", "skill:law"]) == {"right": 3, "wrong": 1, "weight": 2}
    assert graph.edges["expert:b", "skill:law"]["weight"] == -3
    assert {graph.nodes[node]["kind"] for node in graph} == {"expert", "skill"}


def test_what_was_tried_too_seldom_is_left_out() -> None:
    graph = graph_of(KNOWN, support=2)
    assert "skill:sums" not in graph
    assert graph.number_of_edges() == 2


@pytest.mark.parametrize("form", ["graphml", "gexf", "json"])
def test_it_is_written_in_the_format_that_the_name_ends_in(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"graph.{form}"
    assert write_graph(KNOWN, file) == 3
    if form == "json":
        found = networkx.node_link_graph(json.loads(file.read_text(encoding="utf-8")), edges="edges")
    else:
        found = networkx.read_graphml(file) if form == "graphml" else networkx.read_gexf(file)
    assert int(found.edges["expert:a", "skill:law"]["right"]) == 3


def test_another_ending_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.graphml, \.gexf, \.json"):
        write_graph(KNOWN, tmp_path / "graph.png")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_graph(KNOWN, tmp_path / "none" / "graph.json")
