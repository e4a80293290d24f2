"""What does every RPC say to input that is wrong, and to callers who may not?"""

from collections.abc import Mapping

import grpc
import pytest
from google.protobuf.message import Message
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money
from usage_samples import usage_record
from usage_world import World

from cxmesh.usage.v1 import usage_service_pb2 as pb
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.rpc import Identity, error_from
from usage_correlation.server.authorization import AUTHORIZATION, SERVICE

LONG = "x" * 64
SUBSCRIPTION = "subscriptions/s-1"
POLICY = SpendPolicy(limit=Money(units=1, currency_code="EUR"), threshold_percents=[80])
WHOLE = Interval()
WHOLE.start_time.FromSeconds(0)
WHOLE.end_time.FromSeconds(1)

SOUND: Mapping[str, Message] = {
    "RecordUsage": pb.RecordUsageRequest(records=[usage_record("s-1")]),
    "StreamUsage": pb.StreamUsageRequest(position=1, records=[usage_record("s-1")]),
    "ListUsageRecords": pb.ListUsageRecordsRequest(parent=SUBSCRIPTION),
    "ExportUsage": pb.ExportUsageRequest(subscriptions=[SUBSCRIPTION], interval=WHOLE),
    "GetUsageSummary": pb.GetUsageSummaryRequest(name=f"{SUBSCRIPTION}/usageSummary"),
    "ComparePlans": pb.ComparePlansRequest(subscription=SUBSCRIPTION),
    "CreateSpendPolicy": pb.CreateSpendPolicyRequest(spend_policy_id="p", spend_policy=POLICY),
    "GetSpendPolicy": pb.GetSpendPolicyRequest(name="spendPolicies/p"),
    "ListSpendPolicies": pb.ListSpendPoliciesRequest(),
    "UpdateSpendPolicy": pb.UpdateSpendPolicyRequest(spend_policy=POLICY),
    "DeleteSpendPolicy": pb.DeleteSpendPolicyRequest(name="spendPolicies/p"),
    "GetSignal": pb.GetSignalRequest(name="signals/0f3a"),
    "ListSignals": pb.ListSignalsRequest(),
    "WatchSignals": pb.WatchSignalsRequest(),
}

ALLOWED = {
    "RecordUsage": {"service/operator", "partner/acme"},
    "StreamUsage": {"service/operator", "partner/acme"},
    "ListUsageRecords": {"service/operator"},
    "ExportUsage": {"service/operator", "service/billing-accuracy"},
    "GetUsageSummary": {"service/operator", "service/offer-decision"},
    "ComparePlans": {"service/operator", "service/offer-decision"},
    "CreateSpendPolicy": {"service/operator"},
    "GetSpendPolicy": {"service/operator"},
    "ListSpendPolicies": {"service/operator"},
    "UpdateSpendPolicy": {"service/operator"},
    "DeleteSpendPolicy": {"service/operator"},
    "GetSignal": {"service/operator", "service/offer-decision"},
    "ListSignals": {"service/operator", "service/offer-decision"},
    "WatchSignals": {"service/operator", "service/offer-decision"},
}
CALLERS = (
    "service/operator",
    "service/profile",
    "service/usage-correlation",
    "service/billing-accuracy",
    "service/offer-decision",
    "service/notification",
    "service/value-network-sla",
    "partner/acme",
)


async def outcome(stub: UsageServiceStub, method: str, request: Message) -> grpc.aio.AioRpcError | None:
    """The error of a call, and None when it was answered."""
    call = getattr(stub, method)(iter([request]) if method == "StreamUsage" else request, timeout=5)
    try:
        if method in {"ExportUsage", "StreamUsage", "WatchSignals"}:
            async for _ in call:
                break
            call.cancel()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


def but(method: str, **fields: object) -> tuple[str, Message]:
    request = type(SOUND[method])()
    request.CopyFrom(SOUND[method])
    for name, value in fields.items():
        if value is None:
            request.ClearField(name)
        elif isinstance(value, list):
            request.ClearField(name)
            getattr(request, name).extend(value)
        elif isinstance(value, Message):
            getattr(request, name).CopyFrom(value)
        else:
            setattr(request, name, value)
    return method, request


