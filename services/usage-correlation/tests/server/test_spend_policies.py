"""Can staff make, read, change and remove spend policies, each once however often they ask?"""

from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.type.money_pb2 import Money
from usage_acts import make_policy, signals_of, spend
from usage_samples import fresh, minutes
from usage_world import World

from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_service_pb2 import (
    CreateSpendPolicyRequest,
    DeleteSpendPolicyRequest,
    GetSpendPolicyRequest,
    ListSpendPoliciesRequest,
    UpdateSpendPolicyRequest,
)
from mesh.rpc import RpcError, error_from

LIMIT = Money(units=49, nanos=999_999_999, currency_code="EUR")


def policy(**fields: object) -> SpendPolicy:
    values: dict[str, object] = {"limit": LIMIT, "threshold_percents": [80, 100]}
    return SpendPolicy(**(values | fields))  # type: ignore[arg-type]  # fields by name


async def create(world: World, made: SpendPolicy, name: str | None = None, request_id: str = "") -> SpendPolicy:
    request = CreateSpendPolicyRequest(
        spend_policy_id=name or fresh("policy"), spend_policy=made, request_id=request_id
    )
    return await world.stub().CreateSpendPolicy(request)


async def get(world: World, name: str) -> SpendPolicy:
    return await world.stub().GetSpendPolicy(GetSpendPolicyRequest(name=name))


async def update(world: World, sent: SpendPolicy, *paths: str, request_id: str = "") -> SpendPolicy:
    mask = FieldMask(paths=paths) if paths else None
    request = UpdateSpendPolicyRequest(spend_policy=sent, update_mask=mask, request_id=request_id)
    return await world.stub().UpdateSpendPolicy(request)


async def refused(world: World, method: str, request: Message) -> RpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await getattr(world.stub(), method)(request)
    return error_from(failed.value)


async def test_a_policy_is_kept_as_it_was_made(world: World) -> None:
    name = world.profile.hold()
    sent = policy(name="spendPolicies/ignored", display_name="Fifty", subscription=f"subscriptions/{name}", paused=True)
    made = await create(world, sent, "fifty")
    sent.name = "spendPolicies/fifty"
    sent.create_time.FromDatetime(world.clock.now())
    sent.update_time.FromDatetime(world.clock.now())
    assert made == sent
    assert await get(world, "spendPolicies/fifty") == sent


async def test_what_the_caller_may_not_set_is_ignored(world: World) -> None:
    sent = policy()
    sent.create_time.FromSeconds(1)
    made = await create(world, sent)
    assert made.create_time.ToDatetime().year == 2026


async def test_the_same_policy_again_is_the_one_that_is_there(world: World) -> None:
    name = fresh("policy")
    made = await create(world, policy(), name)
    world.clock.advance(minutes(1))
    assert await create(world, policy(), name) == made
    error = await refused(
        world,
        "CreateSpendPolicy",
        CreateSpendPolicyRequest(spend_policy_id=name, spend_policy=policy(paused=True)),
    )
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS")
    assert error.metadata == {"name": f"spendPolicies/{name}"}


async def test_a_repeated_request_is_answered_as_the_first_time(world: World) -> None:
    request_id = str(uuid4())
    name = fresh("policy")
    made = await create(world, policy(), name, request_id)
    changed = await update(world, policy(name=made.name, paused=True), "paused")
    assert changed.paused
    assert await create(world, policy(), name, request_id) == made
    error = await refused(
        world,
        "CreateSpendPolicy",
        CreateSpendPolicyRequest(spend_policy_id=name, spend_policy=policy(paused=True), request_id=request_id),
    )
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_REQUEST_ID_REUSED")


async def test_an_update_changes_what_its_mask_names(world: World) -> None:
    made = await create(world, policy(display_name="before"))
    world.clock.advance(minutes(1))
    sent = policy(name=made.name, display_name="after", paused=True, threshold_percents=[50])
    changed = await update(world, sent, "display_name")
    assert (changed.display_name, changed.paused, list(changed.threshold_percents)) == ("after", False, [80, 100])
    assert changed.create_time == made.create_time
    assert changed.update_time.ToDatetime() == made.update_time.ToDatetime() + minutes(1)
    assert await get(world, made.name) == changed


