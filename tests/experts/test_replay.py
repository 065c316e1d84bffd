from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConfigError, ExpertLost, NotRecorded, UnknownName
from orchestrator.experts.recorded import _rows, listed, opened
from orchestrator.experts.replay import backend, experts_in
from orchestrator.types import Expert, Labels, Message, Price, Request
from tests.experts.serving import batch, request

GPT_4_ON_0 = ("humaneval/0", "gpt-4", "simple")
CUT = 'completion of meta.codet_prompt, cut at the first of "\\nclass" "\\ndef" "\\nprint" before running'


def row(problem: str, expert: str, sample: int, text: str, style: str = "cot", **extra: Any) -> dict[str, Any]:
    key = {"problem_id": problem, "expert": expert, "prompt_style": style, "sample_index": sample}
    return {**key, "text": text, "extracted_answer": None, "correct": True, "verdict_by": "source", **extra}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in rows)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        row("p/1", "b", 0, "b on one: naïve ✓"),
        row("p/1", "a", 0, "a on one"),
        row("p/1", "a", 1, "a again"),
        row("p/2", "a", 0, "a on two", style="direct"),
        row("p/2", "c", 0, ""),
    ]
    return write(tmp_path / "set.generations.jsonl.gz", rows)


def about(problem: str, *samples: int, purpose: str = "answer") -> list[Request]:
    return batch(*samples, labels=Labels(problem, purpose))


def test_experts_come_in_the_order_in_which_they_appear(file: Path) -> None:
    experts = experts_in(str(file))
    assert [expert.model for expert in experts] == ["b/cot", "a/cot", "a/direct", "c/cot"]
    assert experts[0].id == f"replay:{file}#b/cot"
    assert all((expert.client, expert.price) == ("replay", Price()) for expert in experts)
    (one,) = experts_in(f"{file}#a/direct")
    assert one == experts[2]
    assert json.loads(json.dumps(one.options)) == {"file": str(file), "expert": "a", "style": "direct"}


async def test_a_request_gets_the_recorded_text_whatever_it_says(file: Path) -> None:
    served = backend(experts_in(f"{file}#b/cot")[0])
    (reply,) = (await served.complete(about("p/1", 0))).completions
    assert reply.text == "b on one: naïve ✓"
    assert reply.model == "b/cot"
    other = request("Something else entirely.", labels=Labels("p/1"), messages=(Message("system", "x"),))
    assert (await served.complete([other])).completions[0].text == reply.text
    assert not served.journalled


async def test_tokens_are_an_estimate_and_nothing_is_spent(file: Path) -> None:
    response = await backend(experts_in(f"{file}#a/cot")[0]).complete(about("p/1", 0, 1))
    assert [c.tokens.completion for c in response.completions] == [2, 2]
    assert (response.bill.prompt, response.bill.completion, response.bill.usd) == (0, 4, 0.0)


@pytest.mark.parametrize(
    "asked",
    [
        about("p/1", 2),
        about("p/9", 0),
        about("p/2", 0),
        about("p/1", 0, purpose="plan"),
        about("p/1", 0, purpose="tests"),
    ],
)
async def test_what_was_not_recorded_is_said_and_never_tried_again(asked: list[Request], file: Path) -> None:
    with pytest.raises(NotRecorded) as caught:
        await backend(experts_in(f"{file}#a/cot")[0]).complete(asked)
    assert not caught.value.retried


async def test_an_empty_recorded_text_is_an_answer(file: Path) -> None:
    assert (await backend(experts_in(f"{file}#c/cot")[0]).complete(about("p/2", 0))).completions[0].text == ""


async def test_a_batch_gets_what_there_is_up_to_the_first_gap(file: Path) -> None:
    served = backend(experts_in(f"{file}#a/cot")[0])
    assert served.max_n == 1
    assert [c.text for c in (await served.complete(about("p/1", 0, 1, 2))).completions] == ["a on one", "a again"]
    assert served.max_n == 128


async def test_samples_with_a_hole_are_asked_for_one_by_one(tmp_path: Path) -> None:
    rows = [row("p/1", "a", 0, "zero"), row("p/1", "a", 2, "two")]
    served = backend(experts_in(str(write(tmp_path / "x.generations.jsonl.gz", rows)))[0])
    assert (await served.complete(about("p/1", 2))).completions[0].text == "two"
    assert served.max_n == 1


