"""How is usage taken from the quotas that sessions hold, in the transaction that stores it?"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text

from mesh.store import UnitOfWork
from usage_correlation.domain.shards import shard_of


async def use_quotas(uow: UnitOfWork, used: Mapping[tuple[str, str, int, int], int]) -> None:
    """Take from what sessions hold. `used`: quantities by subscription, session, sequence number and rating group."""
    rows = sorted(used)
    subscriptions, sessions, sequences, groups = zip(*rows, strict=True)
    columns = {
        "shards": [shard_of(each) for each in subscriptions],
        "subscriptions": list(subscriptions),
        "sessions": list(sessions),
        "sequences": list(sequences),
        "groups": list(groups),
        "quantities": [used[row] for row in rows],
    }
    # As for granting: what turns from a quota into spending is seen as the one or the other, never as both.
    await uow.connection.execute(_LOCK_ALL, {"subscriptions": list(subscriptions)})
    await uow.connection.execute(_USE, columns)
    await uow.connection.execute(_USED_UP, {name: columns[name] for name in ("shards", "subscriptions", "sessions")})


_LOCK_ALL: Final = text("""
    SELECT pg_advisory_xact_lock(number) FROM (
        SELECT DISTINCT hashtextextended('charging:' || subscription, 0) AS number
        FROM unnest(CAST(:subscriptions AS text[])) AS subscription ORDER BY number
    ) AS locks
""")
# A quota may be reported in several containers, so that rows are added up before they are taken off.
_USE: Final = text("""
    UPDATE usage.charging_reservation AS held SET quantity = greatest(held.quantity - total.quantity, 0)
    FROM (
        SELECT held.shard, held.subscription_id, held.session_id, held.rating_group, sum(used.quantity) AS quantity
        FROM usage.charging_reservation AS held JOIN unnest(
            CAST(:shards AS smallint[]), CAST(:subscriptions AS text[]), CAST(:sessions AS text[]),
            CAST(:sequences AS bigint[]), CAST(:groups AS bigint[]), CAST(:quantities AS numeric[])
        ) AS used (shard, subscription_id, session_id, sequence, rating_group, quantity)
            ON held.shard = used.shard AND held.subscription_id = used.subscription_id
            AND held.session_id = used.session_id AND held.rating_group = used.rating_group
            AND held.first_sequence <= used.sequence
        GROUP BY held.shard, held.subscription_id, held.session_id, held.rating_group
    ) AS total
    WHERE held.shard = total.shard AND held.subscription_id = total.subscription_id
        AND held.session_id = total.session_id AND held.rating_group = total.rating_group
""")
_USED_UP: Final = text("""
    DELETE FROM usage.charging_reservation AS held USING unnest(
        CAST(:shards AS smallint[]), CAST(:subscriptions AS text[]), CAST(:sessions AS text[])
    ) AS used (shard, subscription_id, session_id)
    WHERE held.shard = used.shard AND held.subscription_id = used.subscription_id
        AND held.session_id = used.session_id AND held.quantity = 0
""")