async def test_an_update_without_a_mask_changes_every_field_that_is_set(world: World) -> None:
    plan = world.catalogue.sell(fresh("plan"))
    made = await create(world, policy(display_name="before", paused=True, plan=f"plans/{plan}"))
    changed = await update(world, policy(name=made.name, threshold_percents=[50]))
    assert (changed.display_name, changed.paused, list(changed.threshold_percents)) == ("before", True, [50])
    assert changed.plan == f"plans/{plan}"


async def test_a_scope_named_without_a_value_is_everybody(world: World) -> None:
    plan = world.catalogue.sell(fresh("plan"))
    made = await create(world, policy(plan=f"plans/{plan}"))
    changed = await update(world, policy(name=made.name), "plan")
    assert changed.WhichOneof("scope") is None


async def test_a_removed_policy_is_gone_and_removing_it_again_with_the_same_request_is_no_fault(world: World) -> None:
    made = await create(world, policy())
    request = DeleteSpendPolicyRequest(name=made.name, request_id=str(uuid4()))
    await world.stub().DeleteSpendPolicy(request)
    await world.stub().DeleteSpendPolicy(request)
    for method, other in (
        ("DeleteSpendPolicy", DeleteSpendPolicyRequest(name=made.name)),
        ("GetSpendPolicy", GetSpendPolicyRequest(name=made.name)),
        ("UpdateSpendPolicy", UpdateSpendPolicyRequest(spend_policy=policy(name=made.name))),
    ):
        error = await refused(world, method, other)
        assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SPEND_POLICY_NOT_FOUND")
        assert error.metadata == {"spend_policy": made.name}


async def test_policies_are_listed_by_name_page_by_page(world: World) -> None:
    made = [(await create(world, policy())).name for _ in range(5)]
    names, request = [], ListSpendPoliciesRequest(page_size=2)
    while True:
        answer = await world.stub().ListSpendPolicies(request)
        assert len(answer.spend_policies) <= 2
        names += [each.name for each in answer.spend_policies]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert names == sorted(names)
    assert set(made) <= set(names)


NOBODY = {"plan": "plans/nowhere", "subscription": "subscriptions/nobody"}


@pytest.mark.parametrize(
    ("scope", "reason"),
    [("plan", "ERROR_REASON_PLAN_NOT_FOUND"), ("subscription", "ERROR_REASON_SUBSCRIPTION_NOT_FOUND")],
)
async def test_a_policy_for_nobody_is_refused(world: World, scope: str, reason: str) -> None:
    wrong = policy(**{scope: NOBODY[scope]})
    error = await refused(
        world, "CreateSpendPolicy", CreateSpendPolicyRequest(spend_policy_id="nobody", spend_policy=wrong)
    )
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, reason)
    made = await create(world, policy())
    wrong.name = made.name
    error = await refused(
        world, "UpdateSpendPolicy", UpdateSpendPolicyRequest(spend_policy=wrong, update_mask=FieldMask(paths=[scope]))
    )
    assert error.reason == reason


async def test_an_update_sends_what_changes_and_no_more(world: World) -> None:
    made = await create(world, policy(display_name="before"))
    assert (await update(world, SpendPolicy(name=made.name, paused=True), "paused")).paused
    assert not (await update(world, SpendPolicy(name=made.name), "paused")).paused
    dearer = await update(world, SpendPolicy(name=made.name, limit=Money(units=60)), "limit.units")
    assert dearer.limit == Money(units=60, nanos=999_999_999, currency_code="EUR")


async def test_a_policy_that_is_read_changed_and_sent_back_is_written(world: World) -> None:
    made = await create(world, policy())
    world.clock.advance(minutes(1))
    made.paused = True
    made.create_time.FromSeconds(1)
    changed = await update(world, made, "*")
    assert (changed.paused, changed.create_time.ToDatetime().year) == (True, 2026)


