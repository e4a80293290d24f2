"""Does usage under plans with allowances and tiers end at what it comes to in order of events, however it arrives?"""

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from rated_anew import tell, until_rated_anew
from sqlalchemy import text
from usage_acts import counts, lines, make_policy, policy, record, signals_of, summary
from usage_bundles import MARCH, at, bundle, sell
from usage_samples import fresh, subscriber, usage_record
from usage_world import World

from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.profile.v1.events_pb2 import SubscriptionChanged
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, USAGE_TYPE_SMS, UsageRecord, UsageSummary
from rating import Tariff, load_tariff
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.subscribers import PlanPeriod, Subscriber
from usage_correlation.handlers.read_allowances import read_allowances
from usage_correlation.store.accounts import AccountStore
from usage_correlation.store.keys import KeyStore

MB = 1_000_000


def usage(name: str, seed: int = 1, size: int = 24) -> list[UsageRecord]:
    """Calls at home and abroad, messages and data within two weeks: twice what the allowance covers."""
    chance = random.Random(seed)
    made = []
    for number in range(size):
        start = at(chance.uniform(0, 14 * 24)).replace(microsecond=0)
        if number % 4 == 3:
            made.append(usage_record(name, 1, start=start, usage_type=USAGE_TYPE_SMS, destination="1212555"))
        elif number % 8 == 6:
            quantity = chance.randint(1, 90) * MB
            made.append(usage_record(name, quantity, start=start, usage_type=USAGE_TYPE_DATA, destination=""))
        else:
            where = "12125550100" if number % 2 else "431234567"
            made.append(usage_record(name, chance.randint(0, 240), start=start, destination=where))
    return made


def moved(records: Sequence[UsageRecord], name: str) -> list[UsageRecord]:
    """The same usage of another subscription."""
    found = []
    for each in records:
        copy = UsageRecord()
        copy.CopyFrom(each)
        copy.subscription, copy.record_id = f"subscriptions/{name}", fresh("r")
        found.append(copy)
    return found


def by_start(records: Sequence[UsageRecord]) -> list[UsageRecord]:
    return sorted(records, key=lambda each: each.start_time.ToMicroseconds())


async def take_in(world: World, records: Sequence[UsageRecord], size: int) -> None:
    for first in range(0, len(records), size):
        part = records[first : first + size]
        assert counts(await record(world, *part)) == (len(part), 0, 0)


async def in_order(world: World, plan: str, records: Sequence[UsageRecord]) -> UsageSummary:
    """What the usage comes to when it arrives in order of events, in one batch."""
    name = world.profile.hold(plan)
    await take_in(world, moved(by_start(records), name), 1000)
    return await summary(world, name)


async def spent(world: World, name: str) -> Fraction:
    statement = text("""
        SELECT spent, scale FROM usage.bill_cycle JOIN usage.subscription USING (subscription_key)
        WHERE subscription_id = :name AND cycle_start_time = '2026-03-01T05:00Z'
    """)
    async with world.service.runtime.store.reading() as connection:
        row = (await connection.execute(statement, {"name": name})).one()
    return Fraction(int(row.spent), int(row.scale))


async def bookings(world: World, name: str) -> list[tuple[str, str, str, int]]:
    """(reason, kind, charge, records), in order."""
    statement = text("""
        SELECT reason, kind, charge_code, record_count
        FROM usage.booking JOIN usage.subscription USING (subscription_key) JOIN usage.charge USING (charge_key)
        WHERE subscription_id = :name ORDER BY booking_id
    """)
    async with world.service.runtime.store.reading() as connection:
        return [tuple(row) for row in await connection.execute(statement, {"name": name})]


async def test_an_allowance_is_used_before_anything_costs(world: World) -> None:
    name = world.profile.hold(sell(world))
    await record(world, usage_record(name, 300, start=at(1)))
    assert lines(await summary(world, name)) == {"calls": (1, 300, 0)}
    await record(world, usage_record(name, 360, start=at(2)))
    assert lines(await summary(world, name)) == {"calls": (2, 660, 10)}


