"""Is every breach announced once, to every customer hit, and taken back when it was none?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from value_network_sla.domain.money import Money
from value_network_sla.errors import BreachNotFound

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_breach_is_announced_once_with_the_customers_hit(network: Any) -> None:
    for number in range(1, 11):
        await network.send(*network.session(number, 80 if number <= 4 else 20))
    await network.close()
    assert await network.events() == []
    network.clock.advance(timedelta(seconds=70))
    assert await network.judge() == 1
    assert await network.judge() == 0
    assert await network.events() == ["BreachDetected", "CustomersAffected"]
    async with network.writing() as records:
        (breach,) = await records.breaches.page(None, None, 10)
        assert (breach.attainment.visits, breach.attainment.good, breach.affected_customers) == (10, 6, 4)
        assert [share.amount for share in breach.shares] == [Money(100_000_000, "EUR")]
        assert {evidence.trace_id for evidence in breach.evidence} == {network.trace(number) for number in range(1, 5)}
        assert await records.breaches.of_customer("customers/c1", START) == [breach]
        assert await records.breaches.of_customer("customers/c9", START) == []


async def test_customers_hit_after_a_breach_was_announced_are_told_of_too(network: Any) -> None:
    for number in range(1, 5):
        await network.send(*network.session(number, 80))
    await network.close()
    network.clock.advance(timedelta(seconds=70))
    await network.judge()
    await network.send(*network.session(5, 80), *network.session(6, 20))
    await network.close()
    assert await network.events() == ["BreachDetected", "CustomersAffected", "CustomersAffected"]
    async with network.writing() as records:
        (breach,) = await records.breaches.page("partners/x", None, 10)
    assert breach.affected_customers == 5
    assert breach.attainment.visits == 4  # as it was when the breach was detected


async def test_customers_are_not_told_of_troubles_of_the_past(network: Any) -> None:
    network.clock.advance(timedelta(days=2))
    for number in range(1, 5):
        await network.send(*network.session(number, 80))
    await network.close()
    await network.judge()
    assert await network.events() == ["BreachDetected"]


async def test_within_a_window_a_breach_is_announced_when_it_is_certain(network: Any) -> None:
    network.clock.advance(timedelta(seconds=40))
    for number in range(1, 11):
        await network.send(*network.session(number, 80))
    await network.close()
    assert await network.events() == ["BreachDetected", "CustomersAffected"]


async def test_many_customers_come_in_notices_of_five_hundred(network: Any) -> None:
    network.clock.advance(timedelta(seconds=40))
    for first in range(1, 1202, 300):
        await network.send(*(each for number in range(first, first + 300) for each in network.session(number, 80)))
    network.clock.advance(timedelta(seconds=30))
    await network.close()
    await network.judge()
    assert await network.events() == ["BreachDetected", *["CustomersAffected"] * 3]
    (noted,) = await network.rows("SELECT count(*) AS n FROM sla.breach_customer")
    assert noted.n == 1500
    sizes = await network.rows("SELECT length(data) AS bytes FROM sla.outbox WHERE type LIKE '%CustomersAffected'")
    assert max(row.bytes for row in sizes) < 500 * 20


async def test_a_breach_that_was_none_in_the_end_is_withdrawn(network: Any) -> None:
    network.clock.advance(timedelta(seconds=50))
    for number in range(1, 11):
        await network.send(*network.session(number, 80))
    await network.close()
    assert "BreachDetected" in await network.events()
    await network.send(*(each for number in range(11, 131) for each in network.session(number, 20)))
    await network.close()
    network.clock.advance(timedelta(seconds=30))
    await network.judge()
    async with network.writing() as records:
        assert await records.breaches.page(None, None, 10) == []
        assert await records.breaches.of_customer("customers/c1", START) == []
        with pytest.raises(BreachNotFound):
            await records.breaches.get(f"breaches/x.{int(START.timestamp())}")
