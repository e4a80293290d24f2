"""What does a caller learn of a call that failed?"""

import asyncio
import json
import logging
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mesh.observe import configure_logging_for_tests
from mesh.rpc import ErrorSpec, FieldViolation, RpcError, error_from, invalid_argument, resource_exhausted
from mesh.rpc.validation import RequestRules


class PlanError(Exception):
    """The tree of a service's own errors."""


class PlanUnknownError(PlanError):
    def __init__(self, plan: str) -> None:
        super().__init__(f"there is no plan {plan!r}")
        self.metadata = {"plan": plan}


class PlanWrongError(PlanError):
    field = "plan.price"
    value = -3
    expected = "an amount above zero"


class InsideError(Exception):
    pass


ERRORS = {
    PlanError: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_PLAN", "test.cxmesh"),
    PlanUnknownError: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PLAN_UNKNOWN", "test.cxmesh"),
    InsideError: ErrorSpec(
        grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_AWAY", "test.cxmesh", message="come back later", retry_after=2.5
    ),
}


async def ask(start_echo: Any, failure_of: Any, raised: Exception, **settings: Any) -> RpcError:
    """The error that a caller gets when the handler raises `raised`."""
    server = await start_echo(errors=ERRORS, **settings)
    caller = await start_echo(identity="service/caller")

    async def fail(request: Any, context: Any) -> Any:
        raise raised

    server.implementation.say = fail
    error: RpcError = await failure_of(caller.stub(server.address).Say(caller.proto.request()))
    return error


async def test_domain_errors_become_the_statuses_of_the_table(start_echo: Any, failure_of: Any) -> None:
    error = await ask(start_echo, failure_of, PlanUnknownError("gold"))

    assert (error.status, error.message) == (grpc.StatusCode.NOT_FOUND, "there is no plan 'gold'")
    assert (error.reason, error.domain) == ("ERROR_REASON_PLAN_UNKNOWN", "test.cxmesh")
    assert error.metadata == {"plan": "gold"}


async def test_an_error_without_an_entry_is_told_as_its_base_class(start_echo: Any, failure_of: Any) -> None:
    error = await ask(start_echo, failure_of, PlanWrongError("this price can't be"))

    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_PLAN")
    assert error.field_violations == (FieldViolation("plan.price", "got -3, expected an amount above zero"),)


