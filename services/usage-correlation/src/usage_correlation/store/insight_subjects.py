"""Who has fallen silent of late, and who has a device for data and uses none?"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.silence import SilenceTerms
from usage_correlation.domain.moments import to_micros
from usage_correlation.handlers.insights.find_unused import UnusedTerms
from usage_correlation.handlers.insights.ports import ClosedCycle
from usage_correlation.store.insight_rounds import Subject

_FIRST_ROUND: Final = timedelta(days=1)
"""What is older is no news."""


def silent_subscriptions(terms: SilenceTerms) -> Subject:
    """Those whose newest record began so long ago; what is looked at are the days up to it."""
    silent, observed = timedelta(days=terms.silent_days), timedelta(days=terms.observed_days)

    def read(row: Row[Any]) -> ClosedCycle:
        """Any: columns of several types."""
        last = to_micros(row.last_time)
        stretch = BillCycle(to_micros(row.last_time - observed), last + 1)
        return ClosedCycle(row.subscription_id, row.subscription_key, stretch)

    return Subject(_SILENT.bindparams(silent=silent), _FIRST_ROUND, read)


def devices_for_data(terms: UnusedTerms) -> Subject:
    """Those who were seen with one so long ago, and have used no data since."""

    def read(row: Row[Any]) -> ClosedCycle:
        """Any: columns of several types."""
        stretch = BillCycle(to_micros(row.observe_time), to_micros(row.observe_time + timedelta(days=terms.days)))
        cause = f"{row.source}/{row.observation_id}"
        return ClosedCycle(row.subscription_id, row.subscription_key, stretch, cause, row.content)

    given = {"unused": timedelta(days=terms.days), "capabilities": list(terms.capabilities)}
    return Subject(_UNUSED.bindparams(**given), _FIRST_ROUND, read)


# The newest records are those of the newest bill cycles: older ones need not be looked at.
_SILENT: Final = text("""
    SELECT subscription_key, subscription_id, last_time
    FROM (
        SELECT subscription_key, max(latest_record_time) AS last_time
        FROM usage.bill_cycle
        WHERE shard = :shard AND subscription_key > :after AND cycle_end_time > CAST(:since AS timestamptz) - :silent
        GROUP BY subscription_key
    ) AS newest
    JOIN usage.subscription USING (subscription_key)
    WHERE last_time > CAST(:since AS timestamptz) - :silent AND last_time <= CAST(:until AS timestamptz) - :silent
    ORDER BY subscription_key
    LIMIT :size
""")
_UNUSED: Final = text("""
    SELECT DISTINCT ON (subscription_key)
        subscription_key, subscription_id, observe_time, source, observation_id, content
    FROM usage.observation
    JOIN usage.subscription USING (subscription_key)
    JOIN usage.source USING (source_key)
    WHERE shard = :shard AND subscription_key > :after AND kind = 'device_seen'
        AND observe_time > CAST(:since AS timestamptz) - :unused
        AND observe_time <= CAST(:until AS timestamptz) - :unused
        AND content -> 'capabilities' ?| :capabilities
        AND NOT EXISTS (
            SELECT FROM usage.usage_record AS record
            WHERE record.shard = observation.shard AND record.subscription_key = observation.subscription_key
                AND record.start_time >= observation.observe_time
                AND record.start_time < observation.observe_time + :unused
                AND record.usage_type = 'data' AND record.quantity > 0
        )
    ORDER BY subscription_key, observe_time
    LIMIT :size
""").bindparams(bindparam("capabilities", type_=ARRAY(Text)))
