"""What the tests do with the service, and what they look at."""

from collections.abc import Sequence
from datetime import datetime

from google.type.money_pb2 import Money
from usage_samples import MARCH_2, fresh, minutes, usage_record
from usage_world import World

from cxmesh.usage.v1.signal_pb2 import Signal
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_record_pb2 import (
    UsageRecord,
    UsageSummary,
)
from cxmesh.usage.v1.usage_service_pb2 import (
    CreateSpendPolicyRequest,
    GetUsageSummaryRequest,
    ListSignalsRequest,
    RecordUsageRequest,
    RecordUsageResponse,
)


async def record(world: World, *records: UsageRecord, as_: str = "service/operator") -> RecordUsageResponse:
    return await world.stub(as_).RecordUsage(RecordUsageRequest(records=records))


async def summary(world: World, name: str, cycle: datetime | None = None) -> UsageSummary:
    request = GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary")
    if cycle is not None:
        request.cycle_time.FromDatetime(cycle)
    return await world.stub().GetUsageSummary(request)


def counts(answer: RecordUsageResponse) -> tuple[int, int, int]:
    return answer.accepted_count, answer.duplicate_count, len(answer.rejections)


def lines(found: UsageSummary) -> dict[str, tuple[int, int, int]]:
    """Records, quantity and hundredths of each line."""
    return {
        line.charge_code: (line.record_count, line.quantity, line.amount.units * 100 + line.amount.nanos // 10**7)
        for line in found.lines
    }


def policy(limit: int = 10, percents: Sequence[int] = (80, 100), **scope: str) -> SpendPolicy:
    return SpendPolicy(limit=Money(units=limit, currency_code="USD"), threshold_percents=percents, **scope)


async def make_policy(world: World, made: SpendPolicy) -> str:
    name = fresh("policy")
    await world.stub().CreateSpendPolicy(CreateSpendPolicyRequest(spend_policy_id=name, spend_policy=made))
    return name


async def with_own_policy(world: World, limit: int = 10, percents: Sequence[int] = (80, 100)) -> tuple[str, str]:
    """A subscription and its own policy."""
    name = world.profile.hold()
    return name, await make_policy(world, policy(limit, percents, subscription=f"subscriptions/{name}"))


async def spend(world: World, name: str, *dollars: float, start: datetime = MARCH_2) -> list[UsageRecord]:
    """One record for each amount, at a dollar for 60/0.17 seconds: 17 cents a minute, to the cent below."""
    records = [
        usage_record(name, int(amount / 0.17 * 60), start=start + minutes(number))
        for number, amount in enumerate(dollars)
    ]
    answer = await world.stub().RecordUsage(RecordUsageRequest(records=records))
    assert answer.accepted_count == len(records)
    return records


async def signals_of(world: World, name: str) -> list[Signal]:
    """Oldest first."""
    answer = await world.stub().ListSignals(ListSignalsRequest(subscription=f"subscriptions/{name}"))
    return list(answer.signals)[::-1]


async def percents_of(world: World, name: str) -> list[int]:
    return [signal.spend_threshold.percent for signal in await signals_of(world, name)]
