"""What simulated experts write when they are asked for something else than an answer."""

from __future__ import annotations

import json
import re

import pytest

from orchestrator.evals.sets import open_set
from orchestrator.experts.simulated.asks import Ask, wanted
from orchestrator.experts.simulated.known import Known
from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.experts.simulated.reading import read
from orchestrator.prompts import load_prompts
from orchestrator.types import Message, Problem, Prompt

STORY = (
    "Nora buys 3 pens at $2 each and 4 books at $5 each. She pays with $50. How many dollars of change does she get?"
)
CHOICE = "How many minutes are 3 hours?\n\n(A) 90\n(B) 180\n(C) 300\n(D) 30"
PLANSEARCH = load_prompts("orchestrator.strategies", "plansearch")
LETTER = 'End your reply with a line of the form "The answer is (X)", where X is the letter of the option.'


def known(text: str = STORY) -> Known:
    found = read((Message("user", text),))
    assert found is not None
    return found.known


def say(text: str, who: str = "ada", sample: str = "#0", problem: str = STORY) -> str:
    return reply(PEOPLE[who], (Message("user", f"{problem}\n\n{text}"),), sample)


@pytest.mark.parametrize(
    ("instruction", "follows_up", "ask"),
    [
        ("Do not solve it yet. List five observations that may help.", False, "observations"),
        ("What insights would help somebody here?", False, "observations"),
        ("Now state further observations, other than these.", True, "observations"),
        ("Repeat only the list.", True, "list"),
        ("Write them as a JSON list of strings and nothing else.", True, "list"),
        ("Keep only the three most useful observations.", True, "list"),
        ("Sketch a plan in plain words. No code.", False, "plan"),
        ("Here is a plan: add and multiply. Explain what may be wrong with it.", False, "critique"),
        ("You are a harsh critic. Criticise this solution: 3 + 4.", False, "critique"),
        ("Revise the plan so that it holds.", True, "revision"),
        ("Write pseudocode that follows the plan.", False, "outline"),
        ("List three personas that suit this task.", False, "personas"),
        ("Name five approaches for solving this.", False, "approaches"),
        ("Which skills? List 2-5 keywords, comma-separated.", False, "skills"),
        ("Write five test cases as assert statements.", False, "tests"),
        ("Rate this answer on a scale of 0 to 10: it is 24.", False, "score"),
        ("Proposed answer: 24. Is this answer correct? Reply yes or no.", False, "verdict"),
        ("Response A:\nIt is 24.\n\nResponse B:\nIt is 5.\n\nWhich response is better, A or B?", False, "pair"),
        ("Response 1: 24\n\nResponse 2: 5\n\nResponse 3: 24\n\nWhich is the most consistent?", False, "pick"),
        ("Program A:\nx\n\nProgram B:\ny\n\nDo both use the same approach? Answer yes or no.", False, "likeness"),
        ("```python\nx = 1\n```\n\nDescribe in prose how this program works.", False, "description"),
        (f"Response 1: 24\n\nResponse 2: 5\n\nSome may be wrong. Synthesise. {LETTER}", False, "synthesis"),
        (f"Use three different approaches, each with its own answer. {LETTER}", False, "sections"),
        (f"Identify the participants and let them collaborate. {LETTER}", False, "dialogue"),
        (f"Think step by step. {LETTER}", False, "answer"),
        ("Think step by step.", False, "answer"),
        ("", False, "answer"),
    ],
)
def test_what_is_wanted_is_told_by_the_words(instruction: str, follows_up: bool, ask: Ask) -> None:
    assert wanted(instruction, follows_up).ask == ask


@pytest.mark.parametrize(
    ("template", "follows_up", "ask"),
    [
        ("observe", False, "observations"),
        ("derive", False, "observations"),
        ("look_again", False, "observations"),
        ("list", True, "list"),
        ("filter", True, "list"),
        ("serialise", True, "list"),
        ("shortlist", True, "list"),
        ("plan", False, "plan"),
        ("plan_alone", False, "plan"),
        ("criticise", False, "critique"),
        ("fix", True, "revision"),
        ("pseudocode", False, "outline"),
        ("steps", False, "outline"),
        ("program", False, "answer"),
        ("answer", False, "answer"),
    ],
)
def test_every_prompt_of_plansearch_is_understood(template: str, follows_up: bool, ask: Ask) -> None:
    problem = Problem("p", (Message("user", ""),), "number")
    slots = {
        "problem": "",
        "format": problem.format,
        "count": "10",
        "keep": "4",
        **dict.fromkeys(("observations", "plan", "outline"), "1. The price of the pens: 3 x 2 = 6."),
    }
    assert wanted(PLANSEARCH[template].render(slots)[0], follows_up).ask == ask


