"""Published figures beside measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .counting import counted
from .following import Followed
from .printing import note, out
from .tables import Column as TableColumn
from .tables import print_table

if TYPE_CHECKING:
    from orchestrator.evals.recipe import Column, Model
    from orchestrator.evals.recipe_measures import Measured
    from orchestrator.folder import RunView
    from orchestrator.types import Json

_WIDE = 20.0
"""Points that an interval may be wide before nothing can be told from it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure, and what a row measured."""

    column: Column
    row: str
    """Name of the row."""
    model: Model | None
    """Whose figure it is; `None`: the paper has none on this set that could be checked."""
    published: float | None
    """In percent."""
    measured: Measured | None
    why_not: tuple[str, ...]
    """Why the two cannot be compared."""

    @property
    def inside(self) -> bool | None:
        """Whether the measured interval holds the published figure."""
        if self.published is None or self.measured is None:
            return None
        return self.measured.fits(self.published)

    def to_json(self) -> dict[str, Json]:
        found, share = self.measured, _share
        return {
            "column": self.column.name,
            "measure": self.column.measure,
            "published": share(self.published),
            "model": None if self.model is None else self.model.name,
            "source": None if self.published is None else self.column.source,
            "measured": None if found is None else share(found.value),
            "ci95": None if found is None else [share(found.low), share(found.high)],
            "problems": 0 if found is None else found.problems,
            "short": 0 if found is None else found.short,
            "inside": self.inside,
            "comparable": not self.why_not,
            "why_not": list(self.why_not),
        }


def figures(followed: Followed, run: RunView) -> list[Figure]:
    """A figure for each column and row of a run."""
    from orchestrator.evals.recipe_measures import measured
    from orchestrator.evals.results import ResultLine

    pairs = list(_pairs(followed, run.manifest))
    wanted = {f"{column.name}\n{row}": (row, column.measure) for column, row, _ in pairs}
    found = measured(wanted, (ResultLine.read(each, str(run.results_path)) for each in run.results()))
    return [
        _figure(followed, column, row, experts, found[f"{column.name}\n{row}"], run.manifest)
        for column, row, experts in pairs
    ]


def with_published(rows: Sequence[dict[str, Any]], found: Sequence[Figure]) -> list[dict[str, Any]]:
    """Rows of results, each with the published figures that it stands beside."""
    return [
        {**row, "published": [figure.to_json() for figure in found if figure.row == row["strategy"]]} for row in rows
    ]


def recipe_json(followed: Followed) -> dict[str, Json]:
    """The recipe that a run follows, as `bench --json` has it."""
    recipe = followed.recipe
    return {
        "name": followed.handle,
        "paper": recipe.paper,
        "title": recipe.title,
        "table": recipe.table,
        "url": recipe.url,
        "apart": list(followed.apart),
    }


def show_published(followed: Followed, found: Sequence[Figure]) -> None:
    """Prints published figures beside measured ones, and what can be told from them."""
    out("")
    out(f"{followed.recipe.paper}, {followed.recipe.table}, {followed.set.about}:")
    print_table(
        [
            TableColumn("figure", [_label(figure, found) for figure in found], folds=True),
            TableColumn("published", [_number(figure.published) for figure in found]),
            TableColumn("of [source]", [_whose(figure) for figure in found]),
            TableColumn("measured", [_number(f.measured.value if f.measured else None) for f in found]),
            TableColumn("95 %", [_interval(figure.measured) for figure in found]),
            TableColumn("problems", [str(f.measured.problems if f.measured else 0) for f in found], rank=1),
        ]
    )
    for line in _remarks(found):
        note(line)
    note(f"{followed.recipe.title}: {followed.recipe.url}; more: orchestrator recipes {followed.recipe.name}")


# -- one figure ---------------------------------------------------------------------------


def _pairs(followed: Followed, manifest: Mapping[str, Json]) -> Iterator[tuple[Column, str, list[dict[str, Any]]]]:
    """Columns, with the row or rows that stand for each and the experts that these ask."""
    rows: Any = manifest.get("experts")
    experts: list[dict[str, Any]] = list(rows or ())
    for column in followed.recipe.columns:
        if (spec := followed.columns.get(column.name)) is None:
            continue
        if manifest.get("per_expert"):
            for expert in experts:
                yield column, f"{spec} @ {expert['id']}", [expert]
        else:
            yield column, spec, experts


def _figure(
    followed: Followed,
    column: Column,
    row: str,
    experts: Sequence[Mapping[str, Any]],
    found: Measured | None,
    manifest: Mapping[str, Json],
) -> Figure:
    from orchestrator.evals.recipe_models import closest, is_model

    figures = column.published.get(followed.set.name, {})
    models = [model for model in followed.recipe.models if model.name in figures]
    names = [str(expert["model"] or expert["id"]) for expert in experts]
    model = closest(models, names) if models else None
    why_not = [*_apart(followed, manifest), *_simulated(experts)]
    if column.measure == "none":
        why_not.append("its measure is not taken here")
    if model is None:
        why_not.append("no figure that could be checked is published")
    elif not is_model(model, names):
        why_not.append(f"the figure is of {model.name}")
    return Figure(column, row, model, figures[model.name] if model else None, found, tuple(why_not))


def _apart(followed: Followed, manifest: Mapping[str, Json]) -> Iterator[str]:
    yield from followed.apart
    count, size = manifest.get("problems"), followed.set.size
    if size is not None and count != size and "only some of the problems are solved" not in followed.apart:
        yield f"the set has {counted(count, 'problem')}, the paper's {size}"


def _simulated(experts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    clients = {expert.get("client") for expert in experts}
    if "sim" in clients:
        yield "answers are simulated, so the measured figures say nothing about any model"
    if "scripted" in clients:
        yield "answers are scripted"


# -- in words -----------------------------------------------------------------------------


def _remarks(found: Sequence[Figure]) -> Iterator[str]:
    reasons = list(dict.fromkeys(reason for figure in found for reason in figure.why_not))
    if reasons:
        yield f"not the paper's conditions: {'; '.join(reasons)}"
    wide = [f.measured for f in found if f.measured is not None and f.measured.high - f.measured.low > _WIDE]
    if wide:
        most = max(each.high - each.low for each in wide)
        yield f"intervals are up to {most:.0f} points wide with so few problems: a figure inside one confirms nothing"
    short = [f"{f.column.name} ({f.measured.short})" for f in found if f.measured is not None and f.measured.short]
    if short:
        yield f"problems with fewer candidates than that, missing ones counted as wrong: {', '.join(short)}"
    outside = [figure.column.name for figure in found if figure.inside is False and not figure.why_not]
    if outside:
        yield f"outside of the measured interval: {', '.join(dict.fromkeys(outside))}"


def _label(figure: Figure, found: Sequence[Figure]) -> str:
    """The column's name; with the row's expert where several rows stand for one column."""
    alone = sum(each.column.name == figure.column.name for each in found) == 1
    return figure.column.name if alone else f"{figure.column.name} @ {figure.row.rpartition(' @ ')[2]}"


def _whose(figure: Figure) -> str:
    return "-" if figure.model is None else f"{figure.model.name} [{figure.column.source}]"


def _interval(found: Measured | None) -> str:
    return "-" if found is None else f"{found.low:.1f}-{found.high:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 6)