async def test_a_late_record_takes_its_share_of_the_allowance_and_what_it_changes_is_booked(world: World) -> None:
    name = world.profile.hold(sell(world))
    await record(world, usage_record(name, 600, start=at(10)))
    # Ten minutes at home are covered; now five minutes abroad, earlier, take all ten of them.
    await record(world, usage_record(name, 300, start=at(1), destination="431234567"))
    assert lines(await summary(world, name)) == {"abroad": (1, 300, 0), "calls": (1, 600, 100)}
    assert await bookings(world, name) == [
        ("late_record", "charge", "abroad", 1),
        ("late_record", "reversal", "calls", -1),
        ("late_record", "charge", "calls", 1),
    ]
    assert await spent(world, name) == 1


@pytest.mark.parametrize("data", ['"0.02"', None], ids=["flat", "graduated"])
@pytest.mark.parametrize("size", [1, 5, 24])
async def test_whatever_the_order_and_the_batches_it_ends_the_same(world: World, size: int, data: str | None) -> None:
    plan = fresh("bundle")
    document = bundle(plan)
    if data is None:
        flat = '      - {line: data, service: data, price: "0.02", per: megabyte}\n'
        tiers = (
            "      - {line: data, service: data, graduated: "
            '[{up_to: 100000000, price: "0.03", per: megabyte}, {price: "0.01", per: megabyte}]}\n'
        )
        assert flat in document
        document = document.replace(flat, tiers)
    world.catalogue.sell(plan, document)
    name = world.profile.hold(plan)
    records = usage(name, seed=size)
    expected = await in_order(world, plan, records)
    random.Random(size).shuffle(records)
    await take_in(world, records, size)
    assert lines(await summary(world, name)) == lines(expected)


async def test_calls_side_by_side_end_the_same(world: World) -> None:
    plan = sell(world)
    names = [world.profile.hold(plan) for _ in range(4)]
    records = {name: usage(name, seed=number) for number, name in enumerate(names)}
    everything = [each for mine in records.values() for each in mine]
    random.Random(7).shuffle(everything)
    batches = [everything[first : first + 8] for first in range(0, len(everything), 8)]
    answers = await asyncio.gather(*(record(world, *batch) for batch in batches))
    assert sum(answer.accepted_count for answer in answers) == len(everything)
    for name in names:
        assert lines(await summary(world, name)) == lines(await in_order(world, plan, records[name]))


async def test_known_records_sent_again_change_nothing(world: World) -> None:
    name = world.profile.hold(sell(world))
    records = usage(name)
    await take_in(world, records, 10)
    before = lines(await summary(world, name))
    assert counts(await record(world, *records[::-1])) == (0, len(records), 0)
    assert lines(await summary(world, name)) == before


async def test_a_family_shares_what_its_plan_shares_in_order_of_events(world: World) -> None:
    plan, family = sell(world, ", shared: true"), fresh("family")
    one, other = (world.profile.hold(plan, customer=family) for _ in range(2))
    await record(world, usage_record(one, 360, start=at(2)), usage_record(other, 360, start=at(3)))
    assert lines(await summary(world, one)) == {"calls": (1, 360, 0)}
    assert lines(await summary(world, other)) == {"calls": (1, 360, 20)}
    # A late call of one takes from what the other had.
    await record(world, usage_record(one, 240, start=at(1)))
    assert lines(await summary(world, one)) == {"calls": (2, 600, 0)}
    assert lines(await summary(world, other)) == {"calls": (1, 360, 60)}


async def test_what_is_unused_rolls_over_also_when_the_month_before_comes_late(world: World) -> None:
    name = world.profile.hold(sell(world, ", rollover_cycles: 1"), activated=datetime(2026, 2, 1, 5, tzinfo=UTC))
    february = MARCH - timedelta(days=10)
    await record(world, usage_record(name, 1200, start=at(1)))
    assert lines(await summary(world, name)) == {"calls": (1, 1200, 0)}  # ten of February, ten of March
    await record(world, usage_record(name, 480, start=february))
    assert lines(await summary(world, name)) == {"calls": (1, 1200, 80)}
    assert lines(await summary(world, name, february)) == {"calls": (1, 480, 0)}


async def test_thresholds_of_spending_are_reached_by_what_rerating_adds(world: World) -> None:
    name = world.profile.hold(sell(world))
    await make_policy(world, policy(1, (100,), subscription=f"subscriptions/{name}"))
    first = usage_record(name, 600, start=at(10))
    await record(world, first)
    assert await signals_of(world, name) == []
    late = usage_record(name, 300, start=at(1), destination="431234567")
    await record(world, late)
    (signal,) = await signals_of(world, name)
    # In order of events it was the later call that cost money.
    assert list(signal.evidence_records) == [f"msc-7/{late.record_id}", f"msc-7/{first.record_id}"]
    assert signal.event_time == first.start_time


