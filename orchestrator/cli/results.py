"""The table of results, and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.types import Json, Tokens

from .counting import counted
from .printing import out_folded, out_json, visible
from .tables import Column, percent, print_table

Row = Mapping[str, Json]


def show_results(
    run: str,
    set_: str,
    problems: int,
    rows: Sequence[Row],
    isolation: Json,
    as_json: bool,
    more: Mapping[str, Json] | None = None,
) -> None:
    """Prints one row for each strategy.

    Args:
        isolation: how far programs were kept apart; null where none was run.
        more: what else the JSON object has.
    """
    if as_json:
        found = {
            "run": run,
            "set": set_,
            "problems": problems,
            "results": list(rows),
            "isolation": isolation,
            **(more or {}),
        }
        out_json("bench/1", found)
    elif rows:
        print_table(columns_of(rows))


def show_loads(loads: Mapping[str, int]) -> None:
    """Tells how often models that share memory were loaded."""
    each = ", ".join(f"{visible(expert, keep='')} {count}" for expert, count in loads.items())
    out_folded(f"models loaded {counted(sum(loads.values()), 'time')}: {each}")


def billed_line(billed: Tokens) -> str:
    """What the providers billed for calls that brought replies, in words."""
    parts = [f"{billed.cached_prompt} of them read from a cache"] if billed.cached_prompt else []
    parts += [f"{billed.written_prompt} written into one"] if billed.written_prompt else []
    cached = f" ({', '.join(parts)})" if parts else ""
    prompt = counted(billed.prompt, "prompt token")
    return f"billed: {prompt}{cached}, {billed.completion} of replies, {billed.usd:.4f} usd"


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The columns in reading order, each with how soon a narrow terminal does without it."""

    def column(title: str, cell: Callable[[Row], str], rank: int = 0, wanted: bool = True) -> list[Column]:
        return [Column(title, [cell(row) for row in rows], rank=rank)] if wanted else []

    def count(title: str, name: str, rank: int, only_if_any: bool = False) -> list[Column]:
        wanted = not only_if_any or any(row.get(name) for row in rows)
        return column(title, lambda row: _number(row[name]), rank, wanted)

    return [
        Column("strategy", [str(row["strategy"]) for row in rows], folds=True),
        *column("accuracy", lambda row: percent(row["accuracy"])),
        *column("95 %", _interval),
        *count("solved", "solved", 0),
        *column("micro", lambda row: percent(_inside(row, "score", "micro")), 0, any("score" in row for row in rows)),
        *column("macro", lambda row: percent(_inside(row, "score", "macro")), 0, any("score" in row for row in rows)),
        *column("flagged", _flags, 5, any(_flags(row) for row in rows)),
        *count("ungraded", "ungraded", 1, only_if_any=True),
        *count("answered", "answered", 4),
        *count("unparsed", "unparsed", 5),
        *count("truncated", "truncated", 5),
        *count("refused", "refused", 5, only_if_any=True),
        *count("cut by budget", "budget", 3, only_if_any=True),
        *count("fallbacks", "fallbacks", 3, only_if_any=True),
        *count("errors", "errors", 0),
        *column("oracle", lambda row: percent(row["oracle"]), 6),
        *column("vendi", lambda row: _number(_inside(row, "diversity", "vendi")), 7),
        *count("calls", "calls", 0),
        *count("cached", "cached_calls", 8, only_if_any=True),
        *column("tokens", lambda row: _number(_tokens(row)), 2),
        *column("% cached", _cached_share, 8, any(row.get("cached_prompt_tokens") for row in rows)),
        *column("usd", lambda row: f"{_float(row['usd']):.4f}"),
        *column("paid usd", lambda row: f"{_float(row['paid_usd']):.4f}", 9, any(row["paid_usd"] for row in rows)),
        *column("seconds", lambda row: f"{_float(row['seconds']):.1f}", 3),
    ]


def _interval(row: Row) -> str:
    match row["ci95"]:
        case [int() | float() as low, int() | float() as high] if row["graded"]:
            return f"{100 * low:.1f}-{100 * high:.1f}"
    return "-"


def _inside(row: Row, name: str, key: str) -> Json:
    inner: Any = row.get(name, {})
    value: Json = inner.get(key)
    return value


def _flags(row: Row) -> str:
    """How many answers are odd, and in what way."""
    flags: Any = _inside(row, "score", "flags") or {}
    return ", ".join(f"{name}: {count}" for name, count in flags.items())


def _cached_share(row: Row) -> str:
    """Of the prompt tokens, how many the providers read from their caches."""
    prompt = _float(row["prompt_tokens"])
    return percent(_float(row["cached_prompt_tokens"]) / prompt if prompt else None)


def _tokens(row: Row) -> float:
    return _float(row["prompt_tokens"]) + _float(row["completion_tokens"])


def _float(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _number(value: Json) -> str:
    if value is None:
        return "-"
    number = _float(value)
    return str(int(number)) if number.is_integer() else f"{number:.2f}"
