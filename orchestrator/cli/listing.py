"""`strategies` and `benchmarks`: what there is to name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .counting import counted
from .printing import out, out_entry, out_folded, out_json, visible
from .tables import Column, print_table

if TYPE_CHECKING:
    from orchestrator.registry import Description, Group
    from orchestrator.types import Estimate

_GROUPS: tuple[Group, ...] = ("strategies", "verifiers", "aggregators")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(strategies)
    app.command()(benchmarks)


def strategies(
    name: Annotated[str | None, typer.Argument(help="One of them, with its settings.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """List the strategies, verifiers and aggregators, or show one."""
    if name is not None:
        return _show_one(_found(name), as_json)
    from orchestrator.registry import describe, names

    by_group = {group: [describe(group, each) for each in names(group)] for group in _GROUPS}
    if as_json:
        out_json("strategies/1", {group: [_json(each) for each in found] for group, found in by_group.items()})
        return
    for group, found in by_group.items():
        out(f"{group}:")
        for each in found:
            out_entry(each.name, f"{each.summary}{_by(each)}")


def benchmarks(
    name: Annotated[str | None, typer.Argument(help="One of them, an alias or a file: what it holds.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """List the sets that can be named, or show one."""
    from orchestrator.evals.sets import BUILT_IN, FORMATS

    aliases = o.settled().settings.sets
    if name is not None:
        return _show_set(name, aliases, as_json)
    if as_json:
        formats = {reader.name: reader.about for reader in FORMATS.values()}
        out_json("benchmarks/1", {"benchmarks": dict(BUILT_IN), "sets": aliases, "formats": formats})
        return
    out("built in:")
    for each, about in BUILT_IN.items():
        out_entry(each, about)
    if aliases:
        out("from config files:")
        for each, spec in aliases.items():
            out_entry(each, spec)
    out("formats of JSONL files, plain or gzipped:")
    for reader in FORMATS.values():
        out_entry(reader.name, reader.about)


# -- one strategy -------------------------------------------------------------------------


def _found(name: str) -> Description:
    """The strategy of that name, else the verifier or aggregator."""
    from orchestrator.registry import describe, names

    for group in _GROUPS[1:]:
        if name in names(group) and name not in names("strategies"):
            return describe(group, name)
    return describe("strategies", name)


def _show_one(found: Description, as_json: bool) -> None:
    if as_json:
        out_json("strategy/1", _json(found))
        return
    out_folded(f"{found.name}: {visible(found.summary)}")
    if found.citation:
        out(f"paper: {visible(found.citation)}")
    if found.origin != "built-in":
        out(f"comes with: {found.origin}")
    for number, step in enumerate(found.algorithm, 1):
        out_folded(f"  {number}. {visible(step, keep='')}", indent=5)
    for note in found.notes:
        out_folded(visible(note, keep=""), indent=0)
    for line in _calls(found):
        out_folded(visible(line, keep=""))
    out("settings:" if found.settings else "no settings")
    for setting in found.settings:
        default = "needed" if setting.default is None else setting.default
        out(f"  {setting.name}: {setting.type} = {default}")
        if setting.doc:
            out_folded(f"      {visible(setting.doc)}", indent=6)


def _calls(found: Description) -> Iterator[str]:
    """What it takes to run: calls, smaller forms, needs, and what it brings along."""
    if found.estimate and not found.estimate.most:
        yield "calls no model"
    elif e := found.estimate:
        told = [f"one expert: {_range(e)}", *([f"three experts: {_range(found.several)}"] if found.several else [])]
        kind = "" if found.kind is None else f" of kind {found.kind}"
        yield f"calls on one {found.per}{kind}, with {'; with '.join(told)}"
    if found.calls_depend_on:
        yield f"calls depend on: {', '.join(found.calls_depend_on)}"
    if found.ladder:
        yield f"under a cap on calls: {found.ladder.rstrip('.')}; not below {found.smallest}"
    yield f"needs: {found.needs or 'nothing beside the problem'}"
    if found.group == "strategies":
        yield f"verifier: {found.verifier}; aggregator: {found.aggregator} (--verifier and --aggregator name others)"


def _range(e: Estimate) -> str:
    calls = f"{e.least}" if e.least == e.most else f"{e.least} to {e.most}, {e.expected:g} expected"
    return f"{calls}, {e.depth} one after the other"


def _json(found: Description) -> dict[str, Any]:
    return {
        "name": found.name,
        "group": found.group,
        "summary": found.summary,
        "citation": found.citation,
        "origin": found.origin,
        "algorithm": list(found.algorithm),
        "notes": list(found.notes),
        "per": found.per,
        "kind": found.kind,
        "estimate": None if found.estimate is None else asdict(found.estimate),
        "estimate_with_three_experts": None if found.several is None else asdict(found.several),
        "calls_depend_on": list(found.calls_depend_on),
        "ladder": found.ladder,
        "smallest": found.smallest,
        "needs": found.needs,
        "verifier": found.verifier,
        "aggregator": found.aggregator,
        "settings": [asdict(setting) for setting in found.settings],
    }


def _by(found: Description) -> str:
    return "" if found.origin == "built-in" else f" ({found.origin})"


# -- one set ------------------------------------------------------------------------------


def _show_set(name: str, aliases: dict[str, str], as_json: bool) -> None:
    from collections import Counter

    from orchestrator.evals.sets import BUILT_IN, FORMATS, open_set, parse_spec

    from .problems import chosen

    problems = chosen(name, aliases, None, None, None)
    opened = open_set(problems.spec)
    kinds: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    gradable = 0
    for case in opened:
        kinds[case.problem.kind] += 1
        parts[case.part or "none"] += 1
        gradable += case.gradable
    # A file of one's own may be named as a built-in set is; its path is no such name.
    about = BUILT_IN.get(parse_spec(problems.spec)[0]) or FORMATS[opened.format].about
    if as_json:
        found = {
            "name": problems.name, "about": about, "path": opened.path, "format": opened.format, "sha256": opened.digest
        }  # fmt: skip
        count = {"problems": kinds.total(), "gradable": gradable, "kinds": dict(kinds), "parts": dict(parts)}
        out_json("benchmark/1", {**found, **count})
        return
    out(f"{visible(problems.name)}: {counted(kinds.total(), 'problem')}, {gradable} of them can be graded")
    out_folded(visible(about))
    out(f"file: {visible(opened.path)} (format {opened.format})")
    print_table([Column("kind", list(kinds)), Column("problems", [str(n) for n in kinds.values()])])
    print_table([Column("part", list(parts)), Column("problems", [str(n) for n in parts.values()])])
