"""Can every method be asked with JSON, and is a refusal told in full?"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from cxmesh.profile.v1 import profile_service_pb2_grpc
from cxmesh.profile.v1.customer_pb2 import Channel, Customer, LifeCycleState
from cxmesh.profile.v1.profile_service_pb2 import GetCustomerRequest
from cxmesh.usage.v1 import usage_service_pb2_grpc
from cxmesh.usage.v1.usage_service_pb2 import WatchSignalsRequest, WatchSignalsResponse
from mesh.rpc.errors import FieldViolation, RpcError

Cxmesh = Callable[..., Any]
PROFILE = "cxmesh.profile.v1.ProfileService"


class FakeProfile(profile_service_pb2_grpc.ProfileServiceServicer):
    def __init__(self) -> None:
        self.metadata: dict[str, str | bytes] = {}
        self.callers: list[str] = []

    def GetCustomer(self, request: GetCustomerRequest, context: grpc.ServicerContext) -> Customer:
        self.metadata = dict(context.invocation_metadata())
        self.callers.append(next(uri.decode() for uri in context.auth_context()["x509_subject_alternative_name"]))
        if request.name == "customers/c-1":
            return Customer(
                name=request.name, display_name="Ada", life_cycle_state=LifeCycleState.LIFE_CYCLE_STATE_ACTIVE
            )
        error = RpcError(
            grpc.StatusCode.NOT_FOUND,
            f"no customer {request.name}",
            reason="ERROR_REASON_CUSTOMER_NOT_FOUND",
            domain="profile.cxmesh",
            metadata={"customer": request.name},
            field_violations=[FieldViolation("name", "'customers/x': expected a known customer")],
            retry_after=2.5,
        )
        context.set_trailing_metadata(error.trailing_metadata())
        context.abort(error.status, error.message)
        raise AssertionError("abort does not return")


@pytest.fixture
def profile(stage: Any) -> Iterator[FakeProfile]:
    fake = FakeProfile()
    add = profile_service_pb2_grpc.add_ProfileServiceServicer_to_server
    with stage.playing("profile", PROFILE, lambda server: add(fake, server)):
        yield fake


def test_a_call_answers_in_json_as_the_operator(cxmesh: Cxmesh, profile: FakeProfile) -> None:
    ended = cxmesh("call", "profile", "GetCustomer", '{"name": "customers/c-1"}')
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {
        "name": "customers/c-1",
        "display_name": "Ada",
        "life_cycle_state": "LIFE_CYCLE_STATE_ACTIVE",
    }
    assert profile.callers == ["spiffe://cxmesh.local/service/operator"]


def test_a_partner_calls_with_its_own_certificate(cxmesh: Cxmesh, profile: FakeProfile) -> None:
    cxmesh("call", "profile", "GetCustomer", '{"name": "customers/c-1"}', "--as", "partner/cdn-one")
    assert profile.callers == ["spiffe://cxmesh.local/partner/cdn-one"]


@pytest.mark.parametrize(
    "name", ["getcustomer", "ProfileService/GetCustomer", f"{PROFILE}.GetCustomer", f"/{PROFILE}/GetCustomer"]
)
def test_a_method_is_found_by_any_of_its_names(cxmesh: Cxmesh, profile: FakeProfile, name: str) -> None:
    assert cxmesh("call", "profile", name, '{"name": "customers/c-1"}').code == 0


@pytest.mark.usefixtures("profile")
def test_a_refusal_is_told_with_reason_violations_and_wait(cxmesh: Cxmesh) -> None:
    ended = cxmesh("call", "profile", "GetCustomer", '{"name": "customers/x"}')
    assert ended.code == 6
    assert ended.out == ""
    assert ended.err.splitlines() == [
        "error: profile GetCustomer: NOT_FOUND ERROR_REASON_CUSTOMER_NOT_FOUND: no customer customers/x",
        "  name: 'customers/x': expected a known customer",
        "  customer = customers/x",
        "  the service asks to wait 2.5 s before the next try",
    ]


@pytest.mark.usefixtures("profile")
def test_a_refusal_is_json_for_a_script(cxmesh: Cxmesh) -> None:
    ended = cxmesh("call", "profile", "GetCustomer", '{"name": "customers/x"}', "--json")
    assert ended.code == 6
    assert json.loads(ended.out)["error"] == {
        "code": "NOT_FOUND",
        "message": "no customer customers/x",
        "reason": "ERROR_REASON_CUSTOMER_NOT_FOUND",
        "domain": "profile.cxmesh",
        "metadata": {"customer": "customers/x"},
        "field_violations": [{"field": "name", "description": "'customers/x': expected a known customer"}],
        "retry_after_seconds": 2.5,
    }


def test_a_traced_call_starts_a_sampled_trace_and_names_it(cxmesh: Cxmesh, profile: FakeProfile) -> None:
    ended = cxmesh("call", "profile", "GetCustomer", '{"name": "customers/c-1"}', "--trace")
    version, trace_id, _, flags = str(profile.metadata["traceparent"]).split("-")
    assert (version, flags) == ("00", "01")
    assert f"cxmesh trace {trace_id}" in ended.err


@pytest.mark.usefixtures("profile")
def test_methods_are_listed_with_their_comments(cxmesh: Cxmesh) -> None:
    listed = cxmesh("call", "profile").out
    assert "ProfileService/GetCustomer " in listed
    assert "One customer. Errors: NOT_FOUND." in listed
    assert "ServerReflection" not in listed
    first = json.loads(cxmesh("call", "profile", "--json").out)[0]
    assert first.keys() == {"method", "streaming", "comment"}


@pytest.mark.usefixtures("profile")
def test_without_json_the_shape_is_shown_with_comments_and_rules(cxmesh: Cxmesh) -> None:
    shape = cxmesh("call", "profile", "CreateCustomer").out
    assert "// ProfileService/CreateCustomer" in shape
    assert "// Makes a customer." in shape
    assert '// required; matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$\n  "customer_id": "…",' in shape
    assert '"life_cycle_state": "LIFE_CYCLE_STATE_PROSPECT | ' in shape
    assert '"create_time"' not in shape  # output only
    without_comments = "\n".join(line for line in shape.splitlines() if not line.lstrip().startswith("//"))
    assert json.loads(without_comments)["customer"]["consents"][0]["granted"] is False


@pytest.mark.usefixtures("profile")
def test_every_shape_is_json_below_its_comments(cxmesh: Cxmesh) -> None:
    for method in json.loads(cxmesh("call", "profile", "--json").out):
        shape = cxmesh("call", "profile", method["method"]).out
        json.loads("\n".join(line for line in shape.splitlines() if not line.lstrip().startswith("//")))


@pytest.mark.usefixtures("profile")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("GetCustomer", "{"), "this is not JSON"),
        (("GetCustomer", '{"nmae": "x"}'), "the JSON does not fit GetCustomerRequest"),
        (("GetCustomer", '{"name": 7}'), "the JSON does not fit GetCustomerRequest"),
        (("GetCustomer", "[]"), "the JSON does not fit GetCustomerRequest"),
        (("GetCustomers", "{}"), "this server has no method 'GetCustomers'"),
        (("GetCustomer", "@nothing.json"), "nothing.json cannot be read"),
        (("GetCustomer", "{}", "--as", "partner/nobody"), "there is no certificate for partner/nobody"),
        (("GetCustomer", "{}", "--as", "nobody"), "'nobody' is not an identity"),
    ],
)
def test_wrong_input_is_told_in_words(cxmesh: Cxmesh, arguments: tuple[str, ...], message: str) -> None:
    ended = cxmesh("call", "profile", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("profile")
def test_a_service_that_is_not_up_is_told_with_the_way_to_start_it(cxmesh: Cxmesh) -> None:
    ended = cxmesh("call", "notification", "ListMessages", "{}")
    assert ended.code == 3
    assert "try: cxmesh up notification" in ended.err


def test_a_server_with_another_name_in_its_certificate_is_not_talked_to(cxmesh: Cxmesh, stage: Any) -> None:
    fake = FakeProfile()
    add = profile_service_pb2_grpc.add_ProfileServiceServicer_to_server
    with stage.playing("profile", PROFILE, lambda server: add(fake, server), certificate_of="notification"):
        ended = cxmesh("call", "profile", "GetCustomer", '{"name": "customers/c-1"}')
    assert ended.code == 3
    assert "cannot be reached" in ended.err
    assert fake.callers == []


class FakeWatch(usage_service_pb2_grpc.UsageServiceServicer):
    def WatchSignals(
        self, request: WatchSignalsRequest, context: grpc.ServicerContext
    ) -> Iterator[WatchSignalsResponse]:
        for number in range(3):
            yield WatchSignalsResponse(cursor=f"{request.cursor}{number}")
        while context.is_active():
            time.sleep(0.01)


def test_a_stream_is_printed_as_it_comes_and_ends_well_with_its_time(cxmesh: Cxmesh, stage: Any) -> None:
    add = usage_service_pb2_grpc.add_UsageServiceServicer_to_server
    with stage.playing("usage-correlation", "cxmesh.usage.v1.UsageService", lambda server: add(FakeWatch(), server)):
        ended = cxmesh("call", "usage", "WatchSignals", '{"cursor": "x"}', "--timeout", "0.5")
    assert ended.code == 0
    assert [json.loads(line) for line in ended.out.splitlines()] == [{"cursor": f"x{n}"} for n in range(3)]


def test_an_enum_of_channels_is_offered_without_its_zero(cxmesh: Cxmesh, profile: FakeProfile) -> None:
    assert profile is not None
    shape = cxmesh("call", "profile", "CreateCustomer").out
    assert Channel.Name(Channel.CHANNEL_EMAIL) in shape
    assert "CHANNEL_UNSPECIFIED" not in shape
    assert "must be given" in shape
