"""The journal in memory: what it forgets, so that a process that lives for long does not grow."""

import tracemalloc

from orchestrator.engine import MemoryJournal
from orchestrator.types import Completion, Tokens


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


async def kept(journal: MemoryJournal, number: int, text: str = "") -> None:
    tokens = Tokens(number + 300, number + 400, usd=number / 7)
    completion = Completion(text or f"{number} " + "x" * 5000, tokens=tokens, id=key(number).hex())
    await journal.reply(number, [(key(number), completion)], tokens)


async def test_what_was_longest_not_looked_up_is_forgotten_first() -> None:
    journal = MemoryJournal(most=20_000)
    for number in range(3):
        await kept(journal, number)
    assert journal.get(key(0)) is not None
    await kept(journal, 3)
    assert [number for number in range(4) if journal.get(key(number)) is not None] == [0, 2, 3]


async def test_a_reply_larger_than_all_of_it_is_not_kept_and_costs_no_more_than_the_others() -> None:
    journal = MemoryJournal(most=20_000)
    await kept(journal, 0, "y" * 50_000)
    assert (journal.get(key(0)), journal.held) == (None, 0)
    await kept(journal, 1)
    assert journal.get(key(1)) is not None


async def test_one_that_is_written_again_is_counted_once() -> None:
    journal = MemoryJournal()
    await kept(journal, 0)
    held = journal.held
    await kept(journal, 0)
    assert journal.held == held > 5000


async def test_it_takes_no_more_memory_than_it_says() -> None:
    tracemalloc.start()
    try:
        journal = MemoryJournal(most=2_000_000)
        for number in range(2000):
            await kept(journal, number, f"{number} " + "x" * (number % 3000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.7 * journal.held < taken < 1.1 * journal.most


async def test_links_are_bounded_too() -> None:
    journal = MemoryJournal()
    for number in range(100_001):
        await journal.link(key(number), "other")
    assert (len(journal.links), journal.linked(key(0)), journal.linked(key(100_000))) == (100_000, None, "other")
