"""`--batch`, and what is shown of batches."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cli.batching import CONCURRENCY, by_batch
from orchestrator.cli.recorded import recalled, recorded
from orchestrator.cli.standing import _lane
from orchestrator.cli.team import Source, Team
from orchestrator.engine import Attempt, Engine, MemoryJournal, Seat, SqliteJournal
from orchestrator.errors import ConfigError
from orchestrator.experts.pool import read_pool
from orchestrator.ledger import Amount, Scope
from orchestrator.types import BatchTerms, Expert, Price
from tests.cli.conftest import SCRIPT, Command
from tests.clock import run_virtual
from tests.double import DoubleProcess
from tests.engine.batch_stage import Depot, expert
from tests.engine.stage import Stage, request

HOSTED = Expert("openai/gpt-4o-mini", "openai/gpt-4o-mini")
OTHER = Expert("gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash")
NEAR = Expert("near", "openai/m", api_base="http://127.0.0.1:1/v1")


def test_hosted_experts_go_by_batch_and_the_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    team = by_batch(Team((HOSTED, OTHER, NEAR), {"judge": HOSTED}))
    assert [each.batch for each in team.experts] == [BatchTerms(price=0.5), None, None]
    assert team.roles["judge"].batch == BatchTerms(price=0.5)
    told = capsys.readouterr().err
    assert f"expert '{OTHER.id}' is asked at once: batches of gemini" in told
    assert "expert 'near' is asked at once: its server is near by" in told


def test_a_model_without_a_discount_has_none() -> None:
    old = Expert("old", "openai/gpt-3.5-turbo-1106", price=Price(1.0, 2.0))
    (made,) = by_batch(Team((old,))).experts
    assert made.by_batch.price == old.price


def test_terms_of_a_pool_entry_stay() -> None:
    mine = Expert("a", "openai/m", api_base=NEAR.api_base, batch=BatchTerms("2h"))
    assert by_batch(Team((mine,))).experts == (mine,)


@pytest.mark.parametrize(
    ("began", "share"),
    [(BatchTerms(price=0.7), 0.7), (None, 1.0)],
    ids=["as it began", "by batch only now"],
)
def test_a_resumed_run_knows_what_its_batches_cost(home: Path, began: BatchTerms | None, share: float) -> None:
    pool = home / "pool.toml"
    pool.write_text('[[expert]]\nid = "e"\nmodel = "gpt-3.5-turbo-1106"\nmode = "batch"\n')
    (mine,) = read_pool(pool)
    team = Team((replace(mine, price=Price(1.0, 2.0), batch=began),), sources={"e": Source(pool)})
    (resumed,) = recalled(recorded(team)).experts
    assert resumed.by_batch.price == Price(share, 2.0 * share)


def test_where_nobody_can_be_asked_by_batch_nothing_begins() -> None:
    with pytest.raises(ConfigError, match="no expert can be asked by batch"):
        by_batch(Team((OTHER,)))


@pytest.mark.usefixtures("hurried")
def test_a_bench_by_batch_has_more_problems_in_flight_unless_told(command: Command, sums: str, home: Path) -> None:
    with DoubleProcess(answers={"42": 1.0}, batches={}) as double:
        (home / "pool.toml").write_text(
            f'[[expert]]\nid = "m"\nmodel = "openai/m"\napi_base = "{double.base_url}"\nmode = "batch"\n'
        )
        for name, more in (("r", ()), ("s", ("--concurrency", "7"))):
            done = command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", name, "--json", *more)
            assert done.json["batches"]["calls"] == done.json["results"][0]["calls"]
        told = command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", "t")
        assert told.err.count("by batch: ") == 1
    manifests = [json.loads((home / name / "manifest.json").read_text())["concurrency"] for name in ("r", "s")]
    assert manifests == [CONCURRENCY, 7]


@pytest.mark.usefixtures("hurried")
def test_what_went_by_batch_is_billed_at_half_of_the_price(command: Command, sums: str, home: Path) -> None:
    with DoubleProcess(answers={"42": 1.0}, batches={}) as double:
        (home / "pool.toml").write_text(
            f'[[expert]]\nid = "m"\nmodel = "openai/m"\napi_base = "{double.base_url}"\nmode = "batch"\n'
            "price = { prompt = 1000, completion = 2000 }\n"
        )
        command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", "r", "--yes")
        sent = double.stats()["billed"]
    shown = command("runs", "show", "r", "--json").json
    (row,) = shown["results"]
    half = (sent["prompt"] * 1000 + sent["completion"] * 2000) / 1e6 / 2
    assert half > 0.0
    billed = (row["usd"], row["paid_usd"], shown["billed"]["usd"], shown["batches"]["usd"])
    assert billed == pytest.approx((half,) * 4)


def test_a_batch_that_is_out_is_shown_and_missed_when_its_run_is_deleted(
    command: Command, sums: str, home: Path
) -> None:
    command("bench", sums, "-e", SCRIPT, "-s", "cot", "--run", "r")

    async def leave_one_out() -> None:
        journal = SqliteJournal(home / "r" / "journal.sqlite")
        attempt = Attempt("m", (b"k" * 16, b"l" * 16), (("run",), ("run",)), (Amount(1, 9), Amount(1, 9)), "token")
        await journal.batches.known(await journal.open(attempt), "batch_7")
        await journal.aclose()

    asyncio.run(leave_one_out())
    shown = command("runs", "show", "r").out
    assert "a batch of 2 calls of 'm' is out (batch_7)" in shown
    assert "open calls: 0\n" in shown
    (out,) = command("runs", "show", "r", "--json").json["batches"]["out"]
    assert (out["expert"], out["calls"], out["id"]) == ("m", 2, "batch_7")
    assert "batch batch_7 is still out: its provider bills it" in command("runs", "rm", "r", "--yes").err


def test_it_shows_that_a_batch_is_out_and_since_when() -> None:
    async def main() -> tuple[str, int]:
        depot = Depot(seconds=lambda number: 7200.0)
        async with Engine({"e": expert()}, lambda _: Stage(), MemoryJournal(), batch_of=lambda _: depot) as engine:
            seat = Seat(Scope("run", paid=True))
            async with asyncio.TaskGroup() as group:
                for i in range(3):
                    group.create_task(engine.ask(request(f"q{i}"), seat))
                await asyncio.sleep(4000.0)
                standing = _lane(engine.lane("e"))
            return standing.state, standing.out

    assert run_virtual(main())[0] == ("a batch of 3 calls out for 1:06 h, 0 done", 3)
