"""How does a charging request become usage records, and which quotas is it answered with?

A request goes two steps, each a transaction: its usage is stored; then what may be used next is granted and held, and
the answer kept with the session. Killed between them, the same request goes them again: its records are known by then,
and the quotas that it held are its own. An immediate event asks first, is stored then, and gives back what it held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from usage_correlation.domain.charging.containers import Reported, batch_of, reported
from usage_correlation.domain.charging.quotas import Grant, Result
from usage_correlation.domain.charging.rating_groups import RatingGroups
from usage_correlation.domain.charging.requests import ChargingRequest, OneTime
from usage_correlation.domain.charging.sessions import (
    Session,
    State,
    Turn,
    context_of,
    record_id,
    session_id,
    turn_of,
)
from usage_correlation.domain.refusals import BatchOutcome, Reason, Refusal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.errors import (
    ChargingSessionEnded,
    ChargingSessionNotFound,
    InvocationConflict,
    UserUnknown,
)
from usage_correlation.handlers.charging.grant_quotas import GrantQuotas, Quotas, QuotaTerms, is_had
from usage_correlation.handlers.charging.ports import (
    Answer,
    Kept,
    RefusedContainer,
    Sessions,
    Settled,
)
from usage_correlation.handlers.charging.subscribers import Subscribers
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock


class Record(Protocol):
    """Takes usage in."""

    async def __call__(self, batch: UsageBatch, invalid: Mapping[int, Refusal]) -> BatchOutcome:
        """Store what can be stored."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long sessions live."""

    silence: timedelta
    """Without quotas: how long a session may be silent."""
    kept: timedelta
    """After its end: how long it is known, so that retransmissions are answered."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    """`partner/acme` or `service/operator`."""
    source: str
    """Under which its usage is stored."""
    sees_all: bool


@dataclass(frozen=True, slots=True)
class ChargingTerms:
    """What the operator has set."""

    groups: RatingGroups
    quotas: QuotaTerms
    lifetimes: Lifetimes


@dataclass(frozen=True, slots=True)
class Invocation:
    """A request on its way."""

    session: Session
    request: ChargingRequest
    subscriber: Subscriber
    ends: bool


class Charging:
    """Charges sessions and events."""

    def __init__(
        self,
        directory: Directory,
        subscribers: Subscribers,
        sessions: Sessions,
        record: Record,
        grant: GrantQuotas,
        clock: Clock,
        terms: ChargingTerms,
    ) -> None:
        self._directory = directory
        self._subscribers = subscribers
        self._sessions = sessions
        self._record = record
        self._grant = grant
        self._clock = clock
        self._groups = terms.groups
        self._terms = terms.quotas
        self._lifetimes = terms.lifetimes

    async def create(self, caller: Caller, request: ChargingRequest, request_id: str) -> tuple[str, Answer]:
        """Open a session or charge an event; its id and the answer. Raises UserUnknown, InvocationConflict."""
        subscription = await self._subscribers.find(request.identifiers)
        what = request_id.encode() or request.digest
        name, now = session_id(caller.name, subscription, what), self._clock.now()
        known, kept = await self._sessions.find(name, request.sequence)
        if kept is not None:
            return name, _replayed(kept, request)
        session = known or Session(
            name, caller.name, caller.source, subscription, context_of(request), State.OPEN, request.sequence,
            create_time=now, update_time=now, expire_time=now + self._lifetimes.silence,
        )  # fmt: skip
        return name, await self._answer(session, request, ends=request.one_time is not None)

    async def update(self, caller: Caller, name: str, request: ChargingRequest, *, ends: bool) -> Answer:
        """Go on with a session, or end it.

        Raises ChargingSessionNotFound, ChargingSessionEnded, InvocationConflict.
        """
        session, kept = await self._sessions.find(name, request.sequence)
        if session is None or not (caller.sees_all or session.caller == caller.name):
            raise ChargingSessionNotFound(name)
        if kept is not None:
            return _replayed(kept, request)
        if turn_of(session, request.sequence) is Turn.AFTER_END:
            raise ChargingSessionEnded(name)
        return await self._answer(session, session.completed(request), ends=ends)

    async def _answer(self, session: Session, request: ChargingRequest, *, ends: bool) -> Answer:
        await self._directory.catch_up()
        subscriber = (await self._directory.subscribers([session.subscription])).get(session.subscription)
        if not isinstance(subscriber, Subscriber):
            return await self._unusable(session, request, subscriber)
        invocation = Invocation(session, request, subscriber, ends)
        if request.one_time is OneTime.IMMEDIATE:
            return await self._event(invocation)
        refused = await self._store(invocation, reported(request, self._groups))
        return await self._settle(invocation, refused)

    async def _unusable(self, session: Session, request: ChargingRequest, why: Refusal | None) -> Answer:
        """The profile knows the subscription no more, or not well enough: a new session is not opened, what an old one
        reports is kept for repair.
        """
        known, _ = await self._sessions.find(session.id, request.sequence)
        if known is None:
            raise UserUnknown
        refusal = why or Refusal(
            Reason.SUBSCRIPTION_NOT_FOUND, "subscription", f"there is no subscriptions/{session.subscription}"
        )
        found = reported(request, self._groups)
        refused = [RefusedContainer(request.sequence, each.id, refusal, each) for each in found.containers]
        refused += [RefusedContainer(request.sequence, each, wrong, None) for each, wrong in found.refused]
        result = Result.USER_UNKNOWN if why is None else Result.RATING_FAILED
        answer = Answer(self._clock.now(), tuple(Grant(each.rating_group, result) for each in request.groups))
        async with self._sessions.settling(session.subscription) as settling:
            now = self._clock.now()
            after = replace(session, update_time=now, last_sequence=max(session.last_sequence, request.sequence))
            kept = Kept(request.digest, answer)
            await settling.settle(Settled(after, request.sequence, kept, None, (), refused))
        return answer

    async def _event(self, invocation: Invocation) -> Answer:
        """Ask, charge, and be done."""
        request = invocation.request
        asked = await self._settle(replace(invocation, ends=False), (), is_asking=True)
        found = reported(request, self._groups)
        had = tuple(each for each in found.containers if is_had(asked.grants, each.id.rating_group))
        refused = await self._store(invocation, Reported(had, found.refused))
        return await self._settle(invocation, refused, asked=asked)

    async def _store(self, invocation: Invocation, found: Reported) -> list[RefusedContainer]:
        """Store the usage; what could not be stored, and why."""
        session, request = invocation.session, invocation.request
        refused = [RefusedContainer(request.sequence, each, refusal, None) for each, refusal in found.refused]
        if not found.containers:
            return refused
        names = [record_id(session.id, request.sequence, each.id) for each in found.containers]
        batch = batch_of(found.containers, session.subscription, session.source, names)
        outcome = await self._record(batch, {})
        return refused + [
            RefusedContainer(request.sequence, found.containers[row].id, refusal, found.containers[row])
            for row, refusal in sorted(outcome.refusals.items())
        ]

    async def _settle(
        self,
        invocation: Invocation,
        refused: Sequence[RefusedContainer],
        *,
        asked: Answer | None = None,
        is_asking: bool = False,
    ) -> Answer:
        """Grant quotas and keep the answer. `asked`: what was granted already; `is_asking`: the answer comes later."""
        request, subscriber = invocation.request, invocation.subscriber
        priced = await self._grant.priced(subscriber, self._clock.now())
        async with self._sessions.settling(invocation.session.subscription) as settling:
            session = await settling.session(invocation.session.id) or invocation.session
            kept = await settling.kept(session.id, request.sequence)
            if kept is not None:
                return _replayed(kept, request)
            turn = turn_of(session, request.sequence)
            if turn is Turn.AFTER_END:
                raise ChargingSessionEnded(session.id)
            now = self._clock.now()
            groups = [each.rating_group for each in request.groups if each.requested is not None]
            quotas = Quotas((), ())
            if turn is Turn.NEXT and not invocation.ends:
                held = list(await settling.held(now, session.id, groups))
                quotas = await self._grant(settling, request, subscriber, priced, held, now)
            grants = asked.grants if asked is not None else (*quotas.grants, *_failed(refused, quotas.grants))
            answer = Answer(now, grants)
            await settling.settle(Settled(
                self._after(session, invocation, turn, quotas, now),
                request.sequence,
                None if is_asking else Kept(request.digest, answer),
                None if invocation.ends else groups if turn is Turn.NEXT else (),
                quotas.held,
                refused,
            ))  # fmt: skip
        return answer

    def _after(self, session: Session, invocation: Invocation, turn: Turn, quotas: Quotas, now: datetime) -> Session:
        """The session after a request."""
        if turn is Turn.LATE:
            return replace(session, update_time=now)
        request = invocation.request
        if invocation.ends:
            state, expires = State.RELEASED, now + self._lifetimes.kept
        else:
            quota = self._terms.validity + self._terms.patience
            state, expires = State.OPEN, now + (quota if quotas.held else self._lifetimes.silence)
        return replace(
            session,
            context=context_of(session.completed(request)),
            state=state,
            last_sequence=request.sequence,
            update_time=now,
            expire_time=expires,
        )


def _replayed(kept: Kept, request: ChargingRequest) -> Answer:
    if kept.digest != request.digest:
        raise InvocationConflict(request.sequence)
    return kept.answer


def _failed(refused: Sequence[RefusedContainer], grants: Sequence[Grant]) -> list[Grant]:
    """A result for each rating group whose usage was refused and that asked for nothing."""
    answered = {each.rating_group for each in grants}
    groups = dict.fromkeys(each.id.rating_group for each in refused if each.id.rating_group not in answered)
    return [Grant(group, Result.RATING_FAILED) for group in groups]
