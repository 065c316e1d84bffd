"""`recipes`: tables of papers that `bench --recipe` runs again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .counting import counted
from .printing import out, out_entry, out_folded, out_json
from .tables import Column as TableColumn
from .tables import print_table

if TYPE_CHECKING:
    from orchestrator.evals.recipe import Column, Model, PaperSet, Recipe


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(recipes)


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="One of them, or NAME/SET: models, sets, columns and figures.")
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """List the tables of papers that can be run again, or show one."""
    from orchestrator.evals import recipe

    if name is not None:
        found = _found(name)
        return out_json("recipe/1", _json(found)) if as_json else _show(found)
    if as_json:
        return out_json("recipes/1", {"recipes": [_summary(each) for each in recipe.recipes()]})
    for each in recipe.recipes():
        out_entry(each.name, f"{each.about} ({each.paper}, {each.table})")


# -- one recipe ---------------------------------------------------------------------------


def _found(handle: str) -> Recipe:
    """The recipe of that name; of `NAME/SET` what is about that set."""
    from orchestrator.evals import recipe

    name, slash, set_ = handle.partition("/")
    found = recipe.read(name)
    if not slash:
        return found
    kept = found.set_named(set_)
    columns = [
        each.model_copy(update={"published": {name: of for name, of in each.published.items() if name == set_}})
        for each in found.columns_on(set_)
    ]
    return found.model_copy(update={"sets": (kept,), "columns": tuple(columns)})


def _show(recipe: Recipe) -> None:
    out_folded(f"{recipe.name}: {recipe.about}")
    out_folded(f"paper: {recipe.title} ({recipe.paper}), {recipe.table}, {recipe.url}")
    out_folded(f"sampling: {recipe.sampling}; {recipe.shots or 'no'} worked examples")
    out_folded(f"figures: {recipe.estimator}")
    for model in recipe.models:
        out_folded(f"model: {_model(model)}")
    for each in recipe.sets:
        out("")
        out_folded(f"set {each.name}: {_set(each)}")
        out_folded(f"  orchestrator bench FILE --recipe {_handle(recipe, each)} -e {_example(recipe)}")
        _figures(recipe, each)
    out("")
    out("strategies:")
    for column in recipe.columns:
        for line in _column(column):
            out_folded(line, indent=6)
    out("what is known to differ here:")
    for line in recipe.departs:
        out_folded(f"  {line}")


def _model(model: Model) -> str:
    ids = " with ".join(model.ids) or ("no longer to be had" if model.retired else "nobody can be asked for it")
    gone = f"; retired {model.retired}" if model.retired else ""
    heirs = f"; in its place: {' or '.join(model.successors)}" if model.successors else ""
    return f"{model.name}: {ids}{gone}{heirs}"


def _set(each: PaperSet) -> str:
    options = ",".join(f"{key}={value}" for key, value in each.options.items())
    parts = [
        each.about,
        *([counted(each.size, "problem")] if each.size else []),
        *([f"options {options}"] if options else []),
        *([f"part {each.part}"] if each.part else []),
        f"from {each.where}",
    ]
    return "; ".join(parts)


def _figures(recipe: Recipe, paper: PaperSet) -> None:
    """The published table: a row for each column of the paper's that has figures on this set."""
    columns = [column for column in recipe.columns_on(paper.name) if column.published]
    models = [m for m in recipe.models if any(m.name in column.published[paper.name] for column in columns)]
    if not columns:
        return out("  no figure that could be checked is published")
    print_table(
        [
            TableColumn("figure", [column.name for column in columns], folds=True),
            TableColumn("source", [column.source for column in columns], rank=1),
            *(
                TableColumn(m.name, [_cell(c, paper, m) for c in columns], rank=2 * (i > 2))
                for i, m in enumerate(models)
            ),
        ]
    )


def _column(column: Column) -> Iterator[str]:
    yield f"  {column.name}: -s '{column.strategy}', counted as {column.measure}"
    if column.needs is not None:
        yield f"      needs {column.needs}, made with: {column.prepare}"
    if column.note:
        yield f"      {column.note}"


def _cell(column: Column, paper: PaperSet, model: Model) -> str:
    value = column.published[paper.name].get(model.name)
    shown = "-" if value is None else f"{value:g}"
    return shown if value is None or "." in shown else f"{value:.1f}"


def _handle(recipe: Recipe, each: PaperSet) -> str:
    from orchestrator.evals.recipe import read

    return recipe.name if len(read(recipe.name).sets) == 1 else f"{recipe.name}/{each.name}"


def _example(recipe: Recipe) -> str:
    """Whom to ask: the paper's first model, or whoever is in its place; another only where that has neither."""
    asked = ((model.successors[:1] if model.retired else model.ids) for model in recipe.models)
    return next((" -e ".join(ids) for ids in asked if ids), "MODEL")


def _summary(recipe: Recipe) -> dict[str, Any]:
    sets = [each.name for each in recipe.sets]
    about = {"name": recipe.name, "about": recipe.about, "paper": recipe.paper, "table": recipe.table}
    return {**about, "title": recipe.title, "url": recipe.url, "sets": sets}


def _json(recipe: Recipe) -> dict[str, Any]:
    dumped: dict[str, Any] = recipe.model_dump(mode="json")
    return dumped
