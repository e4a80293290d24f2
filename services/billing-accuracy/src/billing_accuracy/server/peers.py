"""How are the profile and the usage service asked?"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import grpc
import numpy as np
from google.type.interval_pb2 import Interval

from billing_accuracy.domain.usage import PlanPeriod, Subscription, Uncharged
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.handlers.peers import Customer, Medium, Product, RecordContent
from billing_accuracy.server.usage_tables import contents_of, record_names, table_of
from cxmesh.profile.v1 import profile_service_pb2, subscription_pb2
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.usage.v1 import limit_service_pb2, limit_state_pb2, usage_service_pb2
from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceStub
from cxmesh.usage.v1.usage_record_pb2 import UsageColumns as ColumnsMessage
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub

if TYPE_CHECKING:
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

_USAGES_AT_ONCE: Final = 1000
_ASKED_AT_ONCE: Final = 16
_MOST_PRODUCTS: Final = 1000
_MICROS_PER_SECOND: Final = 1_000_000
_SUBSCRIPTIONS_AT_ONCE: Final = 10_000
"""As ExportUsage takes them."""
_NOT_TOLD: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED})


class ProfileClient:
    """Who holds what, from the profile service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: ProfileServiceAsyncStub = ProfileServiceStub(channel)

    async def subscriptions(self, names: Collection[str]) -> Mapping[str, Subscription]:
        """Those that exist, by name."""
        request = profile_service_pb2.BatchGetSubscriptionsRequest(names=sorted(names))
        answer = await self._stub.BatchGetSubscriptions(request)
        return {one.name: _subscription(one) for one in answer.subscriptions}

    async def households(self, customers: Collection[str], most: int) -> Mapping[str, Sequence[Subscription]]:
        """All that each customer holds, by customer; without those who hold more than `most`, or aren't told of."""
        gate = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def held_by(customer: str) -> Sequence[Subscription] | None:
            async with gate:
                return await self._held_by(customer, most)

        names = sorted(customers)
        found = zip(names, await asyncio.gather(*map(held_by, names)), strict=True)
        return {name: held for name, held in found if held is not None}

    async def _held_by(self, customer: str, most: int) -> Sequence[Subscription] | None:
        request = profile_service_pb2.ListSubscriptionsRequest(customer=customer, page_size=_MOST_PRODUCTS)
        held: list[Subscription] = []
        while len(held) <= most:
            try:
                page = await self._stub.ListSubscriptions(request)
            except grpc.aio.AioRpcError as error:
                if error.code() in _NOT_TOLD:
                    return None
                raise
            held += map(_subscription, page.subscriptions)
            request.page_token = page.next_page_token
            if not request.page_token:
                return held if len(held) <= most else None
        return None


