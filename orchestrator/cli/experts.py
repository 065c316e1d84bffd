"""`experts`: whom a pool, a config or `-e` stands for, what is known of them, and what a test of one finds out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator.errors import ConfigError, UnknownName

from . import options as o
from .printing import out_folded, out_json, visible
from .tables import Column, print_table

if TYPE_CHECKING:
    from orchestrator.types import Expert, Price, PriceTier

    from .team import Team


class _ShowsWithoutAsking(TyperGroup):
    """A group in which `show` gets whatever is no command of it: `experts`, `experts NAME`, `experts -e ID`."""

    # The context is of the click that typer brings along or finds, depending on its version.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, args if args and args[0] in known else ["show", *args])


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        cls=_ShowsWithoutAsking,
        rich_markup_mode=None,
        help="List the experts that would be asked; `experts NAME` shows one, `experts test ID` tries one.",
    )
    group.command("show")(show)
    group.command("test")(try_)
    app.add_typer(group, name="experts")


def show(
    name: Annotated[str | None, typer.Argument(help="The id of one of them.")] = None,
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    as_json: o.AsJson = False,
) -> None:
    """List the experts that would be asked, or show one. None of them is asked."""
    from .embedded import announce
    from .team import team_of

    config = o.settled(experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role))
    team = team_of(config, reachable=False)
    if name is not None:
        return _show_one(_named(name, team), team, as_json)
    if as_json:
        out_json("experts/1", {"experts": [facts(each, team) for each in team.everybody]})
        return
    if team.by_default:
        announce(team)
    rows = [facts(each, team) for each in team.everybody]
    columns = [
        Column("expert", [row["id"] for row in rows], folds=True),
        Column("client", [row["client"] for row in rows], rank=3),
        Column("role", [", ".join(row["roles"]) or ("reserve" if row["reserve"] else "-") for row in rows], rank=2),
        Column("key", [_key_words(row) for row in rows]),
        Column("usd per million tokens", [_price_cell(row) for row in rows]),
        Column("context", [str(row["context"] or "-") for row in rows], rank=4),
        *_skills(rows),
        Column("shares memory", [(row["memory"] or {}).get("group", "-") for row in rows], rank=4),
        Column("at", [row["api_base"] or "-" for row in rows], rank=5),
    ]
    print_table([column for column in columns if set(column.cells) != {"-"}])
    for row in rows:
        if row["problem"]:
            out_folded(visible(row["problem"], keep=""))


def _skills(rows: list[dict[str, Any]]) -> list[Column]:
    words = [", ".join(row["skills"]) or "-" for row in rows]
    return [Column("skills", words, folds=True)] if any(row["skills"] for row in rows) else []


def try_(
    name: Annotated[str, typer.Argument(metavar="ID", help="An expert's id: of a pool or config, or as after -e.")],
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="CAPS", help="Of all calls together: calls=16,tokens=16k,usd=0.01 if not given."),
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Ask an expert a few small questions: what its server takes, what it tells, what it costs.

    Prints an entry for a pool file; what was found out stands above it in comments.
    """
    from .testing import run_test

    config = o.settled(experts=[name], pool=pool, api_base=api_base, key_env=key_env)
    run_test(name, config, budget, as_json)


def facts(expert: Expert, team: Team) -> dict[str, Any]:
    """What is known of an expert; no key, no header value."""
    from orchestrator.experts.clients import client_of
    from orchestrator.masking import masked_url

    variables = key_variables(expert)
    source = team.sources.get(expert.id)
    return {
        "id": expert.id,
        "model": expert.model,
        "client": client_of(expert),
        "api_base": expert.api_base and masked_url(expert.api_base),
        "roles": [role for role, each in team.roles.items() if each.id == expert.id],
        "reserve": expert.id in {each.id for each in team.reserves},
        "keys": {name: bool(os.environ.get(name)) for name in variables},
        "price_per_million": price_per_million(expert),
        "context": expert.context,
        "capabilities": capabilities(expert),
        "persona": expert.persona,
        "skills": list(expert.skills),
        "sampling": expert.sampling.to_json(),
        "limits": {name: getattr(expert, name) for name in ("timeout", "rpm", "tpm", "concurrency")},
        "fallback": expert.fallback,
        "memory": _memory(expert, team),
        "batch": _batch(expert),
        "headers": list(expert.headers),
        "file": str(source.file) if source else None,
        "problem": _problem(expert),
    }


def _memory(expert: Expert, team: Team) -> dict[str, Any] | None:
    """What it shares memory with, how many models fit there, and who tells the server."""
    from orchestrator.types import capacity_of

    group = expert.resident_group
    if group is None:
        return None
    return {"group": group, "models": capacity_of(group, team.everybody), "loader": expert.loader}


