"""What the tests do with spending limits, and what they look at."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
from google.type.money_pb2 import Money
from limit_samples import FRANCE, MEGABYTE, TRIP, euro_document
from usage_acts import record
from usage_samples import fresh, usage_record
from usage_world import World

from cxmesh.profile.v1.customer_pb2 import CHANNEL_SMS
from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_policy_pb2 import LIMIT_ACTION_STOP, LIMIT_PERIOD_BILL_CYCLE, TAX_BASIS_EXCLUDED, LimitPolicy
from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceStub
from cxmesh.usage.v1.limit_state_pb2 import LimitEvent, LimitEventKind, LimitState, LimitStop, SpendingLimit
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, UsageRecord
from mesh.rpc import RpcError, error_from

if TYPE_CHECKING:  # the stubs alone know the name
    from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceAsyncStub

EU = "eu-data-roaming"


def limits(world: World, as_: str = "service/operator") -> "LimitServiceAsyncStub":
    return LimitServiceStub(world.service.channel(as_))


def eur(amount: float) -> Money:
    units = int(amount)
    return Money(currency_code="EUR", units=units, nanos=round((amount - units) * 10**9))


def amount(money: Money) -> float:
    """In units; exact enough to compare what tests expect."""
    return money.units + money.nanos / 10**9


def traveller(world: World, more: str = "", **facts: Any) -> str:
    """A subscription under a plan in euros: EUR 2 a megabyte in France."""
    plan = world.catalogue.sell(fresh("roamer"), euro_document("roamer", more))
    return world.profile.hold(plan, **{"zone": "Europe/Berlin"} | facts)


def session(name: str, megabytes: float, *, minutes: float = 0, start: datetime = TRIP, **fields: Any) -> UsageRecord:
    """Data in France, so many minutes into the trip."""
    usual: dict[str, Any] = {"usage_type": USAGE_TYPE_DATA, "destination": "", "visited_network": FRANCE}
    begin = start + timedelta(minutes=minutes)
    return usage_record(name, int(megabytes * MEGABYTE), start=begin, **usual | fields)


async def roam(world: World, name: str, *megabytes: float, minutes: float = 0, start: datetime = TRIP) -> None:
    """One record each, a minute apart, in one call."""
    rows = [session(name, each, minutes=minutes + number, start=start) for number, each in enumerate(megabytes)]
    answer = await record(world, *rows)
    assert answer.accepted_count == len(rows), answer


def limit_name(name: str, policy: str = EU) -> str:
    return f"subscriptions/{name}/spendingLimits/{policy}"


async def limit_of(world: World, name: str, policy: str = EU, at: datetime | None = None) -> SpendingLimit:
    request = pb.GetSpendingLimitRequest(name=limit_name(name, policy))
    if at is not None:
        request.period_time.FromDatetime(at)
    return await limits(world).GetSpendingLimit(request)


def state(limit: SpendingLimit) -> str:
    return LimitState.Name(limit.state).removeprefix("LIMIT_STATE_")


async def events_of(world: World, name: str, policy: str = "") -> list[LimitEvent]:
    request = pb.ListLimitEventsRequest(parent=f"subscriptions/{name}", page_size=1000)
    request.limit_policy = f"limitPolicies/{policy}" if policy else ""
    return list((await limits(world).ListLimitEvents(request)).limit_events)


def kinds(events: Sequence[LimitEvent]) -> list[str]:
    return [LimitEventKind.Name(event.kind).removeprefix("LIMIT_EVENT_KIND_") for event in events]


async def stops_of(world: World, *names: str) -> list[LimitStop]:
    request = pb.ListStopsRequest(subscriptions=[f"subscriptions/{name}" for name in names])
    return list((await limits(world).ListStops(request)).limit_stops)


async def stopped_now(world: World, *names: str, **fields: Any) -> list[str]:
    request = pb.CheckStopsRequest(subscriptions=[f"subscriptions/{name}" for name in names], **fields)
    return [stop.spending_limit for stop in (await limits(world).CheckStops(request)).limit_stops]


def act(name: str, **fields: Any) -> pb.CustomerAct:
    """The holder's own word."""
    usual: dict[str, Any] = {
        "customer": f"customers/c-{name}",
        "channel": CHANNEL_SMS,
        "wording": "Further use costs EUR 2.00 for 1 MB. Reply YES to go on.",
    }
    return pb.CustomerAct(**usual | fields)


async def consent(world: World, name: str, policy: str = EU, price: float = 2, **fields: Any) -> SpendingLimit:
    usual: dict[str, Any] = {"act": act(name), "shown_price": eur(price), "request_id": str(uuid.uuid4())}
    return await limits(world).GiveConsent(pb.GiveConsentRequest(name=limit_name(name, policy), **usual | fields))


async def choose(world: World, name: str, limit: float, policy: str = EU, **fields: Any) -> SpendingLimit:
    usual: dict[str, Any] = {"act": act(name), "limit": eur(limit)}
    return await limits(world).ChooseLimit(pb.ChooseLimitRequest(name=limit_name(name, policy), **usual | fields))


async def opt_out(world: World, name: str, policy: str = EU) -> SpendingLimit:
    return await limits(world).OptOut(pb.OptOutRequest(name=limit_name(name, policy), act=act(name)))


async def opt_in(world: World, name: str, policy: str = EU) -> SpendingLimit:
    return await limits(world).OptIn(pb.OptInRequest(name=limit_name(name, policy), act=act(name)))


def cap(units: float = 10, **fields: Any) -> LimitPolicy:
    """All usage of a bill cycle."""
    usual: dict[str, Any] = {
        "limit": eur(units),
        "tax_basis": TAX_BASIS_EXCLUDED,
        "period": LIMIT_PERIOD_BILL_CYCLE,
        "action": LIMIT_ACTION_STOP,
        "notice_percents": [80],
    }
    return LimitPolicy(**usual | fields)


async def make_cap(world: World, policy: LimitPolicy) -> str:
    name = fresh("cap")
    await limits(world).CreateLimitPolicy(pb.CreateLimitPolicyRequest(limit_policy_id=name, limit_policy=policy))
    return name


async def refusal(call: Any) -> RpcError:
    """The error of a call that must fail. Any: calls of several types."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error_from(error)
    raise AssertionError("the call was answered")


def moment(stamp: Any) -> datetime:
    """Any: the wire's timestamp."""
    found: datetime = stamp.ToDatetime(UTC)
    return found
