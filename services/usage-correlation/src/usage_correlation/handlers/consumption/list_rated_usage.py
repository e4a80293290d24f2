"""What does each record of a bill cycle cost, and why?"""

from collections.abc import Sequence
from dataclasses import dataclass

from rating import Rating, RatingError
from usage_correlation.domain.consumption.rated_cycle import RatedStretch
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
        rated = (await self._rate(subscription_id, cycle.start_micros, with_keys=True)).rated
        rows = {key: row for row, key in enumerate(rated.history.keys)}
        return [_of_row(record, rated.of_row(rows[record.source, record.record_id])) for record in records]


def _of_row(record: StoredRecord, found: tuple[RatedStretch, Rating | RatingError] | None) -> RatedRecord:
    if found is None:
        return RatedRecord(record, "", "", RatingError("start_time", "no plan", "a plan that was in force"))
    part, rating = found
    return RatedRecord(record, part.stretch.plan, part.tariff.currency, rating)