@pytest.mark.parametrize(
    ("file", "template", "ask"),
    [
        ("judge", "rate", "score"),
        ("judge", "rate_again", "score"),
        ("judge", "compare", "pair"),
        ("critic", "criticise", "verdict"),
        ("critic", "criticise_program", "verdict"),
        ("critic", "again", "verdict"),
        ("tests", "write", "tests"),
    ],
)
def test_every_prompt_that_checks_answers_is_understood(file: str, template: str, ask: Ask) -> None:
    shown = dict.fromkeys(("answer", "first", "second"), "```\nThey cost 26. The answer is 24.\n```")
    slots = {"problem": "", "function": "`f`", "count": "5", **shown}
    text = load_prompts("orchestrator.strategies", file)[template].render(slots)[0]
    found = wanted(text, "again" in template)
    assert found.ask == ask
    assert len(found.candidates) == {"rate": 1, "compare": 2, "criticise": 1, "criticise_program": 1}.get(template, 0)


@pytest.mark.parametrize("name", ["word_problems", "logic_grid", "choice", "game24", "blocksworld", "code"])
def test_a_conversation_about_observations_ends_in_json(name: str) -> None:
    problem = next(iter(open_set(name))).problem
    prompt: Prompt = problem.ask(PLANSEARCH.observe, count="6")
    first = reply(PEOPLE["clio"], prompt.messages, "#0")
    for turn, keep in (("list", ""), ("filter", "3"), ("serialise", "")):
        prompt = prompt.then(first, PLANSEARCH[turn].render({"keep": keep})[0])
        first = reply(PEOPLE["clio"], prompt.messages, "#0")
    found = json.loads(first)
    assert 1 <= len(found) <= 3
    about = read(problem.messages)
    assert about is not None
    assert set(found) & set(about.known.observations)
    derive = problem.ask(PLANSEARCH.derive, observations="\n".join(f"- {each}" for each in found))
    again = reply(PEOPLE["clio"], derive.messages, "#0")
    assert not [each for each in found if each in again]


def test_a_plan_quotes_the_observations_and_does_not_give_the_answer_away() -> None:
    (remark, *_) = known().task.observations()
    right = [text for i in range(8) if (text := say(f"Observations:\n- {remark}\n\nWrite a plan.", sample=f"#{i}"))]
    assert all(f'"{remark}"' in text for text in right)
    assert not [text for text in right if re.search(r"\b24\b", text)]
    assert [text for text in right if all(step in text for step in known().outline(None))]


def test_a_revised_plan_is_another_text_than_the_plan() -> None:
    plan = say("Write a plan.")
    talk = Prompt((Message("user", f"{STORY}\n\nPlan:\n{plan}\n\nSay where it goes wrong."),))
    critique = reply(PEOPLE["ada"], talk.messages, "#0")
    assert [step for step in known().solution.steps if step in critique]
    revised = reply(PEOPLE["ada"], talk.then(critique, "Write the complete revised plan.").messages, "#0")
    assert revised != plan
    assert "1. " in revised


def test_a_critic_finds_the_false_step_of_a_wrong_plan_more_often_than_not() -> None:
    outline = known().outline(3)
    false = [step for step in outline if step not in known().solution.steps]
    plan = "\n".join(f"{i}. {step}" for i, step in enumerate(outline, 1))
    texts = [say(f"Plan:\n{plan}\n\nCriticise it.", sample=f"#{i}") for i in range(20)]
    assert sum(f'this step: "{false[0]}"' in text for text in texts) > 10


@pytest.mark.parametrize(
    ("instruction", "pattern"),
    [
        ("List three personas that suit this task.", r"1\. \w+.*\n2\. .*\n3\. "),
        ("Name the approaches that suit this question, as lines 'Approach 1: name'.", r"Approach 1: \w+"),
        ("Name five approaches as a JSON list.", r'\["'),
        ("Which skills does it take? Keywords:", r"Keywords: arithmetic, money"),
        ("List the skills it takes, comma-separated.", r"arithmetic, money"),
    ],
)
def test_names_come_in_the_form_asked_for(instruction: str, pattern: str) -> None:
    assert re.match(pattern, say(instruction))


