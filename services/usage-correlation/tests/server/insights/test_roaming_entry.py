"""Does the customer hear once, on arrival, what usage costs in another country?"""

import asyncio

import pytest
from usage_acts import counts, record, signals_of
from usage_samples import MARCH_2, fresh, minutes, usage_record
from usage_world import World

from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_ROAMING_ENTRY, Signal
from cxmesh.usage.v1.usage_record_pb2 import (
    USAGE_TYPE_DATA,
    USAGE_TYPE_MMS,
    USAGE_TYPE_SMS,
    USAGE_TYPE_VOICE,
    UsageRecord,
)

TRAVELLER = """
format: cxmesh-tariff/1
id: {id}
name: Traveller
currency: EUR
time_zone: Europe/Vienna
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "2020-01-01"
    roaming_zones:
      - {{id: eu, networks: ["262", "222"]}}
      - {{id: world, default: true}}
    rates:
      - {{line: voice, service: voice, price: "0.10", per: minute}}
      - {{line: sms, service: sms, price: "0.08"}}
      - {{line: data, service: data, price: "0.01", per: megabyte}}
      - {{line: mms, service: mms, price: "0.30"}}
      - {{line: voice.eu, service: voice, roaming: eu, price: "0.19", per: minute, connection_fee: "0.05"}}
      - {{line: data.eu, service: data, roaming: eu, price: "2.5", per: gigabyte}}
      - {{line: sms.eu, service: sms, roaming: eu, price: "0.06"}}
      - {{line: voice.world, service: voice, roaming: world, price: "2.49", per: minute}}
    taxes:
      - {{id: vat, name: VAT, percent: "20"}}
"""
AUSTRIA, GERMANY, ITALY = "", "26201", "22288"


@pytest.fixture
def traveller(world: World) -> str:
    plan = fresh("traveller")
    world.catalogue.sell(plan, TRAVELLER.format(id=plan))
    return world.profile.hold(plan, zone="Europe/Vienna")


def call(name: str, network: str, after_minutes: float) -> UsageRecord:
    return usage_record(name, start=MARCH_2 + minutes(after_minutes), visited_network=network, destination="4312345678")


async def entered(world: World, name: str) -> list[Signal]:
    return [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_ROAMING_ENTRY]


async def countries(world: World, name: str) -> list[str]:
    return [each.roaming_entry.country_code for each in await entered(world, name)]


async def test_the_first_usage_abroad_is_told_with_country_network_and_prices(world: World, traveller: str) -> None:
    first = call(traveller, GERMANY, 5)
    await record(world, call(traveller, AUSTRIA, 0), first, call(traveller, GERMANY, 6))
    (signal,) = await entered(world, traveller)
    assert signal.event_time == first.start_time
    assert list(signal.evidence_records) == [f"{first.source}/{first.record_id}"]
    said = signal.roaming_entry
    assert (said.country_code, said.country_name, said.visited_network) == ("DE", "Germany", GERMANY)
    assert said.network_name == "Telekom"
    assert said.previous_country_code == ""
    assert said.eu_roaming
    assert said.added_tax_percent == "20"
    assert said.plan.startswith("plans/traveller")
    assert [
        (price.usage_type, price.quantity, price.price.units * 10**9 + price.price.nanos, price.price.currency_code)
        for price in said.prices
    ] == [
        (USAGE_TYPE_VOICE, 60, 190_000_000, "EUR"),
        (USAGE_TYPE_SMS, 1, 60_000_000, "EUR"),
        (USAGE_TYPE_DATA, 1_000_000, 2_500_000, "EUR"),
    ]
    assert said.prices[0].connection_fee.nanos == 50_000_000
    assert not said.prices[1].HasField("connection_fee")
    assert list(said.unpriced_usage_types) == [USAGE_TYPE_MMS]


async def test_each_country_is_told_once_on_each_journey(world: World, traveller: str) -> None:
    journey = [AUSTRIA, GERMANY, GERMANY, ITALY, ITALY, GERMANY, AUSTRIA, AUSTRIA, GERMANY]
    for number, network in enumerate(journey):
        await record(world, call(traveller, network, number))
    assert await countries(world, traveller) == ["DE", "IT", "DE", "DE"]
    said = [each.roaming_entry.previous_country_code for each in await entered(world, traveller)]
    assert said == ["", "DE", "IT", ""]


async def test_a_whole_journey_in_one_call_is_told_the_same(world: World, traveller: str) -> None:
    journey = [AUSTRIA, GERMANY, GERMANY, ITALY, ITALY, GERMANY, AUSTRIA, GERMANY]
    await record(world, *(call(traveller, network, number) for number, network in enumerate(journey)))
    assert await countries(world, traveller) == ["DE", "IT", "DE", "DE"]


async def test_records_sent_again_tell_nothing_again(world: World, traveller: str) -> None:
    sent = [call(traveller, GERMANY, 0), call(traveller, ITALY, 1)]
    await record(world, *sent)
    assert counts(await record(world, *sent)) == (0, 2, 0)
    assert await countries(world, traveller) == ["DE", "IT"]


async def test_who_stays_at_home_hears_nothing(world: World, traveller: str) -> None:
    await record(world, call(traveller, AUSTRIA, 0), call(traveller, AUSTRIA, 1))
    assert await entered(world, traveller) == []


async def test_a_journey_that_was_over_when_its_records_came_is_not_told(world: World, traveller: str) -> None:
    await record(world, call(traveller, AUSTRIA, 100))
    await record(world, call(traveller, GERMANY, 0), call(traveller, GERMANY, 1))
    assert await entered(world, traveller) == []
    await record(world, call(traveller, GERMANY, 200))
    assert await countries(world, traveller) == ["DE"]


async def test_two_mccs_of_one_country_are_one_country(world: World, traveller: str) -> None:
    await record(world, call(traveller, "310410", 0), call(traveller, "311480", 1))
    (signal,) = await entered(world, traveller)
    assert signal.roaming_entry.country_name == "United States"
    assert not signal.roaming_entry.eu_roaming
    assert list(signal.roaming_entry.unpriced_usage_types) == [USAGE_TYPE_SMS, USAGE_TYPE_DATA, USAGE_TYPE_MMS]


async def test_a_network_that_nobody_knows_is_told_by_its_number(world: World, traveller: str) -> None:
    await record(world, call(traveller, "90112", 0))
    said = (await entered(world, traveller))[0].roaming_entry
    assert (said.visited_network, said.country_code, said.country_name) == ("90112", "", "")


async def test_records_that_come_at_the_same_time_over_many_calls_tell_each_country_once(world: World) -> None:
    plan = fresh("traveller")
    world.catalogue.sell(plan, TRAVELLER.format(id=plan))
    names = [world.profile.hold(plan, zone="Europe/Vienna") for _ in range(5)]
    calls = [[call(name, GERMANY, number) for name in names] for number in range(8)]
    await asyncio.gather(*(record(world, *batch) for batch in calls))
    for name in names:
        # Whichever call comes first shows the way in; the others are of the same stay.
        assert set(await countries(world, name)) == {"DE"}
        assert len(await entered(world, name)) == 1


async def test_the_next_journey_is_told_even_a_year_later(world: World, traveller: str) -> None:
    await record(world, call(traveller, GERMANY, -365 * 24 * 60))
    await record(world, call(traveller, AUSTRIA, -100), call(traveller, GERMANY, 0))
    assert await countries(world, traveller) == ["DE", "DE"]