def policy(**fields: object) -> SpendPolicy:
    values: dict[str, object] = {"limit": Money(units=1, currency_code="EUR"), "threshold_percents": [80]}
    return SpendPolicy(**(values | fields))  # type: ignore[arg-type]  # fields by name


WRONG = [
    (but("RecordUsage", records=None), ""),
    (but("StreamUsage", position=-1), "position"),
    (but("StreamUsage", records=[usage_record("s-1")] * 1001), ""),
    (but("ListUsageRecords", parent=""), "parent"),
    (but("ListUsageRecords", parent="customers/c"), "parent"),
    (but("ListUsageRecords", parent=f"subscriptions/{LONG}"), "parent"),
    (but("ListUsageRecords", page_size=-1), "page_size"),
    (but("ListUsageRecords", page_token="x" * 1025), "page_token"),
    (but("ListUsageRecords", page_token="nonsense"), "page_token"),
    (but("ExportUsage", subscriptions=None), "subscriptions"),
    (but("ExportUsage", subscriptions=["s-1"]), "subscriptions[0]"),
    (but("ExportUsage", subscriptions=[SUBSCRIPTION] * 10_001), "subscriptions"),
    (but("ExportUsage", interval=None), "interval"),
    (but("GetUsageSummary", name=""), "name"),
    (but("GetUsageSummary", name=SUBSCRIPTION), "name"),
    (but("GetUsageSummary", name=f"subscriptions/{LONG}/usageSummary"), "name"),
    (but("ComparePlans", subscription=""), "subscription"),
    (but("ComparePlans", subscription="s-1"), "subscription"),
    (but("ComparePlans", plans=["gold"]), "plans[0]"),
    (but("ComparePlans", plans=["plans/a", "plans/a"]), "plans"),
    (but("ComparePlans", plans=[f"plans/{number}" for number in range(101)]), "plans"),
    (but("CreateSpendPolicy", spend_policy_id=""), "spend_policy_id"),
    (but("CreateSpendPolicy", spend_policy_id=LONG), "spend_policy_id"),
    (but("CreateSpendPolicy", spend_policy_id="a/b"), "spend_policy_id"),
    (but("CreateSpendPolicy", spend_policy=None), "spend_policy"),
    (but("CreateSpendPolicy", request_id="not a uuid"), "request_id"),
    (but("CreateSpendPolicy", spend_policy=policy(limit=None)), "spend_policy.limit"),
    (but("CreateSpendPolicy", spend_policy=policy(limit=Money(currency_code="EUR"))), "spend_policy.limit"),
    (but("CreateSpendPolicy", spend_policy=policy(limit=Money(units=-1, currency_code="EUR"))), "spend_policy.limit"),
    (but("CreateSpendPolicy", spend_policy=policy(limit=Money(units=1, currency_code="eur"))), "spend_policy.limit"),
    (
        but("CreateSpendPolicy", spend_policy=policy(limit=Money(units=1, nanos=10**9, currency_code="EUR"))),
        "spend_policy.limit",
    ),
    (but("CreateSpendPolicy", spend_policy=policy(threshold_percents=[])), "spend_policy.threshold_percents"),
    (but("CreateSpendPolicy", spend_policy=policy(threshold_percents=[0])), "spend_policy.threshold_percents[0]"),
    (but("CreateSpendPolicy", spend_policy=policy(threshold_percents=[1001])), "spend_policy.threshold_percents[0]"),
    (but("CreateSpendPolicy", spend_policy=policy(threshold_percents=[80, 80])), "spend_policy.threshold_percents"),
    (
        but("CreateSpendPolicy", spend_policy=policy(threshold_percents=list(range(1, 22)))),
        "spend_policy.threshold_percents",
    ),
    (but("CreateSpendPolicy", spend_policy=policy(display_name="x" * 201)), "spend_policy.display_name"),
    (but("CreateSpendPolicy", spend_policy=policy(plan="gold")), "spend_policy.plan"),
    (but("CreateSpendPolicy", spend_policy=policy(subscription="s-1")), "spend_policy.subscription"),
    (but("GetSpendPolicy", name=""), "name"),
    (but("GetSpendPolicy", name="p"), "name"),
    (but("GetSpendPolicy", name=f"spendPolicies/{LONG}"), "name"),
    (but("ListSpendPolicies", page_size=-1), "page_size"),
    (but("ListSpendPolicies", page_token="nonsense"), "page_token"),
    (but("UpdateSpendPolicy", spend_policy=None), ""),
    (but("UpdateSpendPolicy", spend_policy=policy(name="p")), "spend_policy.name"),
    (but("UpdateSpendPolicy", request_id="x"), "request_id"),
    (but("DeleteSpendPolicy", name=""), "name"),
    (but("DeleteSpendPolicy", name="spendPolicies/a b"), "name"),
    (but("DeleteSpendPolicy", request_id="x"), "request_id"),
    (but("GetSignal", name=""), "name"),
    (but("GetSignal", name=f"signals/{LONG}"), "name"),
    (but("ListSignals", subscription="s-1"), "subscription"),
    (but("ListSignals", kind=99), "kind"),
    (but("ListSignals", page_size=-1), "page_size"),
    (but("ListSignals", page_token="nonsense"), "page_token"),
    (but("WatchSignals", cursor="x" * 1025), "cursor"),
    (but("WatchSignals", kinds=[99]), "kinds[0]"),
]


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [(method, request, field) for (method, request), field in WRONG],
    ids=[f"{method}-{field}-{number}" for number, ((method, _), field) in enumerate(WRONG)],
)
async def test_wrong_input_is_named_with_its_field(world: World, method: str, request_: Message, field: str) -> None:
    failed = await outcome(world.stub(), method, request_)
    assert failed is not None
    error = error_from(failed)
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert field in {violation.field for violation in error.field_violations}