async def test_an_error_that_would_tell_of_the_inside_is_told_in_other_words_and_logged(
    start_echo: Any, failure_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    configure_logging_for_tests()
    error = await ask(start_echo, failure_of, InsideError("host db-7 refused password of user x"))

    assert (error.message, error.retry_after) == ("come back later", 2.5)
    logged = [json.loads(record.message) for record in caplog.records if record.levelno == logging.ERROR]
    assert error.metadata["error_id"] in {line["error_id"] for line in logged}
    assert "db-7" not in str(error.to_status())


async def test_an_unexpected_error_tells_nothing_but_an_id_that_is_in_the_log(
    start_echo: Any, failure_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    configure_logging_for_tests()
    error = await ask(start_echo, failure_of, KeyError("internal_table"))

    assert (error.status, error.reason) == (grpc.StatusCode.INTERNAL, "ERROR_REASON_INTERNAL")
    assert "internal_table" not in str(error.to_status())
    [line] = [json.loads(record.message) for record in caplog.records if record.levelno == logging.ERROR]
    assert line["error_id"] == error.metadata["error_id"]
    assert "KeyError: 'internal_table'" in line["exception"]


async def test_a_handler_may_raise_an_error_in_full(start_echo: Any, failure_of: Any) -> None:
    error = await ask(start_echo, failure_of, invalid_argument("page_size", 5000, "at most 1000"))

    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert error.message == "page_size: got 5000, expected at most 1000"
    assert error.field_violations == (FieldViolation("page_size", "got 5000, expected at most 1000"),)


async def test_a_handler_may_end_a_call_by_itself(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")

    async def abort(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "past the end")

    server.implementation.say = abort
    error = await failure_of(caller.stub(server.address).Say(caller.proto.request()))

    assert (error.status, error.message, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "past the end", "")
    assert [labels["rpc_response_status_code"] for labels in server.calls("server")] == ["OUT_OF_RANGE"]


async def test_a_rule_that_is_broken_is_told_with_field_and_value(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    items = [server.proto.messages.Item(name="right"), server.proto.messages.Item(name="too long")]

    error = await failure_of(caller.stub(server.address).Say(server.proto.request(times=-2, items=items)))

    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_REQUEST")
    assert error.field_violations == (
        FieldViolation("times", "must be greater than or equal to 0 and less than or equal to 1000, got -2"),
        FieldViolation("items[1].name", "must be at most 5 characters, got 'too long'"),
    )
    assert "times: must be greater" in error.message


async def test_bytes_that_are_no_request_are_told_as_such(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    say = caller.channels.to("echo", server.address).unary_unary("/mesh.test.v1.EchoService/Say")

    error = await failure_of(say(b"\xff\xff"))

    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_REQUEST")
    assert "can't be read" in error.message


async def test_texts_with_nul_are_refused_wherever_they_stand(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    items = [server.proto.messages.Item(name="right"), server.proto.messages.Item(name="a\0b")]
    labels = {"k": server.proto.messages.Item(name="\0"), "\0": items[0]}
    request = server.proto.request("\0", items=items, labels=labels)

    error = await failure_of(caller.stub(server.address).Say(request))

    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_REQUEST")
    assert {violation.description for violation in error.field_violations} == {"must hold no NUL characters"}
    assert sorted(violation.field for violation in error.field_violations) == [
        "items[1].name", 'labels["\\u0000"]', 'labels["k"].name', "text"
    ]  # fmt: skip


async def test_zeros_that_are_no_text_pass_and_so_do_fields_that_the_handler_checks(start_echo: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    left = [server.proto.messages.Item(name="a\0b, and too long")]
    request = server.proto.request(raw=b"\0", share=0.5, left=left, empty={})
    assert b"\0" in request.SerializeToString()
    assert (await caller.stub(server.address).Say(request)).text == "hello"


def test_a_message_type_without_rules_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = RequestRules()
    monkeypatch.setattr(rules, "_validator", None)  # would fail
    foreign = ExportTraceServiceRequest()
    foreign.resource_spans.add().schema_url = "\0"
    rules.compile(ExportTraceServiceRequest)
    rules.check(foreign)


async def test_a_secret_is_not_told_back(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")

    error = await failure_of(caller.stub(server.address).Say(server.proto.request(pin="1234567")))

    [violation] = error.field_violations
    assert violation == FieldViolation("pin", "must be at most 4 characters, got a value that is not shown")
    assert "1234567" not in str(error.to_status())


async def test_each_message_of_a_stream_is_checked(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    stub = (await start_echo(identity="service/caller")).stub(server.address)
    good, bad = server.proto.request("good"), server.proto.request("bad", times=-1)

    assert (await failure_of(stub.Collect(iter([good, bad])))).field_violations[0].field == "times"
    assert (await failure_of(stub.Chat(iter([good, bad])))).field_violations[0].field == "times"
    assert (await failure_of(stub.Repeat(bad))).field_violations[0].field == "times"


async def test_a_batch_that_breaks_a_rule_a_thousand_times_still_gets_an_answer(
    start_echo: Any, failure_of: Any
) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    items = [server.proto.messages.Item(name="too long " * 30)] * 1000

    error = await failure_of(caller.stub(server.address).Say(server.proto.request(items=items)))

    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert error.metadata == {"violations": "1000"}
    assert len(error.field_violations) == 10
    assert error.to_status().ByteSize() < 4096


async def test_an_oversized_message_is_refused_in_both_directions(start_echo: Any, failure_of: Any) -> None:
    small, large = await start_echo(max_message_bytes=1000), await start_echo()
    caller = await start_echo(identity="service/caller")
    receiver = await start_echo(identity="service/caller", max_message_bytes=1000)
    many = large.proto.request("x" * 900, times=1)

    async def grow(request: Any, context: Any) -> Any:
        return large.proto.response(request.text * 2)

    large.implementation.say = grow
    for call in (
        caller.stub(small.address).Say(caller.proto.request("x" * 2000)),
        receiver.stub(large.address).Say(many),
    ):
        error = await failure_of(call)
        assert error.status is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1000" in error.message


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(grpc.StatusCode.UNAVAILABLE, 4), (grpc.StatusCode.INTERNAL, 1), (grpc.StatusCode.RESOURCE_EXHAUSTED, 1)],
)
async def test_calls_are_repeated_on_unavailable_alone(
    start_echo: Any, failure_of: Any, status: grpc.StatusCode, attempts: int
) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    came: list[Any] = []

    async def refuse(request: Any, context: Any) -> Any:
        came.append(request)
        raise RpcError(status, "not now")

    server.implementation.say = refuse
    error = await failure_of(caller.stub(server.address).Say(caller.proto.request()))

    assert (error.status, len(came)) == (status, attempts)
    assert len(caller.calls("client")) == 1  # the attempts of one call count as one


async def test_what_a_called_service_could_not_do_is_not_repeated_by_every_hop(
    start_echo: Any, failure_of: Any
) -> None:
    last = await start_echo()
    middle = await start_echo()
    caller = await start_echo(identity="service/caller")
    came: list[str] = []

    async def refuse(request: Any, context: Any) -> Any:
        came.append("last")
        raise RpcError(grpc.StatusCode.UNAVAILABLE, "not now", retry_after=3)

    async def pass_on(request: Any, context: Any) -> Any:
        came.append("middle")
        return await middle.stub(last.address).Say(request)

    last.implementation.say = refuse
    middle.implementation.say = pass_on
    error = await failure_of(caller.stub(middle.address).Say(caller.proto.request()))

    assert came == ["middle", *["last"] * 4]
    assert (error.status, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_DEPENDENCY_UNAVAILABLE")
    assert error.retry_after == 3


async def test_a_wrong_call_to_another_service_is_our_fault(start_echo: Any, failure_of: Any) -> None:
    last = await start_echo()
    middle = await start_echo()
    caller = await start_echo(identity="service/caller")

    async def ask_wrongly(request: Any, context: Any) -> Any:
        return await middle.stub(last.address).Say(middle.proto.request(times=-1))

    middle.implementation.say = ask_wrongly
    error = await failure_of(caller.stub(middle.address).Say(caller.proto.request()))

    assert error.status is grpc.StatusCode.INTERNAL
    assert error.field_violations == ()


async def test_calls_beyond_the_limit_are_told_when_to_come_back_but_health_is_answered(
    start_echo: Any, failure_of: Any
) -> None:
    server = await start_echo(max_concurrent_rpcs=2)
    caller = await start_echo(identity="service/caller")
    stub = caller.stub(server.address)
    arrived, let_go = asyncio.Semaphore(0), asyncio.Event()

    async def hold(request: Any, context: Any) -> Any:
        arrived.release()
        await let_go.wait()
        return server.proto.response("held")

    server.implementation.say = hold
    held = [stub.Say(caller.proto.request()) for _ in range(2)]
    await asyncio.gather(*(asyncio.wait_for(arrived.acquire(), 2) for _ in held))

    for shed in (stub.Say(caller.proto.request()), stub.Repeat(caller.proto.request()), stub.Chat(iter([]))):
        error = await failure_of(shed)
        assert (error.status, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_OVERLOADED")
        assert 0.5 <= error.retry_after <= 1.5
    assert caller.channels.to("echo", server.address).get_state() is grpc.ChannelConnectivity.READY

    let_go.set()
    assert [(await call).text for call in held] == ["held", "held"]
    assert (await stub.Say(caller.proto.request())).text == "held"


async def test_a_burst_is_cut_at_the_limit(start_echo: Any) -> None:
    server = await start_echo(max_concurrent_rpcs=5)
    caller = await start_echo(identity="service/caller")
    stub = caller.stub(server.address)
    most = 0

    async def look(request: Any, context: Any) -> Any:
        nonlocal most
        most = max(most, server.active_calls())
        await asyncio.sleep(0.02)
        return server.proto.response("")

    server.implementation.say = look
    results = await asyncio.gather(*(stub.Say(caller.proto.request()) for _ in range(50)), return_exceptions=True)

    codes = [result.code() for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert 5 <= len(results) - len(codes) < 50


def test_a_status_survives_the_way_to_bytes_and_back() -> None:
    told = resource_exhausted("full", reason="ERROR_REASON_FULL", domain="test.cxmesh", retry_after=0.25)
    error = grpc.aio.AioRpcError(
        told.status, grpc.aio.Metadata(), grpc.aio.Metadata(*told.trailing_metadata()), told.message
    )

    read = error_from(error)

    assert (read.status, read.message, read.reason) == (told.status, "full", "ERROR_REASON_FULL")
    assert read.retry_after == 0.25
    assert str(read) == "RESOURCE_EXHAUSTED: full (ERROR_REASON_FULL)"


def test_an_error_of_a_server_that_is_not_ours_is_read_as_far_as_it_goes() -> None:
    garbage = grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff"))

    for trailing in (grpc.aio.Metadata(), garbage):
        read = error_from(grpc.aio.AioRpcError(grpc.StatusCode.ABORTED, grpc.aio.Metadata(), trailing, "lost"))
        assert (read.status, read.message, read.reason) == (grpc.StatusCode.ABORTED, "lost", "")
