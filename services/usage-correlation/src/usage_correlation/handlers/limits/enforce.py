"""What does usage that arrives do to the limits of those who used it, and how much of it is charged?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mesh.store import UnitOfWork
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import EventKind, Facts, LimitEvent
from usage_correlation.domain.limits.metering import MeteredRecord, metered
from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import NO_CHOICE, LimitPolicy, Period
from usage_correlation.domain.limits.settling import Counted, StandingKey, settle, settle_anew
from usage_correlation.domain.limits.standing import opening
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.totals import Change, ChargeName, Latest, change_totals, spend_totals
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter, TakenBack
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.limits.passings import Passings
from usage_correlation.handlers.limits.ports import Held, Kept, LimitLedger, UnchargedRow
from usage_correlation.handlers.ports import Clock, Keys

_NO_LATER = 0
"""A record's start that leaves the latest one as it is."""


class EnforceLimits:
    """The restraint that counts usage towards limits, takes back what may not be charged, and notifies."""

    def __init__(self, book: LimitBook, ledger: Callable[[UnitOfWork], LimitLedger], keys: Keys, clock: Clock) -> None:
        self._book = book
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._calendar = LimitCalendar()

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival
    ) -> tuple[Sequence[tuple[Account, Signal]], Sequence[TakenBack]]:
        """Notices of what was passed, and what is not charged for it."""
        await self._book.ready()
        counted = self._counted(arrival, arrival.usages, arrival.batch.starts)
        anew = self._counted_anew(arrival)
        if not counted and not anew:
            return [], []
        ledger, wanted = self._ledger(writer.uow), _wanted(arrival, [*counted, *anew])
        choices = await ledger.lock({held for held, _ in wanted.values()})
        before = await ledger.standings(list(wanted.values()))
        standings = {
            key: before[key].standing if key in before else opening(period, choices.get(held.key, NO_CHOICE))
            for key, (held, period) in wanted.items()
        }
        settlement = settle(counted, standings, choices)
        settle_anew(anew, settlement, choices)
        passings = Passings(arrival, self._clock.now(), settlement.passed, choices)
        kept = {
            key: Kept(
                held,
                settlement.standings[key],
                passings.terms_of(key) or (before[key].consent_terms if key in before else None),
            )
            for key, (held, _) in wanted.items()
        }
        await ledger.save(kept.values())
        await ledger.begin_stops(passings.stops(kept))
        began = await ledger.continued([place for key, place in wanted.items() if key not in before])
        await ledger.add_events([*self._resets(wanted, began), *passings.events(kept)])
        uncharged = passings.uncharged(settlement.uncharged)
        if uncharged:
            await self._take_back(writer, ledger, arrival, uncharged)
        return passings.signals, [
            TakenBack(account, (each.row.source, each.row.record_id), each.charge.currency, each.row.amount)
            for account, each in uncharged
        ]

    def _counted_anew(self, arrival: Arrival) -> list[Counted]:
        """The records of bill cycles that were rated anew, for policies that have counted all of the cycle."""
        if arrival.anew is None:
            return []
        found = []
        for each in self._counted(arrival, arrival.anew.usages, arrival.anew.batch.starts):
            policies = tuple(policy for policy in each.record.policies if _has_counted(policy, each.periods[policy.id]))
            if policies:
                found.append(replace(each, record=replace(each.record, policies=policies)))
        return found

    def _counted(self, arrival: Arrival, usages: Sequence[PlanUsage], starts: Sequence[int]) -> list[Counted]:
        now = to_micros(arrival.time)

        def policies(account: int) -> Sequence[LimitPolicy]:
            subscription = arrival.accounts[account].subscriber.subscription
            return self._book.of(subscription.id, subscription.plan_at(now))

        records = metered(usages, starts, self._book.scopes, policies)
        return [self._placed(arrival, record) for record in records]

    def _placed(self, arrival: Arrival, record: MeteredRecord) -> Counted:
        subscriber = arrival.accounts[record.account].subscriber
        periods = {
            policy.id: self._calendar.period_at(policy.terms.period, record.start_micros, subscriber.subscription)
            for policy in record.policies
        }
        return Counted(record, subscriber.key, periods)

    def _resets(
        self, wanted: Mapping[StandingKey, tuple[Held, BillCycle]], began: Collection[StandingKey]
    ) -> list[tuple[Held, LimitEvent]]:
        """That new periods began: noted with their first usage."""
        now = self._clock.now()
        return [
            (held, LimitEvent(EventKind.RESET, held.policy, period, from_micros(period.start_micros), now, Facts()))
            for held, period in (wanted[key] for key in sorted(began))
        ]

    async def _take_back(
        self, writer: LedgerWriter, ledger: LimitLedger, arrival: Arrival, rows: Sequence[tuple[int, UnchargedRow]]
    ) -> None:
        """Book what is not charged as reversals: nothing that was counted is edited. `rows` with their accounts."""
        await ledger.add_uncharged([row for _, row in rows])
        amounts: dict[tuple[int, ChargeName], Fraction] = {}
        for account, row in rows:
            place = (account, row.charge)
            amounts[place] = amounts.get(place, Fraction(0)) - row.row.amount
        lines = change_totals(
            [
                Change(account, charge, 0, 0, Amount(amount.numerator, amount.denominator))
                for (account, charge), amount in amounts.items()
            ]
        )
        latest = [Latest(account, charge.currency, _NO_LATER) for account, charge in amounts]
        for totals in spend_totals(lines, latest):
            await writer.add_spending(arrival.accounts, totals, None)
        charges = await self._keys.of_charges({charge for _, charge in amounts})
        await writer.add_lines(arrival.accounts, lines, charges)


def _has_counted(policy: LimitPolicy, period: BillCycle) -> bool:
    """Whether a policy's count and a bill cycle's records are about the same usage."""
    return policy.terms.period is Period.BILL_CYCLE and to_micros(policy.create_time) <= period.start_micros


def _wanted(arrival: Arrival, counted: Sequence[Counted]) -> dict[StandingKey, tuple[Held, BillCycle]]:
    """The standings that records count in."""
    found: dict[StandingKey, tuple[Held, BillCycle]] = {}
    for each in counted:
        subscriber = arrival.accounts[each.record.account].subscriber
        for policy in each.record.policies:
            period = each.periods[policy.id]
            key = (subscriber.key, policy.id, period.start_micros)
            found[key] = (Held(subscriber.shard, subscriber.key, policy.id), period)
    return found
