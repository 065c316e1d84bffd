"""Writes `docs/strategies/`: one page a strategy, out of what the strategy itself says.

    python docs/generate.py

A test holds the committed pages against this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.protocols import Estimates, Fits
from orchestrator.registry import Description, describe, load, names, spec_of
from orchestrator.types import Estimate, Message, Problem

FOLDER = Path(__file__).resolve().parent / "strategies"

PAPERS: Mapping[str, tuple[str, str]] = {
    "Wei et al., 2022": (
        "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models",
        "https://arxiv.org/abs/2201.11903",
    ),
    "Wang et al., 2023": (
        "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
        "https://arxiv.org/abs/2203.11171",
    ),
    "Aggarwal et al., 2023": (
        "Let's Sample Step by Step: Adaptive-Consistency for Efficient Reasoning and Coding with LLMs",
        "https://arxiv.org/abs/2305.11860",
    ),
    "Li et al., 2024": (
        "Escape Sky-high Cost: Early-stopping Self-Consistency for Multi-step Reasoning",
        "https://arxiv.org/abs/2401.10480",
    ),
    "El-Kishky et al., 2022": (
        "kNN-Embed: Locally Smoothed Embedding Mixtures For Multi-interest Candidate Retrieval",
        "https://arxiv.org/abs/2205.06205",
    ),
    "Nori et al., 2023": (
        "Can Generalist Foundation Models Outcompete Special-Purpose Tuning? Case Study in Medicine",
        "https://arxiv.org/abs/2311.16452",
    ),
    "Cobbe et al., 2021": ("Training Verifiers to Solve Math Word Problems", "https://arxiv.org/abs/2110.14168"),
    "Brown et al., 2024": (
        "Large Language Monkeys: Scaling Inference Compute with Repeated Sampling",
        "https://arxiv.org/abs/2407.21787",
    ),
    "Wang et al., 2024": (
        "Planning In Natural Language Improves LLM Search For Code Generation",
        "https://arxiv.org/abs/2409.03733",
    ),
    "Z. Wang et al., 2024": (
        "Unleashing the Emergent Cognitive Synergy in Large Language Models: A Task-Solving Agent through "
        "Multi-Persona Self-Collaboration",
        "https://arxiv.org/abs/2307.05300",
    ),
    "Fu et al., 2025": ("Deep Think with Confidence", "https://arxiv.org/abs/2508.15260"),
    "X. Chen et al., 2023": (
        "Universal Self-Consistency for Large Language Model Generation",
        "https://arxiv.org/abs/2311.17311",
    ),
    "J. Wang et al., 2024": (
        "Mixture-of-Agents Enhances Large Language Model Capabilities",
        "https://arxiv.org/abs/2406.04692",
    ),
    "Li et al., 2025": (
        "Rethinking Mixture-of-Agents: Is Mixing Different Large Language Models Beneficial?",
        "https://arxiv.org/abs/2502.00674",
    ),
    "Du et al., 2023": (
        "Improving Factuality and Reasoning in Language Models through Multiagent Debate",
        "https://arxiv.org/abs/2305.14325",
    ),
    "Suzgun et al., 2022": (
        "Follow the Wisdom of the Crowd: Effective Text Generation via Minimum Bayes Risk Decoding",
        "https://arxiv.org/abs/2211.07634",
    ),
    "Shi et al., 2022": (
        "Natural Language to Code Translation with Execution",
        "https://arxiv.org/abs/2204.11454",
    ),
    "Chen et al., 2023": ("CodeT: Code Generation with Generated Tests", "https://arxiv.org/abs/2207.10397"),
    "Chen et al., 2025": (
        "Symbolic Mixture-of-Experts: Adaptive Skill-based Routing for Heterogeneous Reasoning",
        "https://arxiv.org/abs/2503.05641",
    ),
    "Naik et al., 2023": (
        "Diversity of Thought Improves Reasoning Abilities of LLMs",
        "https://arxiv.org/abs/2310.07088",
    ),
    "Yao et al., 2023": (
        "Tree of Thoughts: Deliberate Problem Solving with Large Language Models",
        "https://arxiv.org/abs/2305.10601",
    ),
    "Inoue et al., 2025": (
        "Wider or Deeper? Scaling LLM Inference-Time Compute with Adaptive Branching Tree Search",
        "https://arxiv.org/abs/2503.04412",
    ),
    "Madaan et al., 2023": (
        "Self-Refine: Iterative Refinement with Self-Feedback",
        "https://arxiv.org/abs/2303.17651",
    ),
    "Shinn et al., 2023": (
        "Reflexion: Language Agents with Verbal Reinforcement Learning",
        "https://arxiv.org/abs/2303.11366",
    ),
}
"""Titles of what docstrings cite by authors and year."""

_CITED = re.compile(r"(?:\b[A-Z]\. )?[A-Z][\w-]+(?: et al\.| and [A-Z][\w-]+)?, (?:19|20)\d\d")
_CAPS = (1, 2, 4, 8, 16, 25, 40, 80, 160, 375, 1000)
"""Caps on calls that the ladder is shown for."""
_POOLS = (1, 6)
"""Numbers of experts that calls are shown for."""
_EXAMPLE = Problem("example", (Message("user", "What is 6 times 7?"),), kind="number")
_AUTO = " (`auto`: the checker of the problem's kind, where there is one)"
_OWN = "its own, as its search has scored every candidate by then"
_GENERATED = "<!-- Written by docs/generate.py out of the strategy's own text; change that, not this page. -->"


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    found = [each for name in names("strategies") if (each := describe("strategies", name)).origin == "built-in"]
    return {"README.md": _index(found), **{f"{each.name}.md": _page(each) for each in found}}


def _index(found: Sequence[Description]) -> str:
    rows = [
        [f"[`{each.name}`]({each.name}.md)", _linked(each.summary), _calls(each.estimate), _depth(each.estimate)]
        for each in found
    ]
    return _joined(
        _GENERATED,
        "# Strategies",
        "Every strategy writes lines of reasoning; a verifier and an aggregator of your choice work with any of them. "
        "`orchestrator strategies NAME` shows the same as these pages. Calls are those on one problem that ends in a "
        "number, with one expert and every setting at its default.",
        _table(["strategy", "what it does", "calls", "replies one after the other"], rows),
        "Back to [all pages](../README.md).",
    )


def _page(told: Description) -> str:
    made = load("strategies", told.name)()
    return _joined(
        _GENERATED,
        f"# {told.name}",
        told.summary,
        "\n".join(f"{number}. {step}" for number, step in enumerate(told.algorithm, 1)),
        *told.notes,
        "## Papers",
        _papers([told.summary, *told.algorithm, *told.notes]),
        "## What it needs",
        f"{_sentence(told.needs or 'Nothing beside the problem')}",
        f"Verifier: {_verifier(told)}. Aggregator: `{told.aggregator}`. "
        "`--verifier` and `--aggregator` put others in their place ([what there is](../concepts.md#verifier)).",
        "## Settings",
        f'In a spec, as in `-s "{told.name}({_example(told)})"`, with `--set`, or in a `[strategies.{told.name}]` '
        "table of a [config file](../configuration.md)."
        if told.settings
        else "None.",
        _settings(told),
        "## Calls",
        _estimates(made),
        f"They depend on {', '.join(f'`{name}`' for name in told.calls_depend_on)}." if told.calls_depend_on else "",
        *_ladder(told, made),
        "Back to [all strategies](README.md).",
    )


# -- parts of a page ----------------------------------------------------------------------


def _papers(texts: Iterable[str]) -> str:
    cited = dict.fromkeys(_CITED.findall(" ".join(texts)))
    lines = [f"- {each}: [{PAPERS[each][0]}]({PAPERS[each][1]})" if each in PAPERS else f"- {each}" for each in cited]
    return "\n".join(lines) if lines else "None is cited."


def _linked(summary: str) -> str:
    """The summary with its papers linked."""
    return _CITED.sub(lambda found: f"[{found[0]}]({PAPERS[found[0]][1]})" if found[0] in PAPERS else found[0], summary)


def _verifier(told: Description) -> str:
    return _OWN if told.verifier == "its own" else f"`{told.verifier}`{_AUTO if told.verifier == 'auto' else ''}"


def _example(told: Description) -> str:
    first = next(
        (each for each in told.settings if each.default is not None and each.default.isdecimal()), told.settings[0]
    )
    return f"{first.name}={first.default}"


def _settings(told: Description) -> str:
    rows = [
        [f"`{each.name}`", f"`{_cell(each.type)}`", _default(each.default), _cell(each.doc)] for each in told.settings
    ]
    return _table(["setting", "type", "default", "what it is"], rows) if rows else ""


def _default(text: str | None) -> str:
    return "needed" if text is None else f"`{text}`"


def _estimates(made: object) -> str:
    if not isinstance(made, Estimates):
        return "It cannot tell before it runs."
    found = [(experts, made.estimate(_EXAMPLE, experts)) for experts in _POOLS]
    rows = [[str(n), str(e.least), f"{e.expected:g}", str(e.most), str(e.depth)] for n, e in found]
    return _table(["experts", "least", "expected", "most", "depth"], rows) + (
        "\n\nOn one problem that ends in a number, every setting at its default; depth counts the replies that are "
        "awaited one after the other. `--dry-run` tells the same for your own settings, experts and problems."
    )


def _ladder(told: Description, made: object) -> Iterator[str]:
    if told.ladder is None or not isinstance(made, Fits):
        yield "It has no smaller form: under a cap that its calls do not fit in, it takes what the cap leaves."
        return
    yield f"Under a cap on calls it starts on the largest form that fits: {told.ladder.rstrip('.')}."
    rows = [[str(calls), *_rung(made, calls)] for calls in _CAPS]
    yield _table(["`--budget calls=`", "becomes", "calls at the most"], _distinct(rows))


def _rung(made: Fits, calls: int) -> list[str]:
    whole = isinstance(made, Estimates) and made.estimate(_EXAMPLE, 1).most <= calls
    form = made if whole else made.fit(calls, _EXAMPLE, 1)
    if form is None:
        return ["too few: the problem ends at once", ""]
    return [f"`{spec_of(form)}`", str(form.estimate(_EXAMPLE, 1).most) if isinstance(form, Estimates) else "?"]


def _distinct(rows: Sequence[list[str]]) -> list[list[str]]:
    """The rows up to the first of those at the end that say the same."""
    while len(rows) > 1 and rows[-1][1:] == rows[-2][1:]:
        rows = rows[:-1]
    return list(rows)


# -- small things -------------------------------------------------------------------------


def _calls(found: Estimate | None) -> str:
    if found is None:
        return "cannot tell"
    return str(found.most) if found.least == found.most else f"{found.least} to {found.most}"


def _depth(found: Estimate | None) -> str:
    return "" if found is None else str(found.depth)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def main() -> None:
    wanted = pages()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
