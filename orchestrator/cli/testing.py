"""`experts test`: a probe of one expert, and the entry for a pool file that follows from it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from orchestrator.budget import Budget
from orchestrator.errors import ConfigError

from .counting import counted
from .printing import note, out, out_json, visible
from .team import Team, check, team_of

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.types import Expert

    from .probe import Findings


def run_test(name: str, config: Config, budget: str | None, as_json: bool) -> None:
    """Probes the expert and prints what was found.

    Raises:
        ConfigError: the id stands for none or several, or for one that there is nothing to ask over a network.
        BudgetExceeded: not even the first call fits.
        ExpertError: it cannot be asked.
    """
    import asyncio

    from .probe import probe

    expert = _meant(name, team_of(config, reachable=False))
    caps = _caps(expert, budget)
    check(Team((expert,)))
    found = asyncio.run(probe(expert, caps))
    if as_json:
        out_json("expert-test/1", _facts(found))
    else:
        _print(found)
    if expert.headers:
        note("values of headers are masked in the entry: put them in by hand")


def _meant(name: str, team: Team) -> Expert:
    if len(team.experts) != 1:
        raise ConfigError(f"'{name}' stands for {len(team.experts)} experts; test one of them")
    (expert,) = team.experts
    if not expert.networked:
        raise ConfigError(f"expert '{name}' is asked through the client '{expert.client}': no server to test")
    return expert


def _caps(expert: Expert, budget: str | None) -> Budget:
    from orchestrator.ledger import check_prices

    from .probe import CAPS

    if budget is not None:
        caps = Budget.parse(budget, "--budget")
        check_prices(caps, [expert])
        return caps
    return CAPS if expert.price is not None else replace(CAPS, usd=None)


def _facts(found: Findings) -> dict[str, object]:
    from orchestrator.experts.clients import client_of
    from orchestrator.experts.pool import to_toml

    from .experts import price_per_million

    return {
        "id": found.expert.id,
        "model": found.expert.model,
        "client": client_of(found.expert),
        "served_as": found.served_as,
        "seconds": round(found.latency, 3),
        "usage_reported": found.counted,
        "price_per_million": price_per_million(found.expert),
        "max_tokens": found.cap,
        "settings": found.settings,
        "failures": found.failures,
        "spent": asdict(found.spent),
        "pool_entry": to_toml(found.entry),
    }


def _print(found: Findings) -> None:
    """Comments and an entry: the whole of it is a pool file."""
    from orchestrator.experts.pool import to_toml

    for line in _lines(found):
        out(f"# {visible(line, keep='')}")
    out("")
    out(visible(to_toml(found.entry).rstrip()))


def _lines(found: Findings) -> list[str]:
    from orchestrator.experts.clients import client_of

    way = "directly" if client_of(found.expert) == "direct" else "through litellm"
    spent, by = found.spent, _by_result(found)
    served = f", served as {found.served_as}" if found.served_as else ""
    times = counted(len(found.seconds), "request")
    return [
        f"{found.expert.id} answers in {found.latency:.2f} s (median of {times}){served}",
        f"it was asked {way}",
        *(f"{words}: {', '.join(by[result])}" for result, words in _WORDS.items() if result in by),
        *(f"{name} ended in an error: {why}" for name, why in found.failures.items()),
        f"the cap on tokens goes by the name {found.cap}",
        "tokens are counted by the server" if found.counted else "the server does not count tokens: they are estimated",
        _price(found.expert),
        f"this took {counted(spent.calls, 'call')}, {counted(spent.tokens, 'token')}"
        + (f", usd={spent.usd:.6f}" if spent.usd else ""),
    ]


_WORDS = {
    "taken": "takes",
    "refused": "does not take",
    "ignored": "takes without effect",
    "not tried": "not tried, for want of budget",
}


def _by_result(found: Findings) -> dict[str, list[str]]:
    by: dict[str, list[str]] = {}
    for name, result in found.settings.items():
        by.setdefault(result, []).append(name)
    return by


def _price(expert: Expert) -> str:
    from .experts import price_per_million, price_words

    price = price_per_million(expert)
    if price is None:
        return "its price is not known: set price = { prompt = ..., completion = ... } for caps on usd"
    if not any(price.values()):
        return "it is free"
    words = "; ".join(price_words(price, "{prompt:g} for prompts, {completion:g} for completions"))
    return f"price in usd per million tokens: {words}"
