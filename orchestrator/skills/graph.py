"""Skill profiles as a graph: experts on one side, skills on the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError

from .profiles import SkillProfiles

if TYPE_CHECKING:
    import networkx

FORMATS = ("graphml", "gexf", "json")


def graph_of(profiles: SkillProfiles, support: int = 1) -> networkx.Graph[str]:
    """A bipartite graph; an edge says how often an expert was right and wrong with a skill, its weight the difference.

    Nodes are named `expert:ID` and `skill:NAME`, and have `kind` and `label`.

    Args:
        support: leaves out what was tried less often.
    """
    import networkx

    graph: networkx.Graph[str] = networkx.Graph()
    for name, profile in profiles.experts.items():
        total = profile.total
        graph.add_node(f"expert:{name}", kind="expert", label=name, right=total.right, wrong=total.wrong)
        for skill, tally in sorted(profile.skills.items()):
            if tally.asked >= support:
                graph.add_node(f"skill:{skill}", kind="skill", label=skill)
                edge = {"right": tally.right, "wrong": tally.wrong, "weight": tally.score}
                graph.add_edge(f"expert:{name}", f"skill:{skill}", **edge)
    return graph


def write_graph(profiles: SkillProfiles, path: Path, support: int = 1) -> int:
    """Writes the graph in the format that the file's name ends in; the number of its edges.

    Raises:
        ConfigError: another ending than those of `FORMATS`, or the file cannot be written.
    """
    import json

    import networkx

    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise ConfigError(f"{path}: a graph is written as one of {endings}, by the end of the file's name")
    graph = graph_of(profiles, support)
    try:
        if form == "json":
            path.write_text(json.dumps(networkx.node_link_data(graph, edges="edges"), indent=1), encoding="utf-8")
        elif form == "gexf":
            networkx.write_gexf(graph, path)
        else:
            networkx.write_graphml(graph, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None
    return int(graph.number_of_edges())