def test_tests_are_written_for_programs() -> None:
    problem = next(iter(open_set("code"))).problem
    text = say("Write five test cases as assert statements.", problem=problem.prompt)
    assert len(re.findall(r"^assert ", text, re.MULTILINE)) >= 3


class TestJudging:
    GOOD, BAD = "They cost 26 together. The answer is 24", "They cost 7 together. The answer is 43"

    def test_the_right_answer_scores_higher(self) -> None:
        ask = "Rate the following answer from 0 to 10.\n\n{}\n\nEnd with a line 'Score: N'."

        def mean(answer: str) -> float:
            said = [say(ask.format(answer), sample=f"#{i}") for i in range(20)]
            return sum(int(text.rpartition("Score: ")[2]) for text in said) / 20

        assert mean(self.GOOD) > mean(self.BAD) + 2

    @pytest.mark.parametrize("who", ["ada", "clio"])
    def test_an_answer_under_a_label_is_what_is_rated_not_what_is_said_behind_it(self, who: str) -> None:
        def mean(answer: str) -> float:
            ask = load_prompts("orchestrator.strategies", "judge").rate.render({"problem": "", "answer": answer})[0]
            said = [say(ask, who, f"#{i}") for i in range(20)]
            return sum(int(text.rpartition("Rating: ")[2]) for text in said) / 20

        assert mean(f"Answer 2: 43\n\nNo. {self.GOOD}") > mean(f"Answer 2: 24\n\nNo. {self.BAD}") + 2

    @pytest.mark.parametrize("swapped", [False, True])
    def test_of_two_the_right_one_is_chosen_mostly_wherever_it_stands(self, swapped: bool) -> None:
        one, other = (self.BAD, self.GOOD) if swapped else (self.GOOD, self.BAD)
        ask = f"Response A:\n{one}\n\nResponse B:\n{other}\n\nWhich response is better? Reply with only the letter."
        said = [say(ask, sample=f"#{i}") for i in range(20)]
        assert set(said) <= {"A", "B"}
        assert said.count("B" if swapped else "A") > 12

    def test_the_most_consistent_response_is_one_of_the_majority(self) -> None:
        listed = f"Response 1:\n{self.BAD}\n\nResponse 2:\n{self.GOOD}\n\nResponse 3:\n{self.GOOD}"
        text = say(f'{listed}\n\nChoose the most consistent one. End with "The best is Response X".')
        assert text.endswith("The best is Response 2")

    def test_a_verdict_is_in_the_words_offered(self) -> None:
        assert say(f"{self.GOOD}\n\nIs this answer right? Reply yes or no.").endswith(("Yes", "No"))
        assert say(f"{self.GOOD}\n\nIs it [Correct] or [Incorrect]?").endswith(("[Correct]", "[Incorrect]"))

    def test_candidates_that_agree_carry_the_synthesis_with_them(self) -> None:
        def accuracy(listed: str) -> int:
            closing = 'End your reply with a line of the form "The answer is N".'
            said = [say(f"{listed}\n\nSynthesise. {closing}", who, f"#{i}") for who in PEOPLE for i in range(5)]
            return sum(text.endswith("The answer is 24") for text in said)

        def three(*answers: str) -> str:
            return "\n\n".join(f"Response {i}:\n{answer}" for i, answer in enumerate(answers, 1))

        assert accuracy(three(self.GOOD, self.GOOD, self.BAD)) > accuracy(three(self.BAD, self.BAD, self.BAD))

    def test_answers_that_the_system_message_brings_are_material_too(self) -> None:
        closing = 'End your reply with a line of the form "The answer is N".'

        def accuracy(answer: str) -> int:
            listed = "\n\n".join(f"Candidate {i}:\n{answer}" for i in (1, 2, 3))
            messages = (
                Message("system", f"Weigh these answers.\n\n{listed}\n\nThen answer yourself."),
                Message("user", f"{STORY}\n\n{closing}"),
            )
            said = [reply(person, messages, f"#{i}") for person in PEOPLE.values() for i in range(5)]
            return sum(text.endswith("The answer is 24") for text in said)

        assert accuracy(self.GOOD) > accuracy(self.BAD)


