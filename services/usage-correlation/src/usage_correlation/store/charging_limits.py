"""Where does a subscription stand with its limits, seen from the transaction that grants a quota?"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.policies import Choice, ChoiceKind
from usage_correlation.domain.limits.settling import LimitKey, StandingKey
from usage_correlation.handlers.charging.ports import Settling
from usage_correlation.handlers.limits.ports import Held, Kept
from usage_correlation.store.limits_ledger import STANDINGS, standing_keys
from usage_correlation.store.limits_rows import kept_from


class StoredStandings:
    """Read without locks, on the connection of the transaction."""

    async def choices(self, settling: Settling, held: Sequence[Held]) -> Mapping[LimitKey, Choice]:
        """What the customer said."""
        columns = {
            "shards": [each.shard for each in held],
            "keys": [each.subscription for each in held],
            "policies": [each.policy for each in held],
        }
        rows = await settling.uow.connection.execute(_CHOICES, columns)
        return {(row.subscription_key, row.policy_id): Choice(ChoiceKind(row.kind), row.limit_nanos) for row in rows}

    async def standings(
        self, settling: Settling, wanted: Sequence[tuple[Held, BillCycle]]
    ) -> Mapping[StandingKey, Kept]:
        """Those that there are."""
        rows = await settling.uow.connection.execute(STANDINGS, standing_keys(wanted))
        return {kept.key: kept for kept in map(kept_from, rows)}


_CHOICES: Final = text("""
    SELECT subscription_key, policy_id, kind, limit_nanos
    FROM usage.limit_choice JOIN unnest(
        CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:policies AS text[])
    ) AS held (shard, subscription_key, policy_id) USING (shard, subscription_key, policy_id)
""")
