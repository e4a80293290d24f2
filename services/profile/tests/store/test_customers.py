"""What goes into the table `customer` comes out of it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from customer_profile.domain.customers import (
    Channel,
    Consent,
    ConsentPurpose,
    ContactMedium,
    Customer,
    CustomerFacts,
    LifeCycleState,
    Preferences,
    QuietHours,
    SourceReference,
)
from customer_profile.domain.stamps import Stamp
from customer_profile.errors import AlreadyExists
from customer_profile.handlers.ports import Records
from customer_profile.store.records import records_on
from mesh.store import Store

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FULL = CustomerFacts(
    display_name='Zoë "Z" {Ångström}, \\ 👩‍💻',
    life_cycle_state=LifeCycleState.PROSPECT,
    contact_media=(
        ContactMedium(Channel.EMAIL, "zoe@example.com", preferred=True),
        ContactMedium(Channel.POST, "Ringstraße 1\n1010 Wien", preferred=False),
    ),
    language_code="de-AT",
    time_zone="Europe/Vienna",
    region_code="AT-9",
    preferences=Preferences((Channel.EMAIL, Channel.INBOX), QuietHours(time(22), time(7, 30, 15))),
    consents=(
        Consent(ConsentPurpose.MARKETING, Channel.EMAIL, True, NOW, "web-shop"),
        Consent(ConsentPurpose.LOCATION, None, False, NOW, ""),
    ),
    source_references=(SourceReference("crm", "4711", NOW), SourceReference("web", "z", None)),
)
BARE = replace(
    FULL, display_name="", contact_media=(), preferences=None, consents=(), source_references=(), region_code=""
)


def customer(customer_id: str, facts: CustomerFacts = FULL) -> Customer:
    return Customer(customer_id, facts, Stamp.first(NOW))


async def test_customers_come_back_as_they_went_in(records: Records) -> None:
    full, bare = customer("full"), customer("bare", BARE)

    await records.customers.add([full, bare])

    assert await records.customers.get(["bare", "full", "nobody"]) == {"full": full, "bare": bare}
    assert await records.customers.lock(["full", "bare"]) == {"full": full, "bare": bare}
    assert set(await records.customers.unknown(["bare", "nobody", "noone"])) == {"nobody", "noone"}


async def test_a_thousand_customers_are_kept_at_once(records: Records) -> None:
    thousand = [customer(f"c-{number}") for number in range(1000)]

    await records.customers.add(thousand)

    assert len(await records.customers.get([each.customer_id for each in thousand])) == 1000


async def test_a_taken_name_is_told(records: Records) -> None:
    await records.customers.add([customer("b")])

    with pytest.raises(AlreadyExists) as refused:
        await records.customers.add([customer("c"), customer("b"), customer("a")])

    assert refused.value.metadata == {"name": "customers/b"}


async def test_changes_are_written(records: Records) -> None:
    await records.customers.add([customer("a"), customer("b"), customer("c")])
    changed = [customer("a").with_facts(BARE, NOW + timedelta(days=1)), customer("b", BARE)]

    await records.customers.save(changed)

    assert await records.customers.get(["a", "b", "c"]) == {
        "a": changed[0],
        "b": changed[1],
        "c": customer("c"),
    }


async def test_pages_are_in_byte_order_of_the_name(records: Records) -> None:
    names = ["b", "A", "a", "a-1", "a.1", "B", "a1"]
    await records.customers.add([customer(name) for name in names])

    first = await records.customers.page("", 4)
    rest = await records.customers.page(first[-1].customer_id, 100)

    assert [each.customer_id for each in [*first, *rest]] == sorted(names)


async def test_what_is_locked_waits_for_nobody_who_reads(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await records_on(uow.connection).customers.add([customer("locked")])
    async with store.unit_of_work() as uow:
        await records_on(uow.connection).customers.lock(["locked"])
        async with store.reading() as connection:
            assert "locked" in await records_on(connection).customers.get(["locked"])
