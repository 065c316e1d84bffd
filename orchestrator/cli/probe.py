"""What an expert's server takes, found out by asking it: one small call for each setting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from orchestrator.budget import Budget
from orchestrator.engine.flight import Bounds
from orchestrator.errors import BudgetExceeded, ExpertError, ExpertLost
from orchestrator.ledger import NOTHING, Amount
from orchestrator.types import Expert, JsonObject, Message, Request, Response, Sampling

if TYPE_CHECKING:
    from orchestrator.experts.network import NetworkBackend

CAPS = Budget(calls=16, tokens=16_000, usd=0.01)
"""What a probe may take where nobody says otherwise; without a known price the cap on money is left out."""

_MAX_TOKENS = 256
_PLAIN = Sampling()
_QUESTION = "Which whole number is 6 times 7? Answer with the number alone."
_LETTERS = "Write the letters A B C D E F G, in this order, with spaces between them, and nothing else."
_SCHEMA: JsonObject = {
    "type": "json_schema",
    "json_schema": {
        "name": "product",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"product": {"type": "integer"}},
            "required": ["product"],
            "additionalProperties": False,
        },
    },
}

Found = Literal["taken", "refused", "ignored", "not tried", "failed"]


@dataclass(slots=True)
class Findings:
    """What a probe found out."""

    expert: Expert
    served_as: str = ""
    """The model that the server says it served."""
    counted: bool = False
    """Whether the server tells the tokens of a call."""
    cap: str = "max_tokens"
    """The name under which the server takes the cap on tokens."""
    seconds: list[float] = field(default_factory=list)
    """Of each call."""
    settings: dict[str, Found] = field(default_factory=dict)
    spent: Amount = NOTHING
    failures: dict[str, str] = field(default_factory=dict)
    """By setting, why a call ended in an error."""

    @property
    def latency(self) -> float:
        return median(self.seconds)

    @property
    def entry(self) -> Expert:
        """The expert with what was found out, for a pool file."""
        refused: dict[str, bool | str] = {
            name: False for name, found in self.settings.items() if found in ("refused", "ignored")
        }
        renamed: dict[str, bool | str] = {} if self.cap == "max_tokens" else {"max_tokens": self.cap}
        return replace(self.expert, capabilities={**refused, **renamed, **self.expert.capabilities})


@dataclass(frozen=True, slots=True)
class _Trial:
    """A call with one setting in it."""

    setting: str
    request: Request
    samples: int = 1
    heeded: Callable[[Response], bool] = lambda _: True
    """Whether the reply shows the effect of the setting."""


async def probe(expert: Expert, caps: Budget) -> Findings:
    """Asks an expert with each setting in turn.

    Args:
        caps: what all calls together may take; what does not fit any more is not tried.

    Raises:
        BudgetExceeded: not even the first call fits.
        ExpertError: it cannot be reached, refuses the key, does not know the model, or gives no answer at all.
    """
    from orchestrator.experts.network import NetworkBackend
    from orchestrator.serving import backend_of, warm

    first_of_all = _Trial("max_tokens", _request(expert))
    if short := _short_of(caps, Bounds().worst(first_of_all.request, expert)):
        raise BudgetExceeded("the probe", *short)
    await warm([expert])
    backend = backend_of(expert)
    assert isinstance(backend, NetworkBackend)
    findings = Findings(expert)
    try:
        first = await _asked(backend, findings, first_of_all)
        findings.served_as, findings.counted = first.completions[0].model, first.counted
        for trial in _trials(expert):
            findings.settings[trial.setting] = await _tried(backend, findings, trial, caps)
        findings.cap = backend.capabilities.cap
        return findings
    finally:
        await backend.aclose()


async def _tried(backend: NetworkBackend, findings: Findings, trial: _Trial, caps: Budget) -> Found:
    if not backend.capabilities.takes(trial.setting):
        return "refused"
    worst = Bounds().worst(trial.request, findings.expert) * trial.samples
    if _short_of(caps, findings.spent + worst, sum(findings.seconds)):
        return "not tried"
    try:
        response = await _asked(backend, findings, trial)
    except ExpertLost:
        raise
    except ExpertError as error:
        findings.failures[trial.setting] = str(error)
        return "failed"
    if not backend.capabilities.takes(trial.setting) or (trial.setting == "n" and backend.capabilities.most == 1):
        return "refused"
    return "taken" if trial.heeded(response) else "ignored"


async def _asked(backend: NetworkBackend, findings: Findings, trial: _Trial) -> Response:
    start = time.monotonic()
    response = await backend.complete([trial.request.sample(i) for i in range(trial.samples)])
    findings.seconds.append(time.monotonic() - start)
    findings.spent += Amount.of(response.bill, calls=trial.samples)
    return response


def _trials(expert: Expert) -> Iterator[_Trial]:
    yield _Trial("temperature", _request(expert, Sampling(temperature=0.5)))
    yield _Trial("top_p", _request(expert, Sampling(top_p=0.9)))
    yield _Trial("n", _request(expert), samples=2)
    yield _Trial("seed", _request(expert, Sampling(seed=1)))
    yield _Trial("stop", _request(expert, Sampling(stop=("D",)), _LETTERS), heeded=_stops)
    yield _Trial("system", _request(expert, messages=(Message("system", "You are a calculator."),)))
    yield _Trial(
        "logprobs",
        _request(expert, Sampling(top_logprobs=2)),
        heeded=lambda r: bool(r.completions[0].confidences),
    )
    yield _Trial("json_schema", replace(_request(expert), response_format=_SCHEMA), heeded=_fits)


def _request(
    expert: Expert, asked: Sampling = _PLAIN, question: str = _QUESTION, messages: tuple[Message, ...] = ()
) -> Request:
    """A question with one setting; what the user says of reasoning and of the mode holds for every call."""
    own = expert.sampling
    sampling = replace(
        asked,
        max_tokens=_MAX_TOKENS,
        mode=own.mode,
        reasoning_effort=own.reasoning_effort,
        extra_body={**own.extra_body, **asked.extra_body},
    )
    return Request(expert.id, expert.model, (*messages, Message("user", question)), sampling)


def _stops(response: Response) -> bool:
    return "D" not in response.completions[0].text


def _fits(response: Response) -> bool:
    first = response.completions[0]
    if first.finish == "length":
        return True  # cut off: nothing can be said against it
    try:
        value = json.loads(first.text)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("product"), int)


def _short_of(caps: Budget, amount: Amount, seconds: float = 0.0) -> tuple[str, float, float] | None:
    """The first dimension in which caps do not cover an amount, the cap, and what would."""
    needs = {"calls": amount.calls, "tokens": amount.tokens, "usd": amount.usd, "seconds": seconds}
    for name, need in needs.items():
        cap: float | None = getattr(caps, name)
        if cap is not None and need > cap:
            return name, cap, need
    return None
