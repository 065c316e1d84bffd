"""From what a strategy wants to replies: requests, larger caps, fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace

from orchestrator import answers
from orchestrator.engine import Landed, Seat
from orchestrator.errors import BudgetExceeded, ContentFiltered, ExpertError, ExpertLost, Stopped, Truncated
from orchestrator.ledger import Amount
from orchestrator.types import (
    Completion,
    Expert,
    Labels,
    Place,
    Problem,
    Request,
    Sampling,
)

from .failures import first
from .table import Table
from .wanted import Draft, Wanted

DEFAULT_MAX_TOKENS = 2048
LARGER_CAP = 4
"""By how much the cap grows when it ended a reply before its answer."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks for one run."""

    table: Table
    problem: Problem
    path: Place
    salt: str
    capped: bool
    """Whether calls, tokens or money are, on any scope."""

    async def samples(self, wanted: Wanted, expert: Expert, indices: range, seat: Seat) -> list[Completion]:
        """The samples of these indices; when one fails, its siblings are waited for, as they are paid."""
        request = self._request(wanted, expert)
        if len(indices) == 1:
            return [await self._sample(wanted, request.sample(indices[0]), seat)]
        async with asyncio.TaskGroup() as group:
            asked = [self._sample(wanted, request.sample(i), seat) for i in indices]
            tasks = [group.create_task(_caught(one)) for one in asked]
        return _opened([task.result() for task in tasks])

    async def embeddings(self, wanted: Sequence[Wanted], expert: Expert, seat: Seat) -> list[Completion]:
        """The replies of an embedder. They are the same whatever the seed, and no fallback's vectors would fit them."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_caught(self._embedding(one, expert, seat))) for one in wanted]
        return _opened([task.result() for task in tasks])

    async def _embedding(self, wanted: Wanted, expert: Expert, seat: Seat) -> Completion:
        labels = Labels(self.problem.id, wanted.purpose, self.path)
        request = Request(expert.id, expert.model, wanted.prompt.messages, wanted.sampling or Sampling(), labels=labels)
        try:
            return self._counted(request, await self.table.engine.ask(request, seat))
        except ExpertError as error:
            self._lose(error)
            raise

    def _request(self, wanted: Wanted, expert: Expert, failed: Sequence[str] = ()) -> Request:
        """The first sample of what is wanted, as this expert is asked for it after others have failed.

        Branches often want the same: what the last one wanted of this expert is not put together and hashed anew.
        """
        salt = "!".join((self._salt_for(expert, wanted.purpose), *failed))
        labels = Labels(self.problem.id, wanted.purpose, self.path)
        last = self.table.drafts.get(expert.id)
        if last is not None and last.fits(expert, wanted, salt):
            return last.request.labelled(labels)
        sampling = Sampling(max_tokens=DEFAULT_MAX_TOKENS).merged(wanted.sampling).merged(expert.sampling)
        prompt = wanted.prompt.with_system(expert.persona, first=True) if expert.persona else wanted.prompt
        request = Request(
            expert=expert.id,
            model=expert.model,
            messages=prompt.messages,
            sampling=_grown(sampling, wanted.growth),
            salt=salt,
            tools=wanted.tools,
            response_format=wanted.response_format,
            labels=labels,
        )
        self.table.drafts[expert.id] = Draft(expert, wanted, request)
        return request

    def _salt_for(self, expert: Expert, purpose: str) -> str:
        """A replay expert answers by problem and purpose: the same words of two problems are not the same request."""
        return f"{self.salt}|{self.problem.id}|{purpose}" if expert.client == "replay" else self.salt

    async def _sample(self, wanted: Wanted, request: Request, seat: Seat) -> Completion:
        try:
            completion, request = await self._ask(wanted, request, seat)
            await self._check_withheld(request, completion)
            if completion.finish == "length":
                completion = await self._whole(wanted, request, completion, seat)
        except ExpertError as error:
            self._lose(error)
            raise
        return completion

    def _lose(self, error: ExpertError) -> None:
        self.table.meter.lose(error)
        self.table.trace.add("lost", self.path, error=type(error).__name__, reason=str(error))

    async def _whole(self, wanted: Wanted, request: Request, cut: Completion, seat: Seat) -> Completion:
        """A reply that its cap ended: as it is if it has its answer, else one with a larger cap.

        Prose that breaks off is asked for again too, but is better than nothing where more does not come. Where seconds
        are capped nobody waits for more: what is there would be lost with them.
        """
        if not await self._answered(request, cut):
            return await self._with_larger_cap(wanted, request, seat)
        timed = any(scope.budget.seconds is not None for scope in seat.scope.chain)
        if timed or not answers.breaks_off(self.problem, cut.text):
            return cut
        try:
            return await self._with_larger_cap(wanted, request, seat)
        except (BudgetExceeded, ExpertError) as error:
            self.table.trace.add("cut", self.path, key=request.key.hex(), reason=str(error))
            return cut

    async def _with_larger_cap(self, wanted: Wanted, request: Request, seat: Seat) -> Completion:
        larger = replace(request, sampling=_grown(request.sampling, LARGER_CAP))
        self.table.trace.add("truncated", self.path, key=request.key.hex(), max_tokens=larger.sampling.max_tokens)
        completion, answered = await self._ask(replace(wanted, growth=LARGER_CAP), larger, seat)
        await self._check_withheld(answered, completion)
        if completion.finish == "length" and not await self._answered(answered, completion):
            raise Truncated(f"no answer within {answered.sampling.max_tokens} tokens", expert=answered.expert)
        return completion

    async def _check_withheld(self, request: Request, completion: Completion) -> None:
        """Of a reply that a provider's filter cut, only one whose answer had come by then is an answer.

        Raises:
            ContentFiltered: it had not; half of a text would be taken for all that the expert had to say.
        """
        if completion.finish != "content_filter" or completion.tool_calls:
            return
        if not await self._answered(request, completion) or answers.breaks_off(self.problem, completion.text):
            words = "the provider withheld the rest of the reply (finish_reason content_filter)"
            raise ContentFiltered(words, expert=request.expert)

    async def _answered(self, request: Request, completion: Completion) -> bool:
        if request.labels.purpose != "answer":
            return False
        return bool(completion.text.strip()) and await self.table.reading(self.problem, completion.text) is not None

    async def _ask(
        self, wanted: Wanted, request: Request, seat: Seat, failed: tuple[str, ...] = ()
    ) -> tuple[Completion, Request]:
        """One request, or after its expert is lost the same sample of the fallback; and the one that was answered.

        The journal knows who answered for whom, so that after a resume the same expert is asked.
        """
        failed = (*failed, request.expert)
        fallback = self.table.fallbacks.get(request.expert)
        if fallback is not None and fallback.id in failed:
            fallback = None
        if fallback is not None and self.table.engine.journal.linked(request.key) == fallback.id:
            return await self._instead(wanted, request, seat, fallback, failed)
        if self.capped:
            self.table.forecast.ask(self.table.engine.worst(request))
        try:
            landed = await self.table.engine.ask(request, seat)
        except ExpertError as error:
            # Not after a NotRecorded, a Truncated or a bad request: another expert would not mend those.
            if fallback is None or not (error.retried or isinstance(error, ExpertLost)):
                raise
            await self.table.engine.journal.link(request.key, fallback.id)
            self.table.trace.add("fallback", self.path, key=request.key.hex(), expert=fallback.id, reason=str(error))
            return await self._instead(wanted, request, seat, fallback, failed)
        self.table.forecast.reply(Amount.of(landed.completion.tokens))
        return self._counted(request, landed), request

    def _counted(self, request: Request, landed: Landed) -> Completion:
        self.table.meter.add(landed.completion, landed.paid, landed.joined)
        self.table.trace.add(
            "call", self.path, key=landed.completion.id, expert=request.expert, purpose=request.labels.purpose
        )
        return landed.completion

    async def _instead(
        self, wanted: Wanted, request: Request, seat: Seat, fallback: Expert, failed: tuple[str, ...]
    ) -> tuple[Completion, Request]:
        other = self._request(wanted, fallback, failed).sample(request.sample_index)
        return await self._ask(wanted, other, seat, failed)


def _grown(sampling: Sampling, factor: int) -> Sampling:
    if factor == 1 and sampling.max_tokens:
        return sampling
    return replace(sampling, max_tokens=(sampling.max_tokens or DEFAULT_MAX_TOKENS) * factor)


async def _caught(work: Awaitable[Completion]) -> Completion | Exception:
    """Keeps a refusal or failure until the siblings, which are paid, have ended."""
    try:
        return await work
    except (ExpertError, BudgetExceeded, Stopped) as error:
        return error


def _opened(results: Sequence[Completion | Exception]) -> list[Completion]:
    if errors := [result for result in results if isinstance(result, Exception)]:
        raise first(errors)
    return [result for result in results if isinstance(result, Completion)]