class CustomerClient:
    """Who orders, from the profile service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: ProfileServiceAsyncStub = ProfileServiceStub(channel)

    async def customer(self, name: str) -> Customer | None:
        """None when there is none of this name."""
        try:
            found = await self._stub.GetCustomer(profile_service_pb2.GetCustomerRequest(name=name))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        request = profile_service_pb2.ListSubscriptionsRequest(customer=name, page_size=_MOST_PRODUCTS)
        held = await self._stub.ListSubscriptions(request)
        media = sorted(found.contact_media, key=lambda one: not one.preferred)
        return Customer(
            name=found.name,
            display_name=found.display_name,
            media=tuple(Medium(one.channel, one.address, one.preferred) for one in media),
            language_code=found.language_code,
            time_zone=found.time_zone,
            region_code=found.region_code,
            products=tuple(
                Product(one.name, one.service_type, one.plan, one.line_identifier, one.bill_cycle_day)
                for one in held.subscriptions
                if one.state != subscription_pb2.SUBSCRIPTION_STATE_TERMINATED
            ),
        )


class UsageClient:
    """Stored usage from the usage-correlation service, in columns."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: UsageServiceAsyncStub = UsageServiceStub(channel)
        self._limits: LimitServiceAsyncStub = LimitServiceStub(channel)

    async def between(self, subscriptions: Collection[str], start: datetime, end: datetime) -> UsageTable:
        """All stored usage of these subscriptions that began in the interval."""
        return table_of(await self._parts(subscriptions, (start, end), with_ids=False))

    async def in_turn(self, subscriptions: Collection[str], start: datetime, end: datetime) -> UsageTable:
        """The same, with the turns in which records of different subscriptions draw on what they share.

        Those of one moment draw in order of source and record id, as usage-correlation rates them.
        """
        parts = await self._parts(subscriptions, (start, end), with_ids=True)
        table = table_of(parts)
        _, moment, count = np.unique(table.start_micros, return_inverse=True, return_counts=True)
        at_once = np.flatnonzero(count[moment] > 1).tolist()
        if not at_once:
            return table
        names = [one for part in parts for one in record_names(part)]
        turns = np.zeros(len(table.start_micros), np.int64)
        turns[sorted(at_once, key=names.__getitem__)] = np.arange(len(at_once))
        return replace(table, turns=turns)

    async def named_between(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> tuple[UsageTable, Sequence[str]]:
        """Stored usage that began in the interval, and `{source}/{record_id}` of each of its rows."""
        parts = await self._parts(subscriptions, (start, end), with_ids=True)
        return table_of(parts), ["/".join(one) for part in parts for one in record_names(part)]

    async def _parts(
        self, subscriptions: Collection[str], interval: tuple[datetime, datetime], *, with_ids: bool
    ) -> list[ColumnsMessage]:
        wanted = Interval()
        wanted.start_time.FromDatetime(interval[0])
        wanted.end_time.FromDatetime(interval[1])
        names = sorted(subscriptions)
        parts: list[ColumnsMessage] = []
        for first in range(0, len(names), _SUBSCRIPTIONS_AT_ONCE):
            some = names[first : first + _SUBSCRIPTIONS_AT_ONCE]
            request = usage_service_pb2.ExportUsageRequest(
                subscriptions=some, interval=wanted, include_record_ids=with_ids
            )
            parts += [part.columns async for part in self._stub.ExportUsage(request)]
        return parts

    async def uncharged(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[str, Sequence[Uncharged]]:
        """What spending limits keep off bills of usage that began in the interval, by subscription, in order of time.

        Nothing is uncharged without a stop, and few are ever stopped: those are found in one call.
        """
        interval = Interval()
        interval.start_time.FromDatetime(start)
        interval.end_time.FromDatetime(end)
        request = limit_service_pb2.ListStopsRequest(subscriptions=sorted(subscriptions), interval=interval)
        stops = (await self._limits.ListStops(request)).limit_stops
        stopped = sorted({stop.spending_limit.partition("/spendingLimits/")[0] for stop in stops})
        found: dict[str, Sequence[Uncharged]] = {}
        for first in range(0, len(stopped), _ASKED_AT_ONCE):
            names = stopped[first : first + _ASKED_AT_ONCE]
            of_names = await asyncio.gather(*(self._uncharged(name, interval) for name in names))
            found.update(zip(names, of_names, strict=True))
        return found

    async def _uncharged(self, subscription: str, interval: Interval) -> list[Uncharged]:
        found: list[Uncharged] = []
        token = ""
        while True:
            request = limit_service_pb2.ListUnchargedUsageRequest(
                parent=subscription, interval=interval, page_size=_USAGES_AT_ONCE, page_token=token
            )
            answer = await self._limits.ListUnchargedUsage(request)
            found += map(_uncharged, answer.uncharged_usages)
            token = answer.next_page_token
            if not token:
                return found

    async def record_ids(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[RecordContent, Sequence[str]]:
        """`{source}/{record_id}` of that usage, by content."""
        found: dict[RecordContent, list[str]] = defaultdict(list)
        for part in await self._parts(subscriptions, (start, end), with_ids=True):
            for content, record in contents_of(part):
                found[content].append(record)
        return found


def _subscription(message: subscription_pb2.Subscription) -> Subscription:
    return Subscription(
        name=message.name,
        customer=message.customer,
        plan_periods=tuple(
            PlanPeriod(
                plan=period.plan,
                start=period.start_time.ToDatetime(UTC),
                end=period.end_time.ToDatetime(UTC) if period.HasField("end_time") else None,
            )
            for period in message.plan_periods
        ),
        bill_cycle_day=message.bill_cycle_day,
        time_zone=message.time_zone or "UTC",
    )


def _uncharged(message: limit_state_pb2.UnchargedUsage) -> Uncharged:
    moment = message.start_time
    return Uncharged(
        start_micros=moment.seconds * _MICROS_PER_SECOND + moment.nanos // 1000,
        plan=message.plan,
        charge_code=message.charge_code,
        amount=Fraction(message.exact_amount),
        record=f"{message.source}/{message.record_id}",
    )
