"""Does a limit hold when a late record changes what earlier usage costs?"""

from datetime import UTC, datetime, timedelta

import pytest
from limit_acts import EU, amount, events_of, kinds, limit_of, limits, roam, session, state, traveller
from usage_acts import record, summary
from usage_world import World

from cxmesh.usage.v1 import limit_service_pb2 as pb

APRIL = datetime(2026, 4, 10, 9, tzinfo=UTC)
INCLUDED = """    allowances:
      - {id: trip, name: Trip, unit: byte, amount: "5000000", covers: [{line: data.eu}]}"""


@pytest.fixture(autouse=True)
async def in_april(world: World) -> None:
    """The shipped policy is there since March, so that it counts all of the cycle."""
    await limits(world).ListLimitPolicies(pb.ListLimitPoliciesRequest())
    if world.clock.now() < APRIL:
        world.clock.advance(APRIL + timedelta(days=1) - world.clock.now())


async def charged(world: World, name: str) -> float:
    return amount((await summary(world, name, APRIL)).total)


async def test_what_a_late_record_makes_dearer_is_charged_up_to_the_limit(world: World) -> None:
    name = traveller(world, INCLUDED)
    await roam(world, name, 10, 17, start=APRIL)
    assert (await charged(world, name), state(await limit_of(world, name))) == (44, "NOTICED")
    # The allowance covers this one, and 4 MB less of the first.
    await record(world, session(name, 4, start=APRIL, minutes=-60))
    found = await limit_of(world, name)
    assert (state(found), amount(found.spent), amount(found.not_charged)) == ("STOPPED", 50, 2)
    assert await charged(world, name) == 50
    assert kinds(await events_of(world, name, EU)) == ["NOTICED", "STOPPED"]


async def test_who_is_stopped_is_charged_no_more_for_it(world: World) -> None:
    name = traveller(world, INCLUDED)
    await roam(world, name, 10, 30, start=APRIL)
    assert await charged(world, name) == 50
    for number in range(2):
        await record(world, session(name, 2, start=APRIL, minutes=-60 - number))
        found = await limit_of(world, name)
        assert (await charged(world, name), amount(found.spent)) == (50, 50)
        assert amount(found.not_charged) == 24 + 4 * number
    total = pb.ExportLimitRecordRequest(name=f"subscriptions/{name}")
    (uncharged,) = (await limits(world).ExportLimitRecord(total)).uncharged_totals
    assert amount(uncharged.amount) == 28
