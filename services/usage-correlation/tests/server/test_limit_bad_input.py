"""What does every call on limits say to input that is wrong, and to callers who may not?"""

from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money
from limit_acts import act, cap, eur, limits, refusal, traveller
from usage_world import World

from cxmesh.profile.v1.customer_pb2 import CHANNEL_UNSPECIFIED
from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_policy_pb2 import LimitScope
from mesh.rpc import error_from
from usage_correlation.server.limit_authorization import LIMIT_METHODS, SERVICE

LONG = "x" * 64
SUBSCRIPTION = "subscriptions/s-1"
LIMIT = f"{SUBSCRIPTION}/spendingLimits/eu-data-roaming"
POLICY = "limitPolicies/p"
BACKWARDS = Interval()
BACKWARDS.start_time.FromSeconds(2)
BACKWARDS.end_time.FromSeconds(1)

SOUND: Mapping[str, Message] = {
    "CreateLimitPolicy": pb.CreateLimitPolicyRequest(limit_policy_id="p", limit_policy=cap(5, paused=True)),
    "GetLimitPolicy": pb.GetLimitPolicyRequest(name=POLICY),
    "ListLimitPolicies": pb.ListLimitPoliciesRequest(),
    "UpdateLimitPolicy": pb.UpdateLimitPolicyRequest(limit_policy=cap(5, name=POLICY)),
    "DeleteLimitPolicy": pb.DeleteLimitPolicyRequest(name=POLICY),
    "GetSpendingLimit": pb.GetSpendingLimitRequest(name=LIMIT),
    "ListSpendingLimits": pb.ListSpendingLimitsRequest(parent=SUBSCRIPTION),
    "GiveConsent": pb.GiveConsentRequest(name=LIMIT, act=act("s-1"), shown_price=eur(2)),
    "ChooseLimit": pb.ChooseLimitRequest(name=LIMIT, act=act("s-1"), limit=eur(20)),
    "OptOut": pb.OptOutRequest(name=LIMIT, act=act("s-1")),
    "OptIn": pb.OptInRequest(name=LIMIT, act=act("s-1")),
    "ListLimitEvents": pb.ListLimitEventsRequest(parent=SUBSCRIPTION),
    "ExportLimitRecord": pb.ExportLimitRecordRequest(name=SUBSCRIPTION),
    "CheckStops": pb.CheckStopsRequest(subscriptions=[SUBSCRIPTION]),
    "ListStops": pb.ListStopsRequest(subscriptions=[SUBSCRIPTION]),
    "ListUnchargedUsage": pb.ListUnchargedUsageRequest(parent=SUBSCRIPTION),
}
CALLERS = (
    "service/operator",
    "service/profile",
    "service/billing-accuracy",
    "service/offer-decision",
    "service/notification",
    "partner/acme",
)
ALSO = {
    "GetSpendingLimit": "service/offer-decision",
    "ListSpendingLimits": "service/offer-decision",
    "CheckStops": "service/billing-accuracy",
    "ListStops": "service/billing-accuracy",
    "ListUnchargedUsage": "service/billing-accuracy",
}


def but(method: str, **fields: Any) -> tuple[str, Message]:
    """A sound request with other fields; None clears one."""
    request = type(SOUND[method])()
    request.CopyFrom(SOUND[method])
    for name, value in fields.items():
        request.ClearField(name)
        if value is not None:
            request.MergeFrom(type(request)(**{name: value}))
    return method, request


def policy(**fields: Any) -> tuple[str, Message]:
    return but("CreateLimitPolicy", limit_policy=cap(**{"limit": eur(5)} | fields))