async def test_a_plan_change_into_the_past_rates_its_usage_anew(world: World) -> None:
    plan = sell(world)
    name = world.profile.hold("standard")
    calls = [usage_record(name, 600, start=at(day * 24 + 12)) for day in (1, 9)]
    await record(world, *calls)
    before = await spent(world, name)
    assert before > 2
    world.profile.change_plan(name, plan, at(5 * 24))
    changed = world.profile.known[f"subscriptions/{name}"]
    await tell(world, SubscriptionChanged(subscription=changed), name)
    await until_rated_anew(world)
    assert [(reason, kind, records) for reason, kind, _, records in await bookings(world, name)] == [
        ("subscription_changed", "charge", 1),
        ("subscription_changed", "reversal", -2),
        ("subscription_changed", "charge", 1),
    ]
    assert lines(await summary(world, name))["calls"] == (1, 600, 0)
    assert await spent(world, name) == before / 2


async def test_a_tariff_changed_for_the_past_rates_its_usage_anew(world: World) -> None:
    plan = sell(world)
    name = world.profile.hold(plan)
    await record(world, usage_record(name, 1200, start=at(1)))
    assert lines(await summary(world, name)) == {"calls": (1, 1200, 100)}
    world.catalogue.sell(plan, bundle(plan).replace('"0.10"', '"0.20"'))
    await tell(world, PlanChanged(plan=f"plans/{plan}"), plan)
    await until_rated_anew(world)
    assert lines(await summary(world, name)) == {"calls": (1, 1200, 200)}
    assert {each[0] for each in await bookings(world, name)} == {"tariff_changed"}


async def test_half_a_cycle_brings_half_a_prorated_allowance(world: World) -> None:
    plan = sell(world, ", proration: by_day")
    # 31 days of March in New York; held from the 17th on: 15 of them, so 4.84 minutes, rounded up to the second.
    name = world.profile.hold(plan, activated=datetime(2026, 3, 14, 4, tzinfo=UTC))
    await record(world, usage_record(name, 600, start=datetime(2026, 3, 15, 5, tzinfo=UTC)))
    ((_, _, cents),) = lines(await summary(world, name)).values()
    # 18 of 31 days: 348.4 seconds, rounded up to 349; 251 seconds cost 41.83 cents.
    assert cents == 42


class Known:
    """A directory that knows one subscription and its plan."""

    def __init__(self, one: Subscriber, plan: str, document: str) -> None:
        self._one, self._plan, self._tariff = one, plan, load_tariff(document)

    async def catch_up(self) -> int:
        return 0

    async def subscriber(self, subscription_id: str) -> Subscriber:
        assert subscription_id == self._one.subscription.id
        return self._one

    async def tariffs(self, plans: Collection[str]) -> dict[str, Tariff]:
        assert set(plans) == {self._plan}
        return {self._plan: self._tariff}


async def test_counters_tell_what_is_granted_used_and_left(world: World) -> None:
    plan = sell(world, "rollover_cycles: 1")
    activated = datetime(2026, 2, 1, 5, tzinfo=UTC)
    name = world.profile.hold(plan, activated=activated)
    keys, accounts = KeyStore(world.service.runtime.store), AccountStore(world.service.runtime.store)
    since = to_micros(activated)
    one = replace(
        subscriber(name, plan, plan_periods=(PlanPeriod(plan, since, None),), activate_micros=since),
        key=(await keys.of_subscriptions([name]))[name],
    )
    directory = Known(one, plan, bundle(plan, "rollover_cycles: 1"))
    cycle = BillCycle(to_micros(MARCH), to_micros(datetime(2026, 4, 1, 4, tzinfo=UTC)))

    async def counted() -> list[tuple[str, str, int, int, int]]:
        found = await read_allowances(directory, keys, accounts, name, cycle, to_micros(at(99)))  # type: ignore[arg-type]  # what is asked of a directory
        return [(each.allowance, each.unit, int(each.granted), int(each.used), int(each.left)) for each in found]

    # Nothing was used of February's ten minutes either.
    assert await counted() == [("minutes", "second", 1200, 0, 1200)]
    await record(world, usage_record(name, 90, start=at(1)))
    assert await counted() == [("minutes", "second", 1200, 90, 1110)]
