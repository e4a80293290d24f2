"""What does each record of a bill cycle cost, and why?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rating import Rating, RatingError
from usage_correlation.domain.consumption.rated_cycle import RatedStretch
from usage_correlation.domain.limits.events import UnchargedUsage
from usage_correlation.domain.usage import StoredRecord
from usage_correlation.handlers.consumption.rate_usage import RateUsage
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, PageStart, Usage
from usage_correlation.handlers.summarise_usage import cycle_asked_for


@dataclass(frozen=True, slots=True)
class RatedRecord:
    """One record with its price."""

    record: StoredRecord
    plan: str
    """In force when it began; empty for none."""
    currency: str
    rating: Rating | RatingError
    """How the price follows, or why there is none."""
    uncharged: Sequence[UnchargedUsage] = ()
    """What of the price a spending limit lets not be charged, by line."""

    @property
    def charged(self) -> Fraction:
        """What of the price is charged."""
        price = self.rating.amount if isinstance(self.rating, Rating) else Fraction(0)
        return price - sum((each.amount for each in self.uncharged), Fraction(0))


class ListRatedUsage:
    """Rates the whole cycle, for what one record costs depends on those before it, and shows one page."""

    def __init__(self, directory: Directory, usage: Usage, clock: Clock, rate: RateUsage) -> None:
        self._directory = directory
        self._usage = usage
        self._clock = clock
        self._rate = rate

    async def __call__(
        self, subscription_id: str, cycle_micros: int | None, after: PageStart | None, size: int
    ) -> Sequence[RatedRecord]:
        """One page, by start. Raises what RateUsage raises."""
        await self._directory.catch_up()
        subscription = (await self._directory.subscriber(subscription_id)).subscription
        cycle = cycle_asked_for(subscription, self._clock.now(), cycle_micros)
        interval = (cycle.start_micros, cycle.end_micros)
        # Read first: records are never taken away, so that what is rated afterwards holds all of these.
        records = await self._usage.page(subscription_id, interval, after, size)
        usage = await self._rate(subscription_id, cycle.start_micros, with_keys=True)
        rated, uncharged = usage.rated, _by_record(usage.uncharged)
        rows = {key: row for row, key in enumerate(rated.history.keys)}
        return [
            _of_row(record, rated.of_row(rows[key]), uncharged.get(key, ()))
            for record in records
            for key in [(record.source, record.record_id)]
        ]


def _by_record(uncharged: Sequence[UnchargedUsage]) -> Mapping[tuple[str, str], Sequence[UnchargedUsage]]:
    found: dict[tuple[str, str], list[UnchargedUsage]] = {}
    for each in uncharged:
        found.setdefault((each.source, each.record_id), []).append(each)
    return found


def _of_row(
    record: StoredRecord, found: tuple[RatedStretch, Rating | RatingError] | None, uncharged: Sequence[UnchargedUsage]
) -> RatedRecord:
    if found is None:
        return RatedRecord(record, "", "", RatingError("start_time", "no plan", "a plan that was in force"))
    part, rating = found
    # What was not charged under another plan was given back with the plan.
    mine = [each for each in uncharged if each.plan == part.stretch.plan]
    return RatedRecord(record, part.stretch.plan, part.tariff.currency, rating, mine)