async def test_a_scope_is_changed_by_its_value(world: World) -> None:
    plan, name = world.catalogue.sell(fresh("plan")), world.profile.hold()
    made = await create(world, policy(plan=f"plans/{plan}"))
    changed = await update(world, SpendPolicy(name=made.name, subscription=f"subscriptions/{name}"))
    assert (changed.WhichOneof("scope"), changed.subscription) == ("subscription", f"subscriptions/{name}")
    assert await update(world, SpendPolicy(name=made.name, display_name="x"), "plan") == changed


MESH, OURS = "ERROR_REASON_INVALID_REQUEST", "ERROR_REASON_INVALID_VALUE"


@pytest.mark.parametrize(
    ("wrong", "paths", "reason", "field"),
    [
        (policy(limit=Money(units=1, currency_code="XXX")), "limit", OURS, "spend_policy.limit.currency_code"),
        (policy(threshold_percents=[100, 80]), "threshold_percents", OURS, "spend_policy.threshold_percents"),
        (policy(display_name="\0"), "*", MESH, "spend_policy.display_name"),
        (policy(limit=Money(units=-1, currency_code="EUR")), "*", MESH, "spend_policy.limit"),
        (SpendPolicy(), "limit", MESH, "spend_policy.limit"),
        (SpendPolicy(), "threshold_percents", OURS, "spend_policy.threshold_percents"),
        (policy(display_name="x" * 201), "display_name", MESH, "spend_policy.display_name"),
        (policy(plan="gold"), "plan", MESH, "spend_policy.plan"),
        (policy(subscription="a\0b"), "subscription", MESH, "spend_policy.subscription"),
        (policy(), "colour", MESH, "update_mask"),
        (policy(), "limit.colour", MESH, "update_mask"),
    ],
)
async def test_what_an_update_would_leave_must_keep_the_rules(
    world: World, wrong: SpendPolicy, paths: str, reason: str, field: str
) -> None:
    made = await create(world, policy())
    wrong.name = made.name
    request = UpdateSpendPolicyRequest(spend_policy=wrong, update_mask=FieldMask(paths=[paths]))
    error = await refused(world, "UpdateSpendPolicy", request)
    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.field_violations[0].field == field
    assert await get(world, made.name) == made


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (policy(limit=Money(units=1, currency_code="XXX")), "spend_policy.limit.currency_code"),
        (policy(threshold_percents=[100, 80]), "spend_policy.threshold_percents"),
        (SpendPolicy(limit=LIMIT), "spend_policy.threshold_percents"),
    ],
)
async def test_terms_that_cannot_be_are_refused(world: World, wrong: SpendPolicy, field: str) -> None:
    request = CreateSpendPolicyRequest(spend_policy_id=fresh("p"), spend_policy=wrong)
    error = await refused(world, "CreateSpendPolicy", request)
    assert (error.reason, error.field_violations[0].field) == (OURS, field)


async def test_an_update_must_say_of_what(world: World) -> None:
    for name in ("", "p", "spendPolicies/a b", "spendPolicies/\0"):
        error = await refused(world, "UpdateSpendPolicy", UpdateSpendPolicyRequest(spend_policy=policy(name=name)))
        assert (error.reason, error.field_violations[0].field) == (OURS, "spend_policy.name")


async def test_amounts_are_thresholds_beside_percentages(world: World) -> None:
    name = world.profile.hold()
    amounts = [Money(units=2, currency_code="USD"), Money(units=5, currency_code="USD")]
    terms = SpendPolicy(
        limit=Money(units=10, currency_code="USD"), threshold_amounts=amounts, subscription=f"subscriptions/{name}"
    )
    await make_policy(world, terms)
    await spend(world, name, 1.5, 1, 4)
    await spend(world, name, 1)
    crossed = [each.spend_threshold for each in await signals_of(world, name)]
    assert [(each.percent, each.threshold.units) for each in crossed] == [(0, 5)]


async def test_amounts_in_another_currency_than_the_limit_are_refused(world: World) -> None:
    terms = SpendPolicy(limit=LIMIT, threshold_amounts=[Money(units=2, currency_code="GBP")])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await make_policy(world, terms)
    assert error_from(refused.value).field_violations[0].field == "spend_policy.threshold_amounts[0].currency_code"
