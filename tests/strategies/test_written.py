"""Tests that a model writes: who writes them, how often, and what of it is a test."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestrator.errors import ConnectionLost, ExpertError, VerifierError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.sandbox import Sandbox
from orchestrator.strategies._inside import read
from orchestrator.strategies._written import Writing, WrittenTests, entry_of, written_tests
from orchestrator.types import Example, Message, Problem
from tests.cycling import cycling
from tests.strategies.judging import last_words, named, running

from .writing import DOUBLE, expecting


async def found(sandbox: Sandbox, *replies: str, writing: Writing | None = None) -> WrittenTests:
    asked = writing or Writing(samples=len(replies))
    async with running(sandbox, DOUBLE, cycling(*replies)) as run:
        return await written_tests(DOUBLE, run, asked)


class TestReading:
    async def test_equal_tests_are_one_that_counts_as_often_as_it_was_written(self, sandbox: Sandbox) -> None:
        first, second = (
            "assert double(1) == 2\nassert double( 1 )==2, 'one'",
            "assert double(2)==4\nassert double(1) == 2",
        )
        read = await found(sandbox, first, second)
        times = {test.source: test.times for test in read.tests}
        assert times == {"assert double(1) == 2": 3, "assert double(2) == 4": 1}
        assert read.entry == "double"

    async def test_of_each_reply_the_first_few_count(self, sandbox: Sandbox) -> None:
        many = expecting(*((i, 2 * i) for i in range(9)))
        assert len((await found(sandbox, many)).tests) == 5
        assert len((await found(sandbox, many, writing=Writing(1, per_sample=2))).tests) == 2

    async def test_what_is_no_test_is_left_out(self, sandbox: Sandbox) -> None:
        broken = "assert double(1) ==\nassert that double(x) is good\nassert double\nassert double(2) == y"
        assert (await found(sandbox, f"{broken}\nassert double(3) == 6")).sources == ("assert double(3) == 6",)

    async def test_arguments_of_the_calls_are_data(self, sandbox: Sandbox) -> None:
        read = await found(
            sandbox,
            "assert double(1) == 2\nassert double((1, [2.5])) is None\nassert double(x=1) == 2",
            "assert double({1: {'a'}}) == 2\nassert double(double(1)) == 4\nassert double(-1) == -2",
        )
        args = [test.args for test in read.tests]
        assert args == [(1,), ((1, [2.5]),), None, ({1: {"a"}},), None, (-1,)]
        assert read.inputs(2) == ((1,), ((1, [2.5]),))

    async def test_inputs_that_most_tests_use_come_first(self, sandbox: Sandbox) -> None:
        read = await found(sandbox, "assert double(1) == 2\nassert double(2) == 4\nassert double(2) == 5")
        assert read.inputs(9) == ((2,), (1,))

    async def test_nothing_that_is_a_test_is_said(self, sandbox: Sandbox) -> None:
        with pytest.raises(VerifierError, match="nothing that was written for problem p is a test"):
            await found(sandbox, "I would rather not.")
        with pytest.raises(VerifierError, match="is a test of its function"):
            await found(sandbox, "assert double(1) == (")

    async def test_names_of_the_prompt_may_be_used(self, sandbox: Sandbox) -> None:
        prompt = "import math\n\ndef double(x):\n    '''Twice x.'''\n"
        problem = replace(DOUBLE, messages=(Message("user", prompt),))
        async with running(sandbox, problem, cycling("assert double(math.pi) > 6\nassert double(np.pi) > 6")) as run:
            assert (await written_tests(problem, run, Writing(1))).sources == ("assert double(math.pi) > 6",)

    async def test_without_a_name_it_is_the_one_that_most_tests_call(self, sandbox: Sandbox) -> None:
        problem = replace(DOUBLE, meta={})
        text = "assert len(twice([1])) == 2\nassert twice(1) == 2\nassert helper(1) == 2"
        async with running(sandbox, problem, cycling(text)) as run:
            read = await written_tests(problem, run, Writing(1))
        assert (read.entry, len(read.tests)) == ("twice", 2)


class TestAsking:
    async def test_once_for_all_who_want_them(self, sandbox: Sandbox) -> None:
        expert = cycling(expecting((1, 2)))
        async with running(sandbox, DOUBLE, expert) as run, asyncio.TaskGroup() as group:
            wanted = [group.create_task(written_tests(DOUBLE, run, Writing(3))) for _ in range(4)]
        assert len({id(task.result()) for task in wanted}) == 1
        assert [r.sample_index for r in expert.requests] == [0, 1, 2]
        assert {r.labels.purpose for r in expert.requests} == {"tests"}

    async def test_the_prompt_names_the_function_and_wants_no_solution(self, sandbox: Sandbox) -> None:
        expert = cycling(expecting((1, 2)))
        async with running(sandbox, DOUBLE, expert) as run:
            await written_tests(DOUBLE, run, Writing(1, per_sample=7))
        prompt = last_words(expert.requests[0])
        assert "gives twice a number" in prompt
        assert "`double`" in prompt
        assert "at most 7 assert statements" in prompt
        sampling = expert.requests[0].sampling
        assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.8, 0.95, 2048)

    async def test_all_experts_write_in_turn(self, sandbox: Sandbox) -> None:
        pool = [cycling(expecting((i, 2 * i))) for i in range(2)]
        values = [named(expert, f"e{i}") for i, expert in enumerate(pool)]
        async with running(sandbox, DOUBLE, *values) as run:
            read = await written_tests(DOUBLE, run, Writing(5))
        assert [[r.sample_index for r in expert.requests] for expert in pool] == [[0, 1, 2], [0, 1]]
        assert [test.times for test in read.tests] == [3, 2]

    async def test_or_the_one_of_the_role_alone(self, sandbox: Sandbox) -> None:
        pool, given = [cycling(expecting((1, 2))) for _ in range(2)], cycling(expecting((3, 6)))
        values = [named(expert, f"e{i}") for i, expert in enumerate(pool)]
        async with running(sandbox, DOUBLE, *values, roles={"tests": named(given, "given")}) as run:
            read = await written_tests(DOUBLE, run, Writing(4))
        assert ([len(expert.requests) for expert in pool], len(given.requests)) == ([0, 0], 4)
        assert read.sources == ("assert double(3) == 6",)

    async def test_who_is_lost_costs_a_sample(self, sandbox: Sandbox) -> None:
        lost = ScriptedExpert(lambda r: "", failures=dict.fromkeys(range(99), ConnectionLost("gone", expert="lost")))
        async with running(sandbox, DOUBLE, named(lost, "lost"), named(cycling(expecting((1, 2))), "there")) as run:
            read = await written_tests(DOUBLE, run, Writing(4))
        assert [test.times for test in read.tests] == [2]

    async def test_if_all_are_lost_it_is_said_why(self, sandbox: Sandbox) -> None:
        lost = ScriptedExpert(lambda r: "", failures=dict.fromkeys(range(99), ConnectionLost("gone", expert="lost")))
        async with running(sandbox, DOUBLE, lost) as run:
            with pytest.raises(ExpertError, match="gone"):
                await written_tests(DOUBLE, run, Writing(2))

    @pytest.mark.parametrize(
        ("problem", "says"),
        [
            (Problem("q", (), "number"), "problem q is of kind number"),
            (Problem("q", (), "code", examples=(Example("1", "2"),)), "problem q asks for a whole program"),
        ],
    )
    async def test_only_functions_are_tested(self, sandbox: Sandbox, problem: Problem, says: str) -> None:
        async with running(sandbox, problem, cycling(expecting((1, 2)))) as run:
            with pytest.raises(VerifierError, match=says):
                await written_tests(problem, run, Writing(1))

    @pytest.mark.parametrize("fields", [{"samples": 0}, {"per_sample": 0}])
    def test_none_is_not_possible(self, fields: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            Writing(**fields)


def test_the_name_of_the_function_is_told_by_the_problem() -> None:
    examples = (Example("1", "2", entry="twice"),)
    assert entry_of(DOUBLE) == "double"
    assert entry_of(Problem("p", (), "code", examples=examples)) == "twice"
    assert entry_of(Problem("p", (), "code", meta={"entry_point": "a b"})) is None


@pytest.mark.parametrize(
    "text", ["assert f(" + "(" * 500 + ")" * 500 + ")", "assert f(\0)", "assert f('\ud800')", "x", ""]
)
def test_nothing_odd_is_read(text: str) -> None:
    assert read([text, "assert f(1)"], "f", [])[1][1] == ("assert f(1)", (1,))
