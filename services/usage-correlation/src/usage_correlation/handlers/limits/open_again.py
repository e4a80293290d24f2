"""What follows for those whom a policy stops, when it stops them no longer?"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.limits.events import EventKind, Facts, LimitEvent
from usage_correlation.domain.limits.notices import Moments, Notice, notice_signal
from usage_correlation.domain.limits.policies import NO_CHOICE, Action, LimitPolicy, limit_in_force
from usage_correlation.domain.limits.standing import Stage, released, stops
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.limits.ports import Kept, LimitLedger

Find = Callable[[Collection[str]], Awaitable[Mapping[str, Subscriber | Refusal]]]
"""Subscribers by id; those that the profile doesn't know are left out or refused."""


@dataclass(frozen=True, slots=True)
class _Opened:
    before: Kept
    """As it was, stopped."""
    kept: Kept
    """As it is now."""
    limit_nanos: int | None
    """Up to which it is open; None: without limit."""


async def open_again(ledger: LimitLedger, find: Find, policy: LimitPolicy, now: datetime, *, ended: bool) -> None:
    """Open what a policy has stopped and stops no longer, keep that, and tell the customers.

    `ended`: it was removed, so that it stops nobody. Otherwise its terms say whom it stops now.
    """
    stopped = await ledger.stopped_by(policy.id, now)
    if not stopped:
        return
    opened = await _opened(ledger, policy, stopped, now, ended=ended)
    for each in opened:
        await ledger.end_stop(each.before, now)
    await ledger.save([each.kept for each in opened])
    signals = await _signals(ledger, find, policy, opened, now)
    await ledger.raise_signals(list(signals.values()))
    facts = [_facts(policy, each, signals.get(number)) for number, each in enumerate(opened)]
    await ledger.add_events(
        [
            (each.kept.held, LimitEvent(EventKind.OPENED, policy.id, each.kept.standing.period, now, now, fact))
            for each, fact in zip(opened, facts, strict=True)
        ]
    )


async def _opened(
    ledger: LimitLedger, policy: LimitPolicy, stopped: Sequence[Kept], now: datetime, *, ended: bool
) -> list[_Opened]:
    terms, micros = policy.terms, to_micros(now)
    if ended or terms.paused or terms.action is Action.NOTIFY:
        return [_Opened(kept, Kept(kept.held, released(kept.standing, micros)), None) for kept in stopped]
    choices = await ledger.lock({kept.held for kept in stopped})
    found = []
    for kept in stopped:
        choice = choices.get(kept.held.key, NO_CHOICE)
        if not stops(kept.standing, terms, choice):
            limit = limit_in_force(terms, choice, kept.standing.consents)
            found.append(_Opened(kept, Kept(kept.held, released(kept.standing, micros, terms, limit)), limit))
    return found


async def _signals(
    ledger: LimitLedger, find: Find, policy: LimitPolicy, opened: Sequence[_Opened], now: datetime
) -> dict[int, Signal]:
    """By number in `opened`; whoever the profile doesn't know any more is told nothing."""
    names = await ledger.names({each.kept.held.subscription for each in opened})
    known = await find(set(names.values())) if names else {}
    signals: dict[int, Signal] = {}
    for number, each in enumerate(opened):
        subscriber = known.get(names.get(each.kept.held.subscription, ""))
        if isinstance(subscriber, Subscriber):
            notice = Notice(Stage.OPEN, 0, each.limit_nanos)
            moments = Moments(now, now, now)
            signals[number] = notice_signal(subscriber.subscription, policy, each.kept.standing, notice, moments)
    return signals


def _facts(policy: LimitPolicy, opened: _Opened, signal: Signal | None) -> Facts:
    return Facts(
        policy_revision=policy.revision,
        currency=policy.terms.currency,
        limit_nanos=opened.limit_nanos,
        spent_nanos=nearest_nanos(opened.kept.standing.spent),
        signal=signal.id if signal is not None else "",
    )
