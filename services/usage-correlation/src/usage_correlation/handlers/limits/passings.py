"""What is kept and told of the limits that a batch has passed?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.limits.events import (
    ConsentTerms,
    Facts,
    LimitEvent,
    LimitStop,
    UnchargedUsage,
)
from usage_correlation.domain.limits.metering import MeteredRecord, quote
from usage_correlation.domain.limits.notices import EVENT_OF, Moments, Notice, notice_signal
from usage_correlation.domain.limits.policies import NO_CHOICE, Choice
from usage_correlation.domain.limits.settling import LimitKey, Passed, StandingKey, Uncharged
from usage_correlation.domain.limits.standing import Stage, limit_after_consent
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal
from usage_correlation.domain.totals import ChargeName
from usage_correlation.domain.usage import RecordKey
from usage_correlation.handlers.ledger_ports import Arrival
from usage_correlation.handlers.limits.ports import Held, Kept, UnchargedRow


class Passings:
    """Thresholds that a batch has passed, in the order in which its records began."""

    def __init__(
        self, arrival: Arrival, now: datetime, passed: Sequence[Passed], choices: Mapping[LimitKey, Choice]
    ) -> None:
        """`now`: when they are noted."""
        self._arrival = arrival
        self._now = now
        self._anew = {id(usage) for usage in arrival.anew.usages} if arrival.anew else set()
        self._passed = passed
        self._stopping = [each for each in passed if each.passing.stage is Stage.STOPPED]
        self._terms = {each.key: _terms(each, choices) for each in self._stopping}
        self.signals = [(self._account(each), self._signal(each)) for each in passed]
        """One for each."""

    def terms_of(self, key: StandingKey) -> ConsentTerms | None:
        """What the customer is asked to consent to where the batch stopped something."""
        return self._terms.get(key)

    def stops(self, kept: Mapping[StandingKey, Kept]) -> list[tuple[Kept, LimitStop]]:
        """The stops that begin."""
        return [(kept[each.key], self._stop(each)) for each in self._stopping]

    def events(self, kept: Mapping[StandingKey, Kept]) -> list[tuple[Held, LimitEvent]]:
        """What happened."""
        return [
            (kept[each.key].held, self._event(each, signal))
            for each, (_, signal) in zip(self._passed, self.signals, strict=True)
        ]

    def uncharged(self, parts: Sequence[Uncharged]) -> list[tuple[int, UnchargedRow]]:
        """What is not charged, a row a record and charge, with the record's account."""
        rows: dict[tuple[RecordKey, ChargeName], tuple[int, UnchargedRow]] = {}
        for each in parts:
            usage, record = each.record.usage, each.record
            charge = ChargeName(usage.plan, each.line, usage.tariff.currency)
            place = (self._key(record), charge)
            if place in rows:  # a record that is on the line twice: its price changed meanwhile
                account, known = rows[place]
                summed = replace(known.row, amount=known.row.amount + each.amount)
                rows[place] = (account, replace(known, row=summed))
            else:
                rows[place] = (record.account, self._uncharged_row(each, charge))
        return list(rows.values())

    def _key(self, record: MeteredRecord) -> RecordKey:
        """Of a new record, or of one that was rated anew."""
        is_anew = self._arrival.anew is not None and id(record.usage) in self._anew
        batch = self._arrival.anew.batch if is_anew and self._arrival.anew else self._arrival.batch
        return batch.key(record.row)

    def _account(self, passed: Passed) -> Account:
        return self._arrival.accounts[passed.record.account]

    def _evidence(self, passed: Passed) -> tuple[str, ...]:
        keys = [self._key(record) for record in passed.led[-MAX_EVIDENCE:]]
        return tuple(f"{source}/{record_id}" for source, record_id in keys)

    def _signal(self, passed: Passed) -> Signal:
        passing = passed.passing
        terms = self._terms.get(passed.key) if passing.stage is Stage.STOPPED else None
        notice = Notice(passing.stage, passing.percent, passing.limit_nanos, terms, self._evidence(passed))
        moments = Moments(from_micros(passed.record.start_micros), self._arrival.time, self._now)
        subscription = self._account(passed).subscriber.subscription
        return notice_signal(subscription, passed.policy, passed.standing, notice, moments)

    def _event(self, passed: Passed, signal: Signal) -> LimitEvent:
        passing, policy = passed.passing, passed.policy
        facts = Facts(
            policy_revision=policy.revision,
            currency=policy.terms.currency,
            limit_nanos=passing.limit_nanos,
            spent_nanos=nearest_nanos(passed.standing.spent),
            percent=passing.percent,
            evidence=signal.evidence,
            consent_terms=self._terms.get(passed.key) if passing.stage is Stage.STOPPED else None,
            signal=signal.id,
        )
        period = passed.standing.period
        return LimitEvent(EVENT_OF[passing.stage], policy.id, period, signal.event_time, self._now, facts)

    def _stop(self, passed: Passed) -> LimitStop:
        return LimitStop(
            subscription=self._account(passed).subscriber.subscription.id,
            policy=passed.policy.id,
            scope=passed.policy.terms.scope,
            start_micros=passed.record.start_micros,
            effective_micros=to_micros(self._now),
            end_micros=passed.standing.period.end_micros,
        )

    def _uncharged_row(self, each: Uncharged, charge: ChargeName) -> UnchargedRow:
        record = each.record
        subscriber = self._arrival.accounts[record.account].subscriber
        source, record_id = self._key(record)
        row = UnchargedUsage(
            subscription=subscriber.subscription.id,
            source=source,
            record_id=record_id,
            start_micros=record.start_micros,
            plan=charge.plan,
            charge_code=charge.code,
            currency=charge.currency,
            amount=each.amount,
            policy=each.policy.id,
            decide_time=self._now,
        )
        return UnchargedRow(Held(subscriber.shard, subscriber.key, each.policy.id), row, charge)


def _terms(passed: Passed, choices: Mapping[LimitKey, Choice]) -> ConsentTerms:
    """The price of more of the same, and up to where a consent opens."""
    policy, quoted = passed.policy, quote(passed.record, passed.policy)
    subscription, policy_id, _ = passed.key
    choice = choices.get((subscription, policy_id), NO_CHOICE)
    return ConsentTerms(
        next_limit_nanos=limit_after_consent(passed.standing, policy.terms, choice)[1],
        price_nanos=nearest_nanos(quoted.price),
        currency=policy.terms.currency,
        service=quoted.service,
        quantity=quoted.quantity,
        visited_network=quoted.visited_network,
    )