async def test_tests_come_from_the_sibling_file_of_the_same_expert(tmp_path: Path) -> None:
    file = write(tmp_path / "code.generations.jsonl.gz", [row("p/1", "a", 0, "x"), row("p/1", "b", 0, "y")])
    tests = [{"problem_id": "p/1", "expert": "a", "sample_index": i, "text": f"f({i}) == 1"} for i in range(2)]
    write(tmp_path / "code.testgens.jsonl.gz", tests)
    a, b = (backend(expert) for expert in experts_in(str(file)))
    response = await a.complete(about("p/1", 0, 1, purpose="tests"))
    assert [c.text for c in response.completions] == ["assert f(0) == 1", "assert f(1) == 1"]
    with pytest.raises(NotRecorded):
        await b.complete(about("p/1", 0, purpose="tests"))


async def test_a_recorded_completion_is_put_behind_its_prompt_where_the_file_says_so(tmp_path: Path) -> None:
    rows = [
        row("p/1", "a", 0, "    return 1\n\nprint(f())\n\ndef g(): ...", meta={"text_is": CUT}),
        row("p/1", "b", 0, "def f(): return 2"),
        row("p/1", "c", 0, "    return 3", meta={"text_is": "something else"}),
    ]
    file = write(tmp_path / "code.generations.jsonl.gz", rows)
    write(tmp_path / "code.problems.jsonl.gz", [{"id": "p/1", "meta": {"codet_prompt": "def f():\n"}}])
    texts = [(await backend(e).complete(about("p/1", 0))).completions[0].text for e in experts_in(str(file))]
    assert texts == ["def f():\n    return 1\n", "def f(): return 2", "    return 3"]


async def test_a_completion_whose_prompt_is_missing_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path / "code.generations.jsonl.gz", [row("p/1", "a", 0, "x", meta={"text_is": CUT})])
    write(tmp_path / "code.problems.jsonl.gz", [{"id": "p/2", "meta": {"codet_prompt": "def f():\n"}}])
    with pytest.raises(ExpertLost, match=r"code.generations.jsonl.gz:1: code.problems.jsonl.gz lacks its prompt"):
        await backend(experts_in(str(file))[0]).complete(about("p/1", 0))


