"""Which spending limits lie ahead of bill cycles?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from rating import Tariff
from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.forecast.crossings import Counted, Threshold, ThresholdKind
from usage_correlation.domain.limits.metering import Piece, on_basis
from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import NO_CHOICE, LimitPolicy, Place, TaxBasis, limit_in_force
from usage_correlation.domain.limits.standing import LimitState, Standing, opening
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.limits.ports import Held, LimitRecords

_WHOLE = 100
_ABROAD: Mapping[Place, bool | None] = {Place.ANYWHERE: None, Place.ROAMING: True, Place.HOME: False}


class LimitsAhead:
    """Reads where many subscriptions stand with their limits, with two statements."""

    def __init__(self, directory: Directory, book: LimitBook, records: LimitRecords) -> None:
        self._directory = directory
        self._book = book
        self._records = records
        self._calendar = LimitCalendar()

    async def ahead(
        self, subscribers: Sequence[Subscriber], cycles: Mapping[str, BillCycle], now: datetime
    ) -> Mapping[str, Sequence[Threshold]]:
        """By subscription, the thresholds of limits in force that its bill cycle has not reached.

        A limit whose period is shorter than the cycle is looked at until its period ends.
        """
        await self._book.ready()
        micros = to_micros(now)
        wanted = [
            (subscriber, policy, Held(subscriber.shard, subscriber.key, policy.id))
            for subscriber in subscribers
            for policy in self._book.of(subscriber.subscription.id, subscriber.subscription.plan_at(micros))
        ]
        if not wanted:
            return {}
        periods = [
            self._calendar.period_at(policy.terms.period, micros, subscriber.subscription)
            for subscriber, policy, _ in wanted
        ]
        choices = await self._records.choices([held for *_, held in wanted])
        kept = await self._records.standings(list(zip([held for *_, held in wanted], periods, strict=True)))
        tariffs = await self._directory.tariffs({
            plan for subscriber, *_ in wanted if (plan := subscriber.subscription.plan_at(micros)) is not None
        })  # fmt: skip
        found: dict[str, list[Threshold]] = {}
        for (subscriber, policy, held), period in zip(wanted, periods, strict=True):
            choice = choices.get(held.key, NO_CHOICE)
            there = kept.get((held.subscription, held.policy, period.start_micros))
            standing = there.standing if there else opening(period, choice)
            limit = limit_in_force(policy.terms, choice, standing.consents)
            tariff = tariffs.get(subscriber.subscription.plan_at(micros) or "")
            name = subscriber.subscription.id
            if limit is None or standing.state is LimitState.STOPPED or not isinstance(tariff, Tariff):
                continue
            if tariff.currency == policy.terms.currency:
                until = min(period.end_micros, cycles[name].end_micros)
                found.setdefault(name, []).extend(_thresholds(policy, standing, limit, tariff, until))
        return found


def _thresholds(
    policy: LimitPolicy, standing: Standing, limit_nanos: int, tariff: Tariff, until: int
) -> list[Threshold]:
    terms = policy.terms
    counted = Counted(
        terms.scope.services, _ABROAD[terms.scope.place], _factor(tariff, standing, terms.tax_basis), until
    )
    found = []
    for percent in (*terms.notice_percents, _WHOLE):
        amount = Fraction(limit_nanos, NANOS) * percent / _WHOLE
        missing = amount - standing.spent
        if missing > 0 and percent > standing.percent:
            found.append(
                Threshold(ThresholdKind.SPENDING_LIMIT, policy.id, percent, amount, terms.currency, missing, counted)
            )
    return found


def _factor(tariff: Tariff, standing: Standing, basis: TaxBasis) -> float:
    """What one unit of price counts for: of the tariff's first line, for an estimate."""
    version = tariff.version_at(from_micros(standing.period.start_micros)) or tariff.versions[0]
    line = version.rates[0].line
    return float(on_basis(tariff, standing.period.start_micros, [Piece(line, Fraction(1))], basis))
