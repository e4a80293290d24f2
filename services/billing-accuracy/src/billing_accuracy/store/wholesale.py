"""How are charges and tariffs between networks kept?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.wholesale.charges import WholesaleCharge
from billing_accuracy.errors import TariffNotFound
from billing_accuracy.handlers.wholesale import AgreedTariff, ChargeKey, Read
from billing_accuracy.store.wholesale_tables import INTER_OPERATOR_TARIFF, WHOLESALE_CHARGE
from mesh.store import insert_ignoring_duplicates, listed

_KEY = ("source", "record_id", "sequence")


class StoredWholesale:
    """Charges and tariffs between networks, in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, charges: Sequence[Read]) -> Mapping[ChargeKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""
        # In one order, so that two calls with the same charges wait for each other instead of dead-locking.
        rows = sorted((_row(*one) for one in charges), key=lambda row: tuple(row[name] for name in _KEY))
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        added = await insert_ignoring_duplicates(
            self._connection, WHOLESALE_CHARGE, columns, key=list(_KEY), returning=list(_KEY)
        )
        new = {(row.source, row.record_id, row.sequence) for row in added}
        known = [key for row in rows if (key := (row["source"], row["record_id"], row["sequence"])) not in new]
        return await self._digests(known) if known else {}

    async def between(self, partner: str, start: datetime, end: datetime) -> Sequence[WholesaleCharge]:
        """What a partner charges for events that began in the interval."""
        table = WHOLESALE_CHARGE
        query = select(table).where(table.c.partner == partner, table.c.event_time >= start, table.c.event_time < end)
        rows = await self._connection.execute(query.order_by(*(table.c[name] for name in _KEY)))
        return [_charge(row) for row in rows]

    async def set_tariff(self, tariff: AgreedTariff) -> AgreedTariff:
        """Keep it; what is kept: the same document stays as it was."""
        table = INTER_OPERATOR_TARIFF
        statement = insert(table).values(
            partner=tariff.partner, document=tariff.document, digest=tariff.digest, update_time=tariff.time
        )
        new = {name: statement.excluded[name] for name in ("document", "digest", "update_time")}
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.partner], set_=new, where=table.c.digest != statement.excluded.digest
            )
        )
        return await self.tariff(tariff.partner)

    async def tariff(self, partner: str) -> AgreedTariff:
        """Raises TariffNotFound."""
        query = select(INTER_OPERATOR_TARIFF).where(INTER_OPERATOR_TARIFF.c.partner == partner)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise TariffNotFound(partner)
        return AgreedTariff(row.partner, row.document, row.digest, row.update_time)

    async def _digests(self, keys: Sequence[ChargeKey]) -> Mapping[ChargeKey, bytes]:
        table = WHOLESALE_CHARGE
        wanted = listed(table, {name: list(of) for name, of in zip(_KEY, zip(*keys, strict=True), strict=True)})
        same = and_(*(table.c[name] == wanted.c[name] for name in _KEY))
        query = select(*(table.c[name] for name in (*_KEY, "digest"))).join(wanted, same)
        rows = await self._connection.execute(query)
        return {(row.source, row.record_id, row.sequence): bytes(row.digest) for row in rows}


def _row(charge: WholesaleCharge, digest: bytes) -> dict[str, Any]:  # Any: values of several columns
    return {
        "source": charge.source,
        "record_id": charge.record_id,
        "sequence": charge.sequence,
        "partner": charge.partner,
        "subscription": charge.subscription,
        "event_time": charge.time,
        "item": charge.item,
        "amount": Decimal(charge.amount.numerator) / Decimal(charge.amount.denominator),
        "currency": charge.currency,
        "digest": digest,
    }


def _charge(row: Row[tuple[Any, ...]]) -> WholesaleCharge:  # Any: a row of a Core table
    return WholesaleCharge(
        source=row.source,
        record_id=row.record_id,
        sequence=row.sequence,
        partner=row.partner,
        subscription=row.subscription,
        time=row.event_time,
        item=row.item,
        amount=Fraction(row.amount),
        currency=row.currency,
    )