def _batch(expert: Expert) -> dict[str, Any] | None:
    terms = expert.batch
    if terms is None:
        return None
    return {"window": terms.window, "price": terms.price, "requests": terms.requests, "bytes": terms.size}


def key_variables(expert: Expert) -> tuple[str, ...]:
    """Names of the variables in which this expert's key is looked for; none where it needs no key."""
    from orchestrator.experts.clients import client_of
    from orchestrator.experts.prices import provider_of_bare_model
    from orchestrator.experts.routes import KEYS

    if not expert.networked:
        return ()
    if expert.key_env:
        return (expert.key_env,)
    if expert.api_base or client_of(expert) == "direct":
        return ()
    prefix, slash, _ = expert.model.partition("/")
    return KEYS.get(prefix if slash else provider_of_bare_model(expert.model) or "", ())


def capabilities(expert: Expert) -> dict[str, bool | str | None]:
    """What the expert's server takes, as declared or as the cost map has it; `None`: the first calls will tell."""
    from orchestrator.experts.capabilities import SETTINGS

    return {name: expert.capabilities.get(name) for name in SETTINGS} if expert.networked else {}


def _named(name: str, team: Team) -> Expert:
    for expert in team.everybody:
        if expert.id == name:
            return expert
    raise UnknownName("expert", name, [expert.id for expert in team.everybody])


def _show_one(expert: Expert, team: Team, as_json: bool) -> None:
    found = facts(expert, team)
    if as_json:
        out_json("expert/1", found)
        return
    shown = {
        **found,
        "keys": _key_words(found),
        "price_per_million": _price_words(found),
        "capabilities": _capability_words(found["capabilities"]),
        "limits": {key: value for key, value in found["limits"].items() if value is not None},
    }
    for name, value in shown.items():
        if value not in (None, [], {}, "", False):
            out_folded(f"{name.replace('_', ' ')}: {visible(_words(value), keep='')}")


def _words(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{key}={item}" for key, item in value.items())
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _key_words(row: dict[str, Any]) -> str:
    keys: dict[str, bool] = row["keys"]
    if not keys:
        return "not needed" if row["problem"] is None else "-"
    held = [name for name, there in keys.items() if there]
    return f"{held[0]} is set" if held else f"{next(iter(keys))} is not set"


def _capability_words(known: dict[str, bool | str | None]) -> str:
    if not known:
        return ""
    told = [f"{name}={value}" for name, value in known.items() if value is not None]
    return ", ".join([*told, f"{'the rest ' if told else ''}found out with the first calls"])


def _price_words(row: dict[str, Any]) -> str:
    price = row["price_per_million"]
    if price is None:
        return "not known"
    return "free" if not any(price.values()) else "; ".join(price_words(price, "{prompt:g} + {completion:g}"))


def _price_cell(row: dict[str, Any]) -> str:
    """The price, and up to which it rises with the length of a prompt."""
    price = row["price_per_million"]
    if not price or not any(price.values()):
        return _price_words(row)
    highest = price.get("tiers", [price])[-1]
    cell = " + ".join(_range(price[kind], highest[kind]) for kind in ("prompt", "completion"))
    return f"{cell}, {price['per_request']:g} each" if "per_request" in price else cell


def _range(usd: float, most: float) -> str:
    return f"{usd:g}" if most == usd else f"{usd:g}-{most:g}"


def price_words(price: dict[str, Any], tokens: str) -> list[str]:
    """A price in words, and those above some length of a prompt; `tokens` is the form of what tokens cost."""
    longer = [f"above {tier['above']:,} tokens {tokens.format(**tier)}" for tier in price.get("tiers", ())]
    fee = [f"{price['per_request']:g} per request"] if "per_request" in price else []
    return [tokens.format(**price), *longer, *fee]


def price_per_million(expert: Expert) -> dict[str, Any] | None:
    """US dollars for a million tokens, and of a request if it costs something; `None`: not known."""
    price = expert.price
    if price is None:
        return None
    found: dict[str, Any] = _per_million(price)
    if price.tiers:
        tiers = sorted(price.tiers, key=lambda tier: tier.above)
        found["tiers"] = [{"above": tier.above, **_per_million(tier)} for tier in tiers]
    if price.request:
        found["per_request"] = price.request
    return found


def _per_million(rates: Price | PriceTier) -> dict[str, float]:
    return {"prompt": round(rates.prompt * 1e6, 9), "completion": round(rates.completion * 1e6, 9)}


def _problem(expert: Expert) -> str | None:
    """What would keep it from being asked."""
    from orchestrator.experts.routes import check

    try:
        check(expert)
    except ConfigError as error:
        return str(error)
    return None
