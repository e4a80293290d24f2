"""Calls on touch-points and on the customer's view, as callers see them."""

import uuid
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.profile.v1 import customer_pb2, touch_point_pb2
from cxmesh.profile.v1 import profile_service_pb2 as pb
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.rpc import error_from

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def point(touch_point_id: str, *, days: float = 1, **fields) -> touch_point_pb2.TouchPoint:
    start = Timestamp()
    start.FromDatetime(NOW - timedelta(days=days))
    usual = {
        "name": f"customers/c-1/touchPoints/{touch_point_id}",
        "channel": customer_pb2.CHANNEL_CALL,
        "reason": "care.call",
        "start_time": start,
    }
    return touch_point_pb2.TouchPoint(**usual | fields)


def batch(*points: touch_point_pb2.TouchPoint, **fields) -> pb.BatchCreateTouchPointsRequest:
    return pb.BatchCreateTouchPointsRequest(touch_points=points, **fields)


async def refused(call) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = error_from(caught.value)
    return error.status.name, error.reason, error.field_violations[0].field if error.field_violations else ""


@pytest.fixture
async def known(profile, customer) -> ProfileServiceStub:
    """A profile with one customer."""
    await profile.CreateCustomer(pb.CreateCustomerRequest(customer_id="c-1", customer=customer()))
    return profile


async def test_touch_points_are_classed_and_told_of(known, published) -> None:
    unresolved = point("t-1", outcome="ticket.opened", time_spent=Duration(seconds=420))
    resolved = point("t-2", first_contact_resolution=True)
    order = point("t-3", reason="order.new", channel=customer_pb2.CHANNEL_WEB, first_contact_resolution=False)

    recorded = (await known.BatchCreateTouchPoints(batch(unresolved, resolved, order))).touch_points

    assert [each.valence for each in recorded] == [
        touch_point_pb2.VALENCE_NEGATIVE,
        touch_point_pb2.VALENCE_NEUTRAL,
        touch_point_pb2.VALENCE_NEGATIVE,
    ]
    assert not recorded[0].HasField("first_contact_resolution")
    assert recorded[2].HasField("first_contact_resolution")
    assert [each.touch_point for each in (await published())[1:]] == list(recorded)
    listed = await known.ListTouchPoints(pb.ListTouchPointsRequest(parent="customers/c-1"))
    assert sorted(listed.touch_points, key=lambda each: each.name) == list(recorded)


async def test_a_valence_that_is_sent_is_ignored(known) -> None:
    recorded = await known.BatchCreateTouchPoints(batch(point("t-1", valence=touch_point_pb2.VALENCE_POSITIVE)))

    assert recorded.touch_points[0].valence == touch_point_pb2.VALENCE_NEGATIVE


async def test_sending_again_changes_nothing(known, published) -> None:
    first = await known.BatchCreateTouchPoints(batch(point("t-1"), request_id=str(uuid.uuid4())))
    again = await known.BatchCreateTouchPoints(batch(point("t-1"), request_id=str(uuid.uuid4())))

    assert again == first
    assert len(await published()) == 2


async def test_a_batch_with_one_that_differs_records_none(known) -> None:
    await known.BatchCreateTouchPoints(batch(point("t-1")))

    assert (await refused(known.BatchCreateTouchPoints(batch(point("t-0"), point("t-1", outcome="answered")))))[:2] == (
        "ALREADY_EXISTS", "ERROR_REASON_ALREADY_EXISTS",
    )  # fmt: skip
    listed = await known.ListTouchPoints(pb.ListTouchPointsRequest(parent="customers/c-1"))
    assert len(listed.touch_points) == 1


async def test_a_thousand_are_recorded_and_listed_newest_first(known) -> None:
    await known.BatchCreateTouchPoints(batch(*(point(f"t-{n}", days=n % 100) for n in range(1000))))
    seen, token = [], ""
    while True:
        page = await known.ListTouchPoints(
            pb.ListTouchPointsRequest(parent="customers/c-1", page_size=300, page_token=token)
        )
        seen += page.touch_points
        token = page.next_page_token
        if not token:
            break

    assert len({each.name for each in seen}) == len(seen) == 1000
    times = [each.start_time.ToNanoseconds() for each in seen]
    assert times == sorted(times, reverse=True)


async def test_nothing_of_a_customer_is_an_empty_list_and_nothing_of_nobody_an_error(known) -> None:
    listed = await known.ListTouchPoints(pb.ListTouchPointsRequest(parent="customers/c-1"))

    assert list(listed.touch_points) == []
    assert (await refused(known.ListTouchPoints(pb.ListTouchPointsRequest(parent="customers/x"))))[:2] == (
        "NOT_FOUND", "ERROR_REASON_CUSTOMER_NOT_FOUND",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "told her his address"}, "touch_points[0].outcome"),
        ({"time_spent": Duration(seconds=40_000_000)}, "touch_points[0].time_spent"),
        ({"start_time": Timestamp(seconds=-70_000_000_000)}, "touch_points[0].start_time"),
    ],
)
async def test_values_that_cannot_be(known, changes, field) -> None:
    expected = ("INVALID_ARGUMENT", "ERROR_REASON_INVALID_VALUE", field)

    assert await refused(known.BatchCreateTouchPoints(batch(point("t-1", **changes)))) == expected


async def test_the_view_is_all_in_one(known, subscription) -> None:
    held = await known.CreateSubscription(
        pb.CreateSubscriptionRequest(subscription_id="s-1", subscription=subscription())
    )
    await known.BatchCreateTouchPoints(batch(*(point(f"t-{n:02}", days=n) for n in range(25))))

    view = await known.GetCustomerView(pb.GetCustomerViewRequest(name="customers/c-1"))

    assert view.customer == await known.GetCustomer(pb.GetCustomerRequest(name="customers/c-1"))
    assert list(view.subscriptions) == [held]
    assert [each.name[-4:] for each in view.recent_touch_points] == [f"t-{n:02}" for n in range(20)]
    assert view.recent_negative_touch_points == 25
