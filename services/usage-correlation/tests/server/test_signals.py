"""Does the customer's spending speak up once for each threshold?"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text
from usage_acts import make_policy, percents_of, policy, signals_of, spend, with_own_policy
from usage_samples import MARCH_2, fresh, minutes, tariff_document, usage_record
from usage_world import World

from cxmesh.profile.v1.events_pb2 import SubscriptionChanged
from cxmesh.usage.v1.events_pb2 import SignalRaised
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SPEND_THRESHOLD
from cxmesh.usage.v1.usage_service_pb2 import (
    DeleteSpendPolicyRequest,
    GetSignalRequest,
    ListSignalsRequest,
    RecordUsageRequest,
    UpdateSpendPolicyRequest,
)
from mesh.rpc import error_from


async def test_a_threshold_reached_is_signalled_with_what_there_is_to_say(world: World) -> None:
    name, made = await with_own_policy(world)
    before = await spend(world, name, 3.0)
    records = await spend(world, name, 4.0, 2.0, 0.5, start=MARCH_2 + minutes(60))
    (signal,) = await signals_of(world, name)
    assert signal.kind == SIGNAL_KIND_SPEND_THRESHOLD
    assert (signal.subscription, signal.customer) == (f"subscriptions/{name}", f"customers/c-{name}")
    deciding = records[1]
    assert signal.event_time == deciding.start_time
    assert signal.arrive_time.ToDatetime(UTC) == signal.create_time.ToDatetime(UTC) == world.clock.now()
    assert list(signal.evidence_records) == [
        f"{each.source}/{each.record_id}" for each in (before[0], records[0], deciding)
    ]
    detail = signal.spend_threshold
    assert (detail.spend_policy, detail.percent) == (f"spendPolicies/{made}", 80)
    assert (detail.limit.units, detail.limit.nanos, detail.limit.currency_code) == (10, 0, "USD")
    seconds = sum(each.quantity for each in (*before, *records))
    exact = round(seconds * 17 * 10**9 / 6000)
    assert detail.spent.units * 10**9 + detail.spent.nanos == exact
    assert detail.cycle_start_time.ToDatetime(UTC) == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert detail.cycle_end_time.ToDatetime(UTC) == datetime(2026, 4, 1, 4, tzinfo=UTC)


async def test_each_threshold_is_signalled_once(world: World) -> None:
    name, _ = await with_own_policy(world)
    for dollars in (7.0, 1.5, 0.5, 1.5, 3.0, 20.0):
        await spend(world, name, dollars)
    assert await percents_of(world, name) == [80, 100]


async def test_several_at_once_are_one_message_the_highest(world: World) -> None:
    name, _ = await with_own_policy(world, percents=(50, 80, 100, 300))
    await spend(world, name, 12.0)
    assert await percents_of(world, name) == [100]
    await spend(world, name, 25.0)
    assert await percents_of(world, name) == [100, 300]


async def test_evidence_is_the_newest_twenty_records(world: World) -> None:
    name, _ = await with_own_policy(world)
    early = await spend(world, name, *[0.3] * 12)
    late = await spend(world, name, *[0.3] * 16, start=MARCH_2 + minutes(60))
    (signal,) = await signals_of(world, name)
    deciding = next(
        n
        for n, each in enumerate([*early, *late])
        if 17 * sum(r.quantity for r in [*early, *late][: n + 1]) >= 800 * 60
    )
    expected = [f"{each.source}/{each.record_id}" for each in [*early, *late][: deciding + 1]][-20:]
    assert list(signal.evidence_records) == expected
    assert len(expected) == 20


async def test_a_call_repeated_or_raced_signals_nothing_twice(world: World) -> None:
    name, _ = await with_own_policy(world)
    request = RecordUsageRequest(records=[usage_record(name, 3000), usage_record(name, 3000)])
    await asyncio.gather(*(world.stub().RecordUsage(request) for _ in range(6)))
    assert await percents_of(world, name) == [100]


async def test_the_next_cycle_begins_anew(world: World) -> None:
    name, _ = await with_own_policy(world)
    await spend(world, name, 9.0, start=MARCH_2 - timedelta(days=7))
    await spend(world, name, 9.0)
    february, march = await signals_of(world, name)
    assert february.spend_threshold.cycle_end_time == march.spend_threshold.cycle_start_time
    assert february.name != march.name


async def test_policies_for_a_plan_speak_for_its_holders_alone(world: World) -> None:
    plan = world.catalogue.sell(fresh("plan"), tariff_document("x"))
    holder, other = world.profile.hold(plan), world.profile.hold()
    await make_policy(world, policy(plan=f"plans/{plan}"))
    await spend(world, holder, 9.0)
    await spend(world, other, 9.0)
    assert await percents_of(world, holder) == [80]
    assert await percents_of(world, other) == []


async def test_every_policy_speaks_for_itself(world: World) -> None:
    name, first = await with_own_policy(world)
    second = await make_policy(world, policy(limit=5, subscription=f"subscriptions/{name}"))
    await spend(world, name, 9.0)
    told = {(s.spend_threshold.spend_policy, s.spend_threshold.percent) for s in await signals_of(world, name)}
    assert told == {(f"spendPolicies/{first}", 80), (f"spendPolicies/{second}", 100)}


async def test_spending_in_another_currency_is_not_counted(world: World) -> None:
    plan = world.catalogue.sell(fresh("plan"), tariff_document("x", currency="EUR"))
    name = world.profile.hold(plan)
    await make_policy(world, policy(subscription=f"subscriptions/{name}"))
    await spend(world, name, 50.0)
    assert await percents_of(world, name) == []


async def test_a_policy_made_after_the_money_was_spent_speaks_with_the_next_record(world: World) -> None:
    name = world.profile.hold()
    await spend(world, name, 9.0)
    await make_policy(world, policy(subscription=f"subscriptions/{name}"))
    assert await percents_of(world, name) == []
    (record,) = await spend(world, name, 0.01)
    (signal,) = await signals_of(world, name)
    assert signal.evidence_records[-1] == f"{record.source}/{record.record_id}"


async def update(world: World, made: str, paths: Sequence[str], **changes: object) -> None:
    sent = policy()
    sent.name = f"spendPolicies/{made}"
    for field, value in changes.items():
        if field == "limit":
            sent.limit.units = value  # type: ignore[assignment]  # an int
        else:
            setattr(sent, field, value)
    await world.stub().UpdateSpendPolicy(
        UpdateSpendPolicyRequest(spend_policy=sent, update_mask=FieldMask(paths=paths))
    )


async def test_a_change_holds_from_the_next_record(world: World) -> None:
    name, made = await with_own_policy(world)
    await spend(world, name, 5.0)
    await update(world, made, ["limit"], limit=6)
    await spend(world, name, 0.01)
    assert await percents_of(world, name) == [80]


async def test_a_paused_policy_is_silent_and_speaks_when_it_goes_on(world: World) -> None:
    name, made = await with_own_policy(world)
    await update(world, made, ["paused"], paused=True)
    await spend(world, name, 9.0)
    assert await percents_of(world, name) == []
    await update(world, made, ["paused"], paused=False)
    await spend(world, name, 0.01)
    assert await percents_of(world, name) == [80]


async def test_a_removed_policy_is_silent_and_its_signals_stay(world: World) -> None:
    name, made = await with_own_policy(world)
    await spend(world, name, 9.0)
    await world.stub().DeleteSpendPolicy(DeleteSpendPolicyRequest(name=f"spendPolicies/{made}"))
    await spend(world, name, 9.0)
    assert await percents_of(world, name) == [80]


async def test_a_general_policy_holds_for_those_known_already(world: World) -> None:
    name = world.profile.hold()
    await spend(world, name, 1.0)
    made = await make_policy(world, policy(limit=2))
    try:
        await spend(world, name, 1.0)
        assert await percents_of(world, name) == [80]
    finally:
        await world.stub().DeleteSpendPolicy(DeleteSpendPolicyRequest(name=f"spendPolicies/{made}"))


async def test_the_event_is_published_in_the_trace_of_the_call(world: World) -> None:
    name, _ = await with_own_policy(world)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    await world.stub().RecordUsage(
        RecordUsageRequest(records=[usage_record(name, 3000)]),
        metadata=(("traceparent", f"00-{trace_id}-b7ad6b7169203331-01"),),
    )
    async with world.service.runtime.store.reading() as connection:
        statement = text("SELECT type, topic, traceparent, data FROM usage.outbox WHERE key = :key")
        (row,) = await connection.execute(statement, {"key": name})
    assert (row.type, row.topic) == ("cxmesh.usage.v1.SignalRaised", "usage")
    assert row.traceparent.split("-")[1] == trace_id
    (signal,) = await signals_of(world, name)
    assert SignalRaised.FromString(row.data).signal == signal


async def test_a_signal_is_found_by_its_name(world: World) -> None:
    name, _ = await with_own_policy(world)
    await spend(world, name, 9.0)
    (signal,) = await signals_of(world, name)
    assert await world.stub("service/offer-decision").GetSignal(GetSignalRequest(name=signal.name)) == signal


@pytest.mark.parametrize("signal_id", ["0f3a", "0" * 32, "x" * 32])
async def test_an_unknown_signal_is_not_found(world: World, signal_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.stub().GetSignal(GetSignalRequest(name=f"signals/{signal_id}"))
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SIGNAL_NOT_FOUND")
    assert error.metadata == {"signal": f"signals/{signal_id}"}


async def test_signals_are_listed_newest_first_page_by_page(world: World) -> None:
    name, _ = await with_own_policy(world, percents=(10, 20, 30, 40, 50))
    for _ in range(5):
        await spend(world, name, 1.01)
    request = ListSignalsRequest(subscription=f"subscriptions/{name}", kind=SIGNAL_KIND_SPEND_THRESHOLD, page_size=2)
    pages = []
    while True:
        answer = await world.stub().ListSignals(request)
        pages.append([signal.spend_threshold.percent for signal in answer.signals])
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert pages == [[50, 40], [30, 20], [10]]


async def test_a_changed_subscription_is_asked_for_again(world: World) -> None:
    """Through the real stream: the event is published on the profile's topic, relayed and handled."""
    dear = world.catalogue.sell(fresh("plan"), tariff_document("x", day="17.00"))
    name, _ = await with_own_policy(world)
    await spend(world, name, 1.0)
    world.profile.change_plan(name, dear, MARCH_2)
    store = world.service.runtime.store
    async with store.unit_of_work() as uow:
        changed = SubscriptionChanged(subscription=world.profile.known[f"subscriptions/{name}"])
        uow.publish(changed, key=name)
    async with asyncio.timeout(10):
        statement = text("SELECT count(*) FROM usage.change WHERE changed_id = :name AND kind = 'subscription'")
        while True:
            async with store.reading() as connection:
                # The policy's own change is the first.
                if (await connection.execute(statement, {"name": name})).scalar_one() > 1:
                    break
            await asyncio.sleep(0.02)
    await spend(world, name, 0.1)
    assert await percents_of(world, name) == [100]
