"""What goes into the table `touch_point` comes out of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from customer_profile.domain.customers import Channel, Customer, CustomerFacts, LifeCycleState
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.touch_points import TouchPoint, Valence
from customer_profile.handlers.ports import Records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = CustomerFacts("", LifeCycleState.ACTIVE, (), "", "UTC", "", None, (), ())


def point(
    touch_point_id: str, *, days: int = 0, customer_id: str = "c", valence: Valence = Valence.NEGATIVE
) -> TouchPoint:
    return TouchPoint(
        customer_id=customer_id,
        touch_point_id=touch_point_id,
        channel=Channel.CALL,
        reason="care.call",
        outcome="answered",
        start_time=NOW - timedelta(days=days),
        time_spent=timedelta(minutes=7, microseconds=5),
        first_contact_resolution=None,
        valence=valence,
    )


@pytest.fixture
async def known(records: Records) -> Records:
    await records.customers.add([Customer(each, FACTS, Stamp.first(NOW)) for each in ("c", "d")])
    return records


async def test_touch_points_come_back_as_they_went_in(known: Records) -> None:
    full = replace(point("full"), first_contact_resolution=False)
    bare = replace(point("bare", customer_id="d"), time_spent=None, outcome="")

    new = await known.touch_points.add([full, bare])

    assert set(new) == {("c", "full"), ("d", "bare")}
    found = await known.touch_points.get([("d", "bare"), ("c", "full"), ("c", "bare")])
    assert found == {("c", "full"): full, ("d", "bare"): bare}


async def test_only_new_ones_are_kept(known: Records) -> None:
    await known.touch_points.add([point("a")])

    new = await known.touch_points.add([replace(point("a"), reason="other"), point("b")])

    assert list(new) == [("c", "b")]
    assert (await known.touch_points.get([("c", "a")]))["c", "a"] == point("a")


async def test_pages_are_newest_first_and_by_id_within_a_moment(known: Records) -> None:
    await known.touch_points.add([point("a", days=1), point("b", days=1), point("c", days=3), point("d")])
    await known.touch_points.add([point("other", customer_id="d")])

    first = await known.touch_points.page("c", None, 2)
    rest = await known.touch_points.page("c", (first[-1].start_time, first[-1].touch_point_id), 5)

    assert [each.touch_point_id for each in first] == ["d", "b"]
    assert [each.touch_point_id for each in rest] == ["a", "c"]


async def test_only_negative_ones_of_the_time_are_counted(known: Records) -> None:
    await known.touch_points.add([
        point("inside", days=89),
        point("now"),
        point("edge", days=90),
        point("future", days=-1),
        point("positive", valence=Valence.POSITIVE),
        point("elsewhere", customer_id="d"),
    ])  # fmt: skip

    assert await known.touch_points.count_negative("c", since=NOW - timedelta(days=90), until=NOW) == 2
