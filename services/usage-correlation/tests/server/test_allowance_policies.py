"""Is each threshold of an allowance signalled once in a bill cycle, and are its policies data?"""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usage_acts import counts, record, signals_of
from usage_bundles import at, sell
from usage_samples import fresh, usage_record
from usage_world import World

from cxmesh.usage.v1 import allowance_policy_service_pb2 as pb
from cxmesh.usage.v1.allowance_policy_pb2 import AllowancePolicy
from cxmesh.usage.v1.allowance_policy_service_pb2_grpc import AllowancePolicyServiceStub
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_ALLOWANCE_THRESHOLD
from mesh.rpc import error_from


def calls(world: World) -> AllowancePolicyServiceStub:
    return AllowancePolicyServiceStub(world.service.channel("service/operator"))


async def make(world: World, **fields: object) -> AllowancePolicy:
    policy = AllowancePolicy(**fields)  # type: ignore[arg-type]  # fields by name
    name = fresh("allowance")
    request = pb.CreateAllowancePolicyRequest(allowance_policy_id=name, allowance_policy=policy)
    return await calls(world).CreateAllowancePolicy(request)


async def told(world: World, name: str) -> list[tuple[int, int]]:
    """(percent, quantity) of each signal, oldest first."""
    found = [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_ALLOWANCE_THRESHOLD]
    return [(each.allowance_threshold.percent, each.allowance_threshold.quantity) for each in found]


async def test_each_threshold_is_signalled_once_with_the_record_that_reached_it(world: World) -> None:
    name = world.profile.hold(sell(world))
    made = await make(world, subscription=f"subscriptions/{name}", threshold_percents=[50, 80, 100])
    first, deciding = usage_record(name, 240, start=at(1)), usage_record(name, 120, start=at(2))
    assert counts(await record(world, first, deciding)) == (2, 0, 0)
    assert counts(await record(world, first, deciding)) == (0, 2, 0)
    (signal,) = await signals_of(world, name)
    detail = signal.allowance_threshold
    assert (detail.allowance_policy, detail.allowance, detail.unit, detail.percent) == (
        made.name,
        "minutes",
        "second",
        50,
    )
    assert (detail.granted_micros, detail.used_micros, detail.shared) == (600 * 10**6, 360 * 10**6, False)
    assert signal.event_time == deciding.start_time
    assert list(signal.evidence_records) == [f"msc-7/{first.record_id}", f"msc-7/{deciding.record_id}"]
    await record(world, usage_record(name, 900, start=at(3)))
    assert await told(world, name) == [(50, 0), (100, 0)]  # 80 and 100 at once: the highest says it all
    await record(world, usage_record(name, 60, start=at(4)))
    assert await told(world, name) == [(50, 0), (100, 0)]


async def test_quantities_are_thresholds_too(world: World) -> None:
    name = world.profile.hold(sell(world))
    await make(world, subscription=f"subscriptions/{name}", allowance="minutes", threshold_quantities=[60, 500])
    await make(world, subscription=f"subscriptions/{name}", allowance="another", threshold_quantities=[60])
    await record(world, usage_record(name, 90, start=at(1)))
    await record(world, usage_record(name, 420, start=at(2)))
    assert await told(world, name) == [(0, 60), (0, 500)]


async def test_late_records_reach_thresholds_and_repeat_none(world: World) -> None:
    name = world.profile.hold(sell(world))
    await make(world, subscription=f"subscriptions/{name}", threshold_percents=[50, 100])
    await record(world, usage_record(name, 360, start=at(10)))
    await record(world, usage_record(name, 240, start=at(2)))  # all used up: what comes late is rated anew
    await record(world, usage_record(name, 120, start=at(1)))
    assert await told(world, name) == [(50, 0), (100, 0)]


async def test_a_family_hears_once_of_what_it_shares(world: World) -> None:
    plan, family = sell(world, ", shared: true"), fresh("family")
    one, other = (world.profile.hold(plan, customer=family) for _ in range(2))
    await make(world, plan=f"plans/{plan}", threshold_percents=[50])
    await record(world, usage_record(one, 200, start=at(1)))
    await record(world, usage_record(other, 200, start=at(2)))
    await record(world, usage_record(one, 60, start=at(3)))
    assert (await told(world, one), await told(world, other)) == ([], [(50, 0)])


async def test_a_policy_is_made_read_changed_and_removed(world: World) -> None:
    made = await make(world, display_name="half", allowance="minutes", threshold_percents=[50], plan="plans/standard")
    stub = calls(world)
    assert await stub.GetAllowancePolicy(pb.GetAllowancePolicyRequest(name=made.name)) == made
    sent = AllowancePolicy(name=made.name, threshold_quantities=[100], paused=True)
    mask = FieldMask(paths=["threshold_quantities", "paused"])
    request = pb.UpdateAllowancePolicyRequest(allowance_policy=sent, update_mask=mask)
    changed = await stub.UpdateAllowancePolicy(request)
    assert (list(changed.threshold_percents), list(changed.threshold_quantities), changed.paused) == ([50], [100], True)
    listed = await stub.ListAllowancePolicies(pb.ListAllowancePoliciesRequest(page_size=1000))
    assert changed in listed.allowance_policies
    await stub.DeleteAllowancePolicy(pb.DeleteAllowancePolicyRequest(name=made.name))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetAllowancePolicy(pb.GetAllowancePolicyRequest(name=made.name))
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_ALLOWANCE_POLICY_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "allowance_policy.threshold_percents"),
        ({"threshold_percents": [80, 50]}, "allowance_policy.threshold_percents"),
        ({"threshold_quantities": [0]}, "allowance_policy.threshold_quantities[0]"),
        ({"threshold_percents": [80], "display_name": "\0"}, "allowance_policy.display_name"),
        ({"threshold_percents": [80], "plan": "x"}, "allowance_policy.plan"),
    ],
)
async def test_terms_that_cannot_be_are_refused(world: World, fields: dict[str, object], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await make(world, **fields)
    assert field in {violation.field for violation in error_from(refused.value).field_violations}