async def test_a_page_token_belongs_to_its_list(world: World) -> None:
    stub = world.stub()
    for number in range(2):
        await stub.CreateSpendPolicy(pb.CreateSpendPolicyRequest(spend_policy_id=f"p{number}", spend_policy=POLICY))
    token = (await stub.ListSpendPolicies(pb.ListSpendPoliciesRequest(page_size=1))).next_page_token
    assert token
    failed = await outcome(stub, "ListSignals", pb.ListSignalsRequest(page_token=token))
    assert failed is not None
    assert error_from(failed).field_violations[0].field == "page_token"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", SOUND)
async def test_only_those_who_are_named_may_call(world: World, method: str, caller: str) -> None:
    failed = await outcome(world.stub(caller), method, SOUND[method])
    error = None if failed is None else error_from(failed)
    denied = error is not None and error.status is grpc.StatusCode.PERMISSION_DENIED
    if caller == "partner/acme" and method in {"RecordUsage", "StreamUsage"}:
        # The gate lets it pass; the source is another's.
        assert denied
        assert error is not None
        assert error.metadata["source"] == "msc-7"
    else:
        assert denied == (caller not in ALLOWED[method])


def test_every_method_of_the_service_is_in_these_tables() -> None:
    methods = {method.name for method in pb.DESCRIPTOR.services_by_name["UsageService"].methods}
    assert methods == SOUND.keys() == ALLOWED.keys()
    for method in methods:  # that it has no others, the service sees when it starts
        AUTHORIZATION.check(f"/{SERVICE}/{method}", Identity("service", "operator"))


async def test_a_caller_without_a_certificate_reaches_nothing(world: World) -> None:
    trust = grpc.ssl_channel_credentials(world.certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "usage-correlation")]
    async with grpc.aio.secure_channel(world.service.address, trust, options) as channel:
        failed = await outcome(UsageServiceStub(channel), "GetSignal", SOUND["GetSignal"])
    assert failed is not None
    assert failed.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("method", SOUND)
async def test_an_oversized_message_is_refused(world: World, method: str) -> None:
    request = type(SOUND[method])()
    request.CopyFrom(SOUND[method])
    # An unknown field: any type of message carries it.
    unknown = b"\xfa\x3f" + b"\x81\x80\x80\x08" + b"x" * (16 * 2**20 + 1)
    request.MergeFromString(unknown)
    failed = await outcome(world.stub(), method, request)
    assert failed is not None
    assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