WRONG = [
    (but("CreateLimitPolicy", limit_policy_id=""), "limit_policy_id"),
    (but("CreateLimitPolicy", limit_policy_id=LONG), "limit_policy_id"),
    (but("CreateLimitPolicy", limit_policy=None), "limit_policy"),
    (but("CreateLimitPolicy", request_id="x"), "request_id"),
    (policy(limit=None), "limit_policy.limit"),
    (policy(limit=Money(currency_code="EUR")), "limit_policy.limit"),
    (policy(limit=Money(units=1, currency_code="eur")), "limit_policy.limit"),
    (policy(limit=Money(units=1, currency_code="XXX")), "limit_policy.limit.currency_code"),
    (policy(tax_basis=0), "limit_policy.tax_basis"),
    (policy(period=0), "limit_policy.period"),
    (policy(period=99), "limit_policy.period"),
    (policy(action=0), "limit_policy.action"),
    (policy(notice_percents=[0]), "limit_policy.notice_percents[0]"),
    (policy(notice_percents=[80, 80]), "limit_policy.notice_percents"),
    (policy(further_limits=[eur(5)]), "limit_policy.further_limits"),
    (policy(further_limits=[Money(units=9, currency_code="USD")]), "limit_policy.further_limits[0].currency_code"),
    (policy(offered_limits=[eur(0)]), "limit_policy.offered_limits"),
    (policy(scope=LimitScope(usage_types=[99])), "limit_policy.scope.usage_types[0]"),
    (policy(scope=LimitScope(visited_networks=["x"])), "limit_policy.scope.visited_networks[0]"),
    (policy(scope=LimitScope(place=2, roaming_zones=["eu"])), "limit_policy.scope.place"),
    (policy(template_prefix="a b"), "limit_policy.template_prefix"),
    (policy(display_name="x" * 201), "limit_policy.display_name"),
    (policy(plan="gold"), "limit_policy.plan"),
    (policy(subscription="s-1"), "limit_policy.subscription"),
    (but("GetLimitPolicy", name="p"), "name"),
    (but("ListLimitPolicies", page_size=-1), "page_size"),
    (but("ListLimitPolicies", page_token="nonsense"), "page_token"),
    (but("UpdateLimitPolicy", limit_policy=None), ""),
    (but("UpdateLimitPolicy", limit_policy=cap(5, name="p")), "limit_policy.name"),
    (but("DeleteLimitPolicy", name="spendPolicies/p"), "name"),
    (but("GetSpendingLimit", name=SUBSCRIPTION), "name"),
    (but("GetSpendingLimit", name=f"{SUBSCRIPTION}/spendingLimits/{LONG}"), "name"),
    (but("ListSpendingLimits", parent="s-1"), "parent"),
    (but("GiveConsent", name=SUBSCRIPTION), "name"),
    (but("GiveConsent", act=None), "act"),
    (but("GiveConsent", act=act("s-1", customer="")), "act.customer"),
    (but("GiveConsent", act=act("s-1", channel=CHANNEL_UNSPECIFIED)), "act.channel"),
    (but("GiveConsent", act=act("s-1", wording="")), "act.wording"),
    (but("GiveConsent", act=act("s-1", agent="a b")), "act.agent"),
    (but("GiveConsent", shown_price=None), "shown_price"),
    (but("GiveConsent", shown_price=Money(units=-1, currency_code="EUR")), "shown_price"),
    (but("GiveConsent", request_id="x"), "request_id"),
    (but("ChooseLimit", limit=None), "limit"),
    (but("ChooseLimit", limit=Money(units=0, currency_code="EUR")), "limit"),
    (but("OptOut", act=None), "act"),
    (but("OptIn", name=""), "name"),
    (but("ListLimitEvents", limit_policy="p"), "limit_policy"),
    (but("ListLimitEvents", page_token="nonsense"), "page_token"),
    (but("ExportLimitRecord", name="customers/c"), "name"),
    (but("CheckStops", subscriptions=None), "subscriptions"),
    (but("CheckStops", subscriptions=[SUBSCRIPTION] * 10_001), "subscriptions"),
    (but("CheckStops", usage_type=99), "usage_type"),
    (but("ListStops", subscriptions=["s-1"]), "subscriptions[0]"),
    (but("ListStops", interval=BACKWARDS), "interval.end_time"),
    (but("ListUnchargedUsage", interval=BACKWARDS), "interval.end_time"),
    (but("ListUnchargedUsage", page_size=-1), "page_size"),
]


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [(method, request, field) for (method, request), field in WRONG],
    ids=[f"{method}-{field}-{number}" for number, ((method, _), field) in enumerate(WRONG)],
)
async def test_wrong_input_is_named_with_its_field(world: World, method: str, request_: Message, field: str) -> None:
    error = await refusal(getattr(limits(world), method)(request_))
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT, error
    assert field in {violation.field for violation in error.field_violations}


async def test_another_customer_cannot_speak_for_the_holder(world: World) -> None:
    name = traveller(world)
    for method in ("GiveConsent", "ChooseLimit", "OptOut", "OptIn"):
        _, request = but(method, name=LIMIT.replace("s-1", name), act=act(name, customer="customers/somebody-else"))
        error = await refusal(getattr(limits(world), method)(request))
        assert error.field_violations[0].field == "act.customer"


async def test_a_limit_in_another_currency_cannot_be_chosen(world: World) -> None:
    name = traveller(world)
    dollars = Money(units=20, currency_code="USD")
    _, request = but("ChooseLimit", name=LIMIT.replace("s-1", name), act=act(name), limit=dollars)
    assert (await refusal(limits(world).ChooseLimit(request))).field_violations[0].field == "limit.currency_code"


@pytest.mark.parametrize("method", [method for method in SOUND if "Policy" not in method and "Policies" not in method])
async def test_an_unknown_subscription_is_named(world: World, method: str) -> None:
    if method in {"CheckStops", "ListStops", "ListUnchargedUsage"}:
        return  # who has no usage has no stops
    error = await refusal(getattr(limits(world), method)(SOUND[method]))
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", SOUND)
async def test_only_those_who_are_named_may_call(world: World, method: str, caller: str) -> None:
    try:
        await getattr(limits(world, caller), method)(SOUND[method])
    except grpc.aio.AioRpcError as failed:
        denied = error_from(failed).status is grpc.StatusCode.PERMISSION_DENIED
    else:
        denied = False
    assert denied == (caller not in {"service/operator", ALSO.get(method)})


def test_every_method_of_the_service_is_in_these_tables() -> None:
    methods = {method.name for method in pb.DESCRIPTOR.services_by_name["LimitService"].methods}
    assert methods == SOUND.keys()
    assert {f"/{SERVICE}/{method}" for method in methods} == LIMIT_METHODS.keys()
