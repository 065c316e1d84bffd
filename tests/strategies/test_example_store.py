"""Worked examples: how they are made, what their file holds, and what is said of one that does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Budget, BudgetExceeded, ConfigError, ContentFiltered, Message, Orchestrator, Problem, Request
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.lessons import Lesson
from orchestrator.protocols import Prepared, Prepares
from orchestrator.registry import build
from orchestrator.strategies._example_store import Chain, Store, WorkedExample, read_store
from orchestrator.strategies.medprompt import Medprompt
from orchestrator.types import LETTERS, Completion, Estimate, Expert, packed, unpacked
from tests.clock import run_virtual

from .planning import wide

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
TABLE = {
    "schema": "orchestrator/examples/1",
    "embedder": None,
    "seen": ["00"],
    "examples": [
        {
            "kind": "choice",
            "question": "Q?",
            "options": ["x", "y"],
            "answer": "B",
            "chains": [{"text": "(B)", "order": [1, 0]}],
        }
    ],
}


def lesson(country: str) -> Lesson:
    options = tuple(sorted(CAPITALS.values()))
    problem = Problem(country, (Message("user", f"What is the capital of {country}?"),), "choice", options)
    return Lesson(problem, LETTERS[options.index(CAPITALS[country])])


LESSONS = [lesson(country) for country in CAPITALS]


def shown(request: Request) -> list[str]:
    lines = request.messages[-1].text.splitlines()
    return [line[4:] for line in lines if line[:1] == "(" and line[2:4] == ") "]


def country_of(request: Request) -> str:
    return next(country for country in CAPITALS if country in request.messages[-1].text)


def knows(*countries: str) -> Callable[[Request], str]:
    """Names the right capital of these countries, and of others a wrong one."""

    def answer(request: Request) -> str:
        country = country_of(request)
        right = CAPITALS[country]
        city = right if country in countries else next(other for other in shown(request) if other != right)
        return f"The capital of {country} is {city}. The answer is ({LETTERS[shown(request).index(city)]})."

    return answer


async def prepared(
    spec: str, *experts: ScriptedExpert | Expert, lessons: Sequence[Lesson] = LESSONS, **given: Any
) -> str:
    values = [expert.value if isinstance(expert, ScriptedExpert) else expert for expert in experts]
    async with Orchestrator(experts=values) as o:
        return await o.prepare(spec, lessons, **given)


def examples(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["examples"]
    return found


class TestPreparing:
    async def test_chains_that_reach_the_right_answer_are_kept_and_others_dropped(self) -> None:
        expert = ScriptedExpert(knows("France", "Peru"), id="e")
        text = await prepared("medprompt", expert)
        assert [(one["question"], one["answer"]) for one in examples(text)] == [
            ("What is the capital of France?", "C"),
            ("What is the capital of Peru?", "A"),
        ]
        assert examples(text)[0]["chains"] == [
            {"expert": "e", "text": "The capital of France is Paris. The answer is (C)."}
        ]
        assert len(expert.requests) == 4

    async def test_all_problems_are_remembered_those_without_a_right_chain_too(self) -> None:
        text = await prepared("medprompt", ScriptedExpert(knows("France")))
        assert set(json.loads(text)["seen"]) == {one.mark for one in LESSONS}

    async def test_chains_are_asked_for_without_examples_and_all_at_once(self) -> None:
        expert = ScriptedExpert(knows(*CAPITALS), latency=1.0)
        await prepared("medprompt", wide(expert))
        assert all(len(request.messages) == 1 for request in expert.requests)
        assert {request.labels.purpose for request in expert.requests} == {"answer"}

    def test_it_is_as_deep_as_one_reply(self) -> None:
        expert = ScriptedExpert(knows(*CAPITALS), latency=1.0)
        _, seconds = run_virtual(prepared("medprompt(prepared_orders=3)", wide(expert)))
        assert seconds == 1.0

    async def test_several_orders_give_chains_that_speak_of_their_own(self) -> None:
        expert = ScriptedExpert(knows(*CAPITALS))
        text = await prepared("medprompt(prepared_orders=4)", expert)
        assert len(expert.requests) == 16
        for one in examples(text):
            chains = one["chains"]
            assert "order" not in chains[0]
            assert len({tuple(chain.get("order", range(4))) for chain in chains}) == len(chains) > 1
            for chain in chains:
                order = chain.get("order", [0, 1, 2, 3])
                letter = chain["text"].split("answer is (")[1][0]
                assert one["options"][order[LETTERS.index(letter)]] in chain["text"]

    async def test_every_expert_writes_chains_of_its_own(self) -> None:
        pool = [ScriptedExpert(knows("France"), id="e0"), ScriptedExpert(knows("Italy"), id="e1")]
        text = await prepared("medprompt", *pool)
        assert [[chain["expert"] for chain in one["chains"]] for one in examples(text)] == [["e0"], ["e1"]]
        assert [len(expert.requests) for expert in pool] == [4, 4]

    async def test_a_chain_that_its_cap_cut_is_dropped_though_it_is_right(self) -> None:
        def cut(request: Request) -> Completion:
            finish = "length" if country_of(request) == "France" else "stop"
            return Completion(knows(*CAPITALS)(request), finish=finish)  # type: ignore[arg-type]

        assert len(examples(await prepared("medprompt", ScriptedExpert(cut)))) == 3

    async def test_equal_chains_are_kept_once(self) -> None:
        lessons = [Lesson(Problem("n", (Message("user", "2 + 2?"),), "number"), "4")]
        text = await prepared(
            "medprompt(prepared_orders=3)", ScriptedExpert(lambda _: "The answer is 4"), lessons=lessons
        )
        assert examples(text) == [
            {
                "kind": "number",
                "question": "2 + 2?",
                "answer": "4",
                "chains": [{"expert": "scripted", "text": "The answer is 4"}],
            }
        ]

    async def test_a_program_is_kept_by_what_its_checker_says_with_all_that_it_was_shown(self) -> None:
        async def check(program: str) -> bool:
            return "a + b" in program

        problem = Problem("c", (Message("user", "Write add."),), "code", public_tests=("assert add(1, 1) == 2",))
        expert = ScriptedExpert(
            lambda request: f"```python\ndef add(a, b):\n    return a {'+-'[request.sample_index]} b\n```"
        )
        text = await prepared("medprompt(prepared_orders=2)", expert, lessons=[Lesson(problem, check=check)])
        (one,) = examples(text)
        assert (one["question"], "assert add(1, 1) == 2" in one["shown"]) == ("Write add.", True)
        assert [("a + b" in chain["text"]) for chain in one["chains"]] == [True]

    async def test_nothing_right_is_said(self) -> None:
        with pytest.raises(ConfigError, match="no reply to any of 4 problems reached the right answer"):
            await prepared("medprompt", ScriptedExpert(knows()))

    async def test_where_every_call_failed_that_is_said_and_not_that_nothing_was_right(self) -> None:
        def lost(_: Request) -> str:
            raise ContentFiltered("no word of it")

        with pytest.raises(ContentFiltered, match="no word of it"):
            await prepared("medprompt", ScriptedExpert(lost), ScriptedExpert(lost, id="other"))

    async def test_a_problem_to_which_no_reply_came_is_asked_again_another_time(self, tmp_path: Path) -> None:
        def shy(request: Request) -> str:
            if country_of(request) == "Peru":
                raise ContentFiltered("no word of it")
            return knows("France")(request)

        path = tmp_path / "examples.json"
        path.write_text(await prepared("medprompt", ScriptedExpert(shy)))
        assert set(json.loads(path.read_text())["seen"]) == {one.mark for one in LESSONS[:3]}
        expert = ScriptedExpert(knows(*CAPITALS))
        text = await prepared(f'medprompt(store="{path}")', expert)
        assert [country_of(request) for request in expert.requests] == ["Peru"]
        assert len(examples(text)) == 2

    async def test_a_cap_ends_it(self) -> None:
        with pytest.raises(BudgetExceeded):
            await prepared("medprompt", ScriptedExpert(knows(*CAPITALS)), budget=Budget(calls=2))

    async def test_more_problems_are_added_to_a_file_and_known_ones_not_asked_again(self, tmp_path: Path) -> None:
        path = tmp_path / "examples.json"
        path.write_text(await prepared("medprompt", ScriptedExpert(knows("France")), lessons=LESSONS[:2]))
        expert = ScriptedExpert(knows(*CAPITALS))
        text = await prepared(f'medprompt(store="{path}")', expert)
        assert [country_of(request) for request in expert.requests] == ["Spain", "Peru"]
        assert [one["question"][23:-1] for one in examples(text)] == ["France", "Spain", "Peru"]
        assert set(json.loads(text)["seen"]) == {one.mark for one in LESSONS}

    async def test_an_embedder_gives_the_kept_questions_vectors_under_its_models_name(self) -> None:
        embedder = ScriptedExpert(lambda r: packed([(float(len(m.text)), 1.0) for m in r.messages]), id="embed-model")
        expert = ScriptedExpert(knows("France", "Peru"))
        text = await prepared("medprompt", expert, roles={"embedder": embedder.value})
        assert json.loads(text)["embedder"] == "embed-model"
        (request,) = embedder.requests
        assert [message.text for message in request.messages] == [one["question"] for one in examples(text)]
        assert all(len(unpacked(one["vector"])[0]) == 2 for one in examples(text))

    async def test_vectors_of_two_embedders_are_not_mixed(self, tmp_path: Path) -> None:
        path = tmp_path / "examples.json"
        path.write_text(await prepared("medprompt", ScriptedExpert(knows("France")), lessons=LESSONS[:2]))
        embedder = ScriptedExpert(lambda r: packed([(1.0,) for _ in r.messages]), id="embed-model")
        with pytest.raises(ConfigError, match="vectors of no embedder, new ones would have those of embed-model"):
            await prepared(
                f'medprompt(store="{path}")', ScriptedExpert(knows(*CAPITALS)), roles={"embedder": embedder.value}
            )

    async def test_words_alone_leave_no_vectors_in_a_file_that_had_some(self, tmp_path: Path) -> None:
        path = tmp_path / "examples.json"
        embedder = ScriptedExpert(lambda r: packed([(1.0, 0.0) for _ in r.messages]), id="embed-model")
        roles = {"embedder": embedder.value}
        path.write_text(await prepared("medprompt", ScriptedExpert(knows("France")), lessons=LESSONS[:1], roles=roles))
        spec = f'medprompt(store="{path}", retriever=words)'
        path.write_text(await prepared(spec, ScriptedExpert(knows(*CAPITALS)), roles=roles))
        store = read_store(path)
        assert (store.embedder, {one.vector for one in store.examples}) == (None, {None})
        assert (len(store.examples), len(embedder.requests)) == (4, 1)

    async def test_nothing_new_changes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "examples.json"
        path.write_text(await prepared("medprompt", ScriptedExpert(knows("France"))))
        expert = ScriptedExpert(knows(*CAPITALS))
        assert await prepared(f'medprompt(store="{path}")', expert) == path.read_text()
        assert expert.requests == []

    async def test_a_second_look_drops_chains_that_came_out_right_by_mistake(self) -> None:
        def answer(request: Request) -> str:
            if request.labels.purpose == "critic":
                return f"Looked through. [{'Incorrect' if 'Peru' in request.messages[-1].text else 'Correct'}]"
            return knows("France", "Peru")(request)

        expert = ScriptedExpert(answer)
        text = await prepared("medprompt(second_look=critic)", expert)
        assert [one["question"][23:-1] for one in examples(text)] == ["France"]
        assert len(expert.requests) == 6

    async def test_a_second_look_that_says_nothing_vouches_for_nothing(self) -> None:
        def answer(request: Request) -> str:
            return "Hm." if request.labels.purpose == "critic" else knows("France")(request)

        with pytest.raises(ConfigError, match="no reply"):
            await prepared("medprompt(second_look=critic)", ScriptedExpert(answer))

    def test_what_it_takes(self) -> None:
        assert Medprompt(prepared_orders=2).preparation(100, 3) == Estimate(600, 600.0, 604, 2)
        looked = Medprompt(second_look=build("verifiers", "critic")).preparation(10, 1)
        assert (looked.least, looked.expected, looked.most, looked.depth) == (10, 20.0, 31, 3)
        assert isinstance(Medprompt(), Prepares)


class TestFile:
    def written(self, tmp_path: Path, table: object) -> Path:
        path = tmp_path / "examples.json"
        path.write_text(table if isinstance(table, str) else json.dumps(table), encoding="utf-8")
        return path

    def test_it_comes_back_as_it_was(self, tmp_path: Path) -> None:
        store = Store(
            (
                WorkedExample(
                    "choice", "Größte?", ("x", "y"), "B", (Chain("(B)", "e", (1, 0)), Chain("so (B)")), "", (0.6, 0.8)
                ),
                WorkedExample("code", "Write f.", (), "f", (Chain("```"),), "Write f.\n\nassert f()", (1.0, 0.0)),
            ),
            frozenset({"a", "b"}),
            "embed-model",
        )
        again = read_store(self.written(tmp_path, store.to_json()))
        assert again.seen == store.seen
        for ours, theirs in zip(again.examples, store.examples, strict=True):
            assert ours.vector == pytest.approx(theirs.vector)
            assert (ours.question, ours.chains, ours.shown) == (theirs.question, theirs.chains, theirs.shown)
        assert again.to_json() == store.to_json()

    def test_what_was_seen_is_told(self, tmp_path: Path) -> None:
        made = Medprompt(self.written(tmp_path, TABLE))
        assert isinstance(made, Prepared)
        assert (set(made.seen), set(Medprompt().seen)) == ({"00"}, set())

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"schema": "other"}, r"examples.json: not a file of worked examples; make one with `orchestrator prepare"),
            ({"examples": 3}, r"examples.json: examples should be a list"),
            ({"examples": [3]}, r"examples\[0\]: should be an object"),
            ({"seen": {}}, r"seen should be a list"),
            ({"embedder": "m"}, r"names an embedder, but not every example has a vector"),
        ],
    )
    def test_a_file_that_does_not_hold_is_told_where(self, tmp_path: Path, change: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            read_store(self.written(tmp_path, {**TABLE, **change}))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"kind": "riddle"}, r"examples\[0\]: kind should be one of choice, .*, not 'riddle'"),
            ({"question": " "}, r"examples\[0\]: needs question, a text"),
            ({"answer": 2}, r"examples\[0\]: needs answer, a text"),
            ({"chains": []}, r"examples\[0\]: needs a chain"),
            ({"chains": [{"order": [0, 1]}]}, r"examples\[0\].chains\[0\]: needs text, a text"),
            ({"chains": ["x"]}, r"examples\[0\].chains\[0\]: should be an object"),
            ({"chains": [{"text": "x", "order": [0, 0]}]}, r"chains\[0\]: order should name each of 2 options once"),
            ({"chains": [{"text": "x", "order": "01"}]}, r"chains\[0\]: order should name each of 2 options once"),
            ({"vector": "no base64!"}, r"examples\[0\].vector: not vectors in base64"),
            ({"vector": packed([(1.0,), (0.5,)])}, r"examples\[0\].vector: should be one vector"),
        ],
    )
    def test_an_example_that_does_not_hold_is_told_where(
        self, tmp_path: Path, change: dict[str, Any], said: str
    ) -> None:
        (example,) = TABLE["examples"]  # type: ignore[misc]
        with pytest.raises(ConfigError, match=said):
            read_store(self.written(tmp_path, {**TABLE, "examples": [{**example, **change}]}))  # type: ignore[dict-item]

    def test_what_is_no_json_and_what_is_not_there_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="not JSON"):
            read_store(self.written(tmp_path, "[store]\n"))
        with pytest.raises(ConfigError, match="No such file"):
            read_store(tmp_path / "none.json")
