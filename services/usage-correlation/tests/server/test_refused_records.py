"""Which records are refused, alone and for the right reason?"""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from usage_acts import counts, record
from usage_samples import MARCH_2, fresh, minutes, usage_record
from usage_world import World

from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import (
    USAGE_TYPE_DATA,
    USAGE_TYPE_UNSPECIFIED,
    UsageRecord,
)


def changed(**fields: object) -> UsageRecord:
    base = usage_record("s")
    for field, value in fields.items():
        setattr(base, field, value)
    return base


def at(**timestamp: int) -> UsageRecord:
    base = usage_record("s")
    base.start_time.CopyFrom(Timestamp(**timestamp))
    return base


def without_start() -> UsageRecord:
    base = usage_record("s")
    base.ClearField("start_time")
    return base


@pytest.mark.parametrize(
    ("bad", "field", "shown"),
    [
        (changed(source=""), "source", ""),
        (changed(source="no space"), "source", "no space: "),
        (changed(source="s" * 64), "source", "s" * 64 + ": "),
        (changed(record_id=""), "record_id", ""),
        (changed(record_id="r" * 129), "record_id", "r" * 80 + ": "),
        (changed(record_id="a\0b"), "record_id", "must not hold NUL"),
        (changed(subscription="s-1"), "subscription", "s-1: "),
        (changed(subscription="subscriptions/" + "s" * 64), "subscription", "subscriptions/"),
        (changed(usage_type=USAGE_TYPE_UNSPECIFIED), "usage_type", ""),
        (changed(usage_type=99), "usage_type", "99: "),
        (without_start(), "start_time", ""),
        (at(seconds=-1), "start_time", "-1 s"),
        (at(seconds=2**62), "start_time", ""),
        (at(seconds=1, nanos=-1), "start_time", "1 s -1 ns"),
        (at(seconds=1, nanos=10**9), "start_time", ""),
        (changed(quantity=-3), "quantity", "-3: "),
        (changed(quantity=2**50 + 1), "quantity", "1125899906842625: must be at most "),
        (changed(quantity=2**63 - 1), "quantity", "9223372036854775807: "),
        (changed(destination="1" * 65), "destination", ""),
        (changed(destination="a\0b"), "destination", "must not hold NUL"),
        (changed(visited_network="1234"), "visited_network", "1234: "),
        (changed(location_id="1" * 65), "location_id", ""),
        (changed(location_id="\0"), "location_id", "must not hold NUL"),
    ],
)
async def test_a_record_that_breaks_its_rules_is_refused_alone(
    world: World, bad: UsageRecord, field: str, shown: str
) -> None:
    name = world.profile.hold()
    if bad.subscription == "subscriptions/s":
        bad.subscription = f"subscriptions/{name}"
    answer = await record(world, usage_record(name), bad, usage_record(name))
    assert counts(answer) == (2, 0, 1)
    (rejection,) = answer.rejections
    assert (rejection.index, rejection.reason) == (1, ErrorReason.ERROR_REASON_INVALID_RECORD)
    assert rejection.field == field
    assert rejection.description.startswith(shown)
    assert len(rejection.description) > len(shown)


async def test_what_a_customer_called_and_where_is_never_told(world: World) -> None:
    name = world.profile.hold()
    too_long = usage_record(name, destination="98765" * 20, location_id="43210" * 20)
    unrated = usage_record(name, usage_type=USAGE_TYPE_DATA, destination="98765")
    answer = await record(world, too_long, unrated)
    assert counts(answer) == (0, 0, 2)
    assert "98765" not in str(answer)
    assert "43210" not in str(answer)


async def test_an_unknown_subscription_is_refused_and_asked_for_again_when_it_is_made(world: World) -> None:
    name = fresh("later")
    bad = usage_record(name)
    (rejection,) = (await record(world, bad)).rejections
    assert rejection.reason == ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND
    assert (rejection.field, rejection.description) == ("subscription", f"there is no subscriptions/{name}")
    world.profile.hold(name=name)
    assert counts(await record(world, bad)) == (1, 0, 0)


async def test_usage_ahead_of_our_clock_by_more_than_clocks_differ_is_refused(world: World) -> None:
    name = world.profile.hold()
    now = world.clock.now()
    near, far = usage_record(name, start=now + minutes(5)), usage_record(name, start=now + minutes(5.1))
    answer = await record(world, near, far)
    assert counts(answer) == (1, 0, 1)
    assert answer.rejections[0].reason == ErrorReason.ERROR_REASON_RECORD_IN_FUTURE
    assert answer.rejections[0].description == "2026-03-15T12:05:06Z is more than 300 s ahead"


async def test_usage_from_before_the_activation_is_refused(world: World) -> None:
    name = world.profile.hold(activated=MARCH_2)
    answer = await record(world, usage_record(name), usage_record(name, start=MARCH_2 - minutes(1)))
    assert counts(answer) == (1, 0, 1)
    assert answer.rejections[0].reason == ErrorReason.ERROR_REASON_RECORD_BEFORE_ACTIVATION


async def test_usage_that_the_plan_has_no_rate_for_is_refused(world: World) -> None:
    name = world.profile.hold()
    answer = await record(
        world,
        usage_record(name, usage_type=USAGE_TYPE_DATA, destination=""),
        usage_record(name, visited_network="26201"),
    )
    assert [(each.reason, each.field, each.description) for each in answer.rejections] == [
        (ErrorReason.ERROR_REASON_NOT_RATEABLE, "usage_type", "plans/standard has no rate for data"),
        (
            ErrorReason.ERROR_REASON_NOT_RATEABLE,
            "usage_type",
            "plans/standard has no rate for voice to its destination from network 26201",
        ),
    ]


async def test_usage_under_a_plan_that_is_unknown_or_unreadable_is_refused(world: World) -> None:
    world.catalogue.sell("broken", "format: cxmesh-tariff/1")
    answer = await record(
        world, usage_record(world.profile.hold("nowhere")), usage_record(world.profile.hold("broken"))
    )
    assert [(each.reason, each.description) for each in answer.rejections] == [
        (ErrorReason.ERROR_REASON_NOT_RATEABLE, "its plan, plans/nowhere, is not in the catalogue"),
        (ErrorReason.ERROR_REASON_NOT_RATEABLE, "the tariff of plans/broken can't be read"),
    ]


async def test_a_subscription_in_a_time_zone_that_nobody_knows_is_refused(world: World) -> None:
    answer = await record(world, usage_record(world.profile.hold(zone="Mars/Olympus")))
    assert answer.rejections[0].description == "its time zone 'Mars/Olympus' is not known here"
    answer = await record(world, usage_record(world.profile.hold(day=0)))
    assert answer.rejections[0].description == "its bill_cycle_day is 0, not 1 to 31"
