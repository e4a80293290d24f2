"""What does the profile know of subscriptions?"""

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc

from cxmesh.profile.v1 import subscription_pb2
from cxmesh.profile.v1.profile_service_pb2 import BatchGetSubscriptionsRequest, ListSubscriptionsRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.subscribers import PlanPeriod, Subscription

_MOST: Final = 1000
_LAST_DAY: Final = 31


class ProfileClient:
    """Asks the profile."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ProfileServiceStub(channel)

    async def subscriptions(self, ids: Sequence[str]) -> Mapping[str, Subscription | Refusal]:
        """Those that exist, by id, with one call for each 1,000; a refusal for one that usage can't be placed on."""
        found: dict[str, Subscription | Refusal] = {}
        for first in range(0, len(ids), _MOST):
            names = [f"subscriptions/{each}" for each in ids[first : first + _MOST]]
            request = BatchGetSubscriptionsRequest(names=names)
            answer = await self._stub.BatchGetSubscriptions(request)
            for message in answer.subscriptions:
                found[message.name.removeprefix("subscriptions/")] = subscription_from(message)
        return found

    async def held_by(self, customer: str) -> Sequence[str]:
        """The ids of all subscriptions that a customer holds."""
        request = ListSubscriptionsRequest(customer=f"customers/{customer}", page_size=_MOST)
        names: list[str] = []
        while True:
            page = await self._stub.ListSubscriptions(request)
            names += [each.name.removeprefix("subscriptions/") for each in page.subscriptions]
            if not page.next_page_token:
                return names
            request.page_token = page.next_page_token


def subscription_from(message: subscription_pb2.Subscription) -> Subscription | Refusal:
    """A subscription as the profile tells it."""
    try:
        zone = ZoneInfo(message.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return _unusable(f"its time zone {message.time_zone!r} is not known here")
    if not 1 <= message.bill_cycle_day <= _LAST_DAY:
        return _unusable(f"its bill_cycle_day is {message.bill_cycle_day}, not 1 to 31")
    return Subscription(
        id=message.name.removeprefix("subscriptions/"),
        customer=message.customer.removeprefix("customers/"),
        plan_periods=tuple(
            PlanPeriod(
                period.plan.removeprefix("plans/"),
                period.start_time.ToMicroseconds(),
                period.end_time.ToMicroseconds() if period.HasField("end_time") else None,
            )
            for period in message.plan_periods
        ),
        bill_cycle_day=message.bill_cycle_day,
        zone=zone,
        activate_micros=message.activate_time.ToMicroseconds(),
    )


def _unusable(why: str) -> Refusal:
    return Refusal(Reason.NOT_RATEABLE, "subscription", why)
