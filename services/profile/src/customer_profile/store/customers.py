"""How are customers kept and found?"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.domain.customers import Customer, CustomerFacts, LifeCycleState
from customer_profile.domain.shards import shard_of
from customer_profile.domain.stamps import Stamp
from customer_profile.errors import AlreadyExists
from customer_profile.store import documents
from customer_profile.store.tables import CUSTOMER
from mesh.store import insert_ignoring_duplicates, listed, update_rows

_KEY = ("shard", "customer_id")
_DOCUMENTS = ("contact_media", "preferences", "consents", "source_references")


class CustomerRows:
    """The table `customer`, as one transaction sees it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, customers: Sequence[Customer]) -> None:
        """Keep new ones; raises AlreadyExists for the first, by id, whose name is taken."""
        # Everybody inserts in the same order, so that two batches that meet wait for each other once, not for ever.
        customers = sorted(customers, key=lambda customer: customer.customer_id)
        rows = _rows(customers)
        for name in _DOCUMENTS:
            rows[name] = [None if each is None else json.dumps(each) for each in rows[name]]
        added = await insert_ignoring_duplicates(self._connection, CUSTOMER, rows, key=_KEY, returning=["customer_id"])
        new = {row.customer_id for row in added}
        for customer in customers:
            if customer.customer_id not in new:
                raise AlreadyExists(customer.name)

    async def get(self, ids: Collection[str]) -> Mapping[str, Customer]:
        """Those that exist, by id."""
        return await self._found(_of(ids))

    async def lock(self, ids: Collection[str]) -> Mapping[str, Customer]:
        """The same, and nobody else changes them until this transaction ends."""
        in_order = _of(ids).order_by(CUSTOMER.c.shard, CUSTOMER.c.customer_id)
        return await self._found(in_order.with_for_update(of=CUSTOMER, key_share=True))

    async def unknown(self, ids: Collection[str]) -> Collection[str]:
        """Those ids that no customer has."""
        found = await self._connection.execute(_of(ids).with_only_columns(CUSTOMER.c.customer_id))
        return set(ids).difference(found.scalars())

    async def save(self, customers: Sequence[Customer]) -> None:
        """Write changed ones; they must be locked."""
        await update_rows(self._connection, CUSTOMER, _rows(customers), key=_KEY)

    async def page(self, after: str, size: int) -> Sequence[Customer]:
        """The first `size` whose id comes after `after`, by id."""
        statement = select(CUSTOMER).where(CUSTOMER.c.customer_id > after).order_by(CUSTOMER.c.customer_id)
        rows = await self._connection.execute(statement.limit(size))
        return [_customer(row) for row in rows]

    async def _found(self, statement: Select[Any]) -> dict[str, Customer]:
        return {row.customer_id: _customer(row) for row in await self._connection.execute(statement)}


def _of(ids: Collection[str]) -> Select[Any]:
    wanted = listed(CUSTOMER, {"shard": [shard_of(each) for each in ids], "customer_id": list(ids)})
    same = (CUSTOMER.c.shard == wanted.c.shard) & (CUSTOMER.c.customer_id == wanted.c.customer_id)
    return select(CUSTOMER).join_from(CUSTOMER, wanted, same)


def _rows(customers: Sequence[Customer]) -> dict[str, list[Any]]:
    facts = [customer.facts for customer in customers]
    stamps = [customer.stamp for customer in customers]
    return {
        "shard": [shard_of(customer.customer_id) for customer in customers],
        "customer_id": [customer.customer_id for customer in customers],
        "display_name": [each.display_name for each in facts],
        "life_cycle_state": [each.life_cycle_state.value for each in facts],
        "contact_media": [documents.media_documents(each.contact_media) for each in facts],
        "language_code": [each.language_code for each in facts],
        "time_zone": [each.time_zone for each in facts],
        "region_code": [each.region_code for each in facts],
        "preferences": [documents.preferences_document(each.preferences) for each in facts],
        "consents": [documents.consent_documents(each.consents) for each in facts],
        "source_references": [documents.reference_documents(each.source_references) for each in facts],
        "create_time": [stamp.create_time for stamp in stamps],
        "update_time": [stamp.update_time for stamp in stamps],
        "revision": [stamp.revision for stamp in stamps],
    }


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        customer_id=row.customer_id,
        facts=CustomerFacts(
            display_name=row.display_name,
            life_cycle_state=LifeCycleState(row.life_cycle_state),
            contact_media=documents.media_from(row.contact_media),
            language_code=row.language_code,
            time_zone=row.time_zone,
            region_code=row.region_code,
            preferences=documents.preferences_from(row.preferences),
            consents=documents.consents_from(row.consents),
            source_references=documents.references_from(row.source_references),
        ),
        stamp=Stamp(row.create_time, row.update_time, row.revision),
    )
