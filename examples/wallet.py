"""An agent that solves step after step on one wallet: what one step leaves, the next may spend.

Runs offline with the simulated experts; name experts of your own in EXPERTS.
"""

from __future__ import annotations

import asyncio

from orchestrator import Budget, Orchestrator

EXPERTS = ["sim:all"]
"""For example ["openai/gpt-4o-mini"]; then give the wallet a cap on money too: Budget(usd=0.50)."""

GAMES = ["4 7 8 8", "1 5 5 5", "3 3 8 8", "2 4 10 10"]


async def main() -> None:
    async with Orchestrator(experts=EXPERTS, budget=Budget(calls=120)) as orchestrator:
        for numbers in GAMES:
            # Cheap first; more lines of reasoning only where a checker says that the cheap ones failed.
            for strategy, calls in (("cot", 1), ("plansearch(depth=1)", 30)):
                out = await orchestrator.solve(
                    f"Use {numbers} to make 24", kind="game24", strategy=strategy, budget=Budget(calls=calls)
                )
                if out.chosen_by == "verified":
                    break
            spent = orchestrator.scope.spent
            print(f"{numbers}: {out.answer} ({strategy}, {out.chosen_by}); {spent.calls} calls so far")


if __name__ == "__main__":
    asyncio.run(main())