async def test_a_file_is_read_once_for_all_who_wait(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.experts import recorded

    reads = []
    rows = recorded._rows
    monkeypatch.setattr(recorded, "_rows", lambda path: reads.append(path) or rows(path))
    served = [backend(expert) for expert in experts_in(str(file))]
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(served[0].complete(about("p/1", 0)))
            group.create_task(served[1].complete(about("p/1", 1)))
    assert reads == [file]


async def test_the_event_loop_goes_on_while_a_file_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.experts import recorded

    rows, go = recorded._rows, threading.Event()

    def slow(path: Path) -> Any:
        go.wait(10)
        return rows(path)

    monkeypatch.setattr(recorded, "_rows", slow)
    call = asyncio.create_task(backend(experts_in(f"{file}#a/cot")[0]).complete(about("p/1", 0)))
    left = asyncio.create_task(backend(experts_in(f"{file}#b/cot")[0]).complete(about("p/1", 0)))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.sleep(0)
    assert not call.done()
    go.set()
    assert (await call).completions[0].text == "a on one"
    assert left.cancelled()


def test_a_file_is_shared_while_somebody_holds_it_and_goes_with_the_last(file: Path) -> None:
    a, b = (backend(expert) for expert in experts_in(str(file))[:2])
    held = weakref.ref(opened(file))
    assert held() is not None
    del a
    assert held() is opened(file)
    del b
    assert held() is None


def test_a_loop_that_ended_during_the_reading_is_left_in_peace(file: Path) -> None:
    async def leave_early() -> None:
        call = asyncio.create_task(opened(file).ready())
        await asyncio.sleep(0)
        call.cancel()

    keep = opened(file)
    asyncio.run(leave_early())
    asyncio.run(keep.ready())
    assert keep.text("b", "cot", "p/1", 0) == "b on one: naïve ✓"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no generation in it"),
        (b"\n\n", "no generation in it"),
        (b'{"problem_id": "p", "expert": "a", "prompt_style"\n', ":1: not JSON"),
        (b'{"expert": "a", "problem_id": "p"}\n', ":1: 'prompt_style' is missing"),
        (b"[1]\n", ":1: a generation must be a JSON object"),
    ],
)
def test_a_malformed_file_is_said_with_its_path_and_line(content: bytes, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "x.generations.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"x.generations.jsonl.*{complaint}"):
        experts_in(str(file))


def test_a_cut_line_after_good_ones_is_found_when_listing(tmp_path: Path) -> None:
    good = json.dumps(row("p", "a", 0, "x")).encode() + b"\n"
    file = tmp_path / "x.generations.jsonl"
    file.write_bytes(good + good[:60])
    with pytest.raises(ConfigError, match=r"x.generations.jsonl:2: not JSON"):
        listed(file)


def test_a_file_that_is_not_there_or_no_gzip(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nosuch.jsonl.gz: .*No such file"):
        experts_in(str(tmp_path / "nosuch.jsonl.gz"))
    (tmp_path / "x.jsonl.gz").write_bytes(b"plain text")
    with pytest.raises(ConfigError, match=r"x.jsonl.gz: cannot be read"):
        experts_in(str(tmp_path / "x.jsonl.gz"))
    whole = gzip.compress(json.dumps(row("p", "a", 0, "x" * 9999)).encode())
    (tmp_path / "y.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"y.jsonl.gz: cannot be read"):
        experts_in(str(tmp_path / "y.jsonl.gz"))


async def test_a_file_that_changed_for_the_worse_loses_its_expert(tmp_path: Path) -> None:
    file = write(tmp_path / "x.generations.jsonl.gz", [row("p", "a", 0, "x"), row("p", "a", -1, "y")])
    with pytest.raises(ExpertLost, match="sample_index must be a whole number"):
        await backend(experts_in(str(file))[0]).complete(about("p", 0))


def test_an_expert_that_the_file_has_not_gets_a_suggestion(file: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown recorded expert 'a/cott' in .*did you mean 'a/cot'"):
        experts_in(f"{file}#a/cott")


def test_options_that_name_no_file_are_a_configuration_error(file: Path) -> None:
    with pytest.raises(ConfigError, match="needs options file"):
        backend(Expert("e", "m", client="replay"))


async def test_the_recorded_pool_of_code_is_joined_and_tested(shared: Path) -> None:
    file = shared / "replay" / "humaneval.generations.jsonl.gz"
    experts = {expert.model: expert for expert in experts_in(str(file))}
    assert len(experts) == 8
    served = backend(experts["codegen-16B-mono/codet-no-examples-t0.8"])
    texts = [c.text for c in (await served.complete(about("humaneval/0", *range(100)))).completions]
    assert len(texts) == 100
    assert all(text.startswith("from typing import List") and "has_close_elements" in text for text in texts)
    assert not any("\nprint" in text or "\n#" in text for text in texts)
    tests = (await served.complete(about("humaneval/0", 1, purpose="tests"))).completions
    assert tests[0].text.startswith("assert ")
    plain = (await backend(experts["gpt-4/simple"]).complete(about("humaneval/0", 0))).completions[0].text
    recorded = [r for _, r in _rows(file) if (r["problem_id"], r["expert"], r["prompt_style"]) == GPT_4_ON_0]
    assert plain == recorded[0]["text"]


async def test_the_largest_recorded_pool_loads_in_seconds(shared: Path) -> None:
    file = shared / "replay" / "mmlu_pro.generations.jsonl.gz"
    started = time.process_time()  # of the processor: others may use the machine
    experts = experts_in(str(file))
    assert [expert.model for expert in experts][:2] == ["DeepSeek-Coder-V2/5shot-cot", "Llama-2-70b-hf/5shot-cot"]
    served = backend(experts[0])
    reply = (await served.complete(about("mmlu_pro/10002", 0))).completions[0]
    assert reply.text.startswith(" The electric field")
    assert len(experts) == 20
    assert time.process_time() - started < 6.0