class TestClosing:
    @pytest.mark.parametrize(
        ("problem", "instruction", "end"),
        [
            (STORY, 'End your reply with a line "The answer is N".', "The answer is 24"),
            (STORY, r"Put the final answer in \boxed{}.", r"\boxed{24}"),
            (STORY, 'End with a line of the form "Final answer: ...".', "Final answer: 24"),
            (STORY, "End with #### and the number.", "#### 24"),
            (STORY, "Reply with only the number and nothing else.", "24"),
            (CHOICE, LETTER, "The answer is (B)"),
            (CHOICE, "", "The answer is (B)"),
            (CHOICE, "Answer with only the letter.", "B"),
            (CHOICE, r"Put the letter in \boxed{}.", r"\boxed{B}"),
        ],
    )
    def test_a_reply_ends_as_it_is_asked_to(self, problem: str, instruction: str, end: str) -> None:
        said = [say(instruction, "ada", f"#{i}", problem) for i in range(10)]
        assert [text for text in said if text.endswith(end)], said[0]

    def test_several_approaches_have_an_answer_each(self) -> None:
        text = say(
            f"Use these approaches in turn:\n- Algebra\n- Estimating\n\nEach ends in an answer. {LETTER}",
            problem=CHOICE,
        )
        assert len(re.findall(r"^Approach \d \((?:Algebra|Estimating)\):", text, re.MULTILINE)) == 2
        assert len(re.findall(r"^The answer is \(\w\)$", text, re.MULTILINE)) == 2

    def test_a_dialogue_has_participants_and_an_end(self) -> None:
        text = say(f"Identify the participants, let them collaborate. {LETTER}", problem=CHOICE)
        assert text.startswith("Participants: ")
        assert re.search(r"The answer is \(\w\)$", text)

    @pytest.mark.parametrize(
        ("form", "slots", "cast"),
        [
            ("spp", {"cast": "The participants are these and nobody else: Poet; Judge."}, "Poet; Judge"),
            ("spp", {"cast": ""}, None),
            ("spp_fixed", {}, "Expert"),
        ],
        ids=["pinned", "free", "fixed"],
    )
    def test_a_dialogue_has_the_participants_that_the_prompt_wants(
        self, form: str, slots: dict[str, str], cast: str | None
    ) -> None:
        template = load_prompts("orchestrator.strategies", form).answer
        (message,) = Problem("p", (Message("user", CHOICE),)).ask(template, demonstrations="", **slots).messages
        first = reply(PEOPLE["ada"], (message,), "#0").partition("\n")[0]
        if cast is None:
            assert first.count(";") == 2
        else:
            assert first == f"Participants: AI Assistant (you); {cast}"


class TestIdeas:
    """Programs of other experts: what they rest on, and whether two of them rest on the same."""

    TASK = (
        "Write a function climbs(count) that returns in how many ways a staircase of count stairs can be climbed "
        + ("when every stride covers from 1 to 4 stairs.")
    )
    PROMPTS = load_prompts("orchestrator.strategies", "ideas")

    def programs(self) -> list[str]:
        """The right program and the wrong ones, each once."""
        task = known(self.TASK).task
        wrong = [known(self.TASK).worked(i).answer for i in range(12)]
        return list(dict.fromkeys([task.solve().answer, *wrong]))

    def same(self, one: str, other: str) -> str:
        slots = {"first": f"```python\n{one}\n```", "second": f"```python\n{other}\n```"}
        ideas = {"first_idea": "It counts.", "second_idea": "It counts as well."}
        text, _ = self.PROMPTS.same.render({"problem": self.TASK, "format": "", **slots, **ideas})
        return reply(PEOPLE["ada"], (Message("user", text),), "#0")

    def test_a_description_is_prose_and_differs_where_programs_do(self) -> None:
        told = []
        for program in self.programs():
            slots = {"problem": self.TASK, "format": "", "program": f"```python\n{program}\n```"}
            text, _ = self.PROMPTS.describe.render(slots)
            told.append(reply(PEOPLE["ada"], (Message("user", text),), "#0"))
        assert len(set(told)) > 1
        assert not any("def " in text or "```" in text for text in told)

    def test_equal_programs_are_alike_and_others_mostly_not(self) -> None:
        right, *wrong = self.programs()
        assert wrong
        assert self.same(right, right) == "Yes"
        assert {self.same(right, each) for each in wrong} <= {"Yes", "No"}
        assert "No" in {self.same(right, each) for each in wrong}
