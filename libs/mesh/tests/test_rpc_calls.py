"""Do calls of all four kinds arrive, measured, traced and in time?"""

import asyncio
import math
import time
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from mesh.rpc import ErrorTable, Identity, IncomingCall, current_identity, enter_call, remaining_seconds


async def test_all_four_kinds_of_calls_pass_through(start_echo: Any) -> None:
    server = await start_echo()
    stub = (await start_echo(identity="service/caller")).stub(server.address)
    say = server.proto.request

    assert (await stub.Say(say("one"))).text == "one"
    assert [answer.text async for answer in stub.Repeat(say("two", times=3))] == ["two 0", "two 1", "two 2"]
    assert (await stub.Collect(iter([say("a"), say("b")]))).text == "a b"
    assert [answer.text async for answer in stub.Chat(iter([say("a"), say("b")]))] == ["a", "b"]


async def test_a_handler_learns_who_calls_and_how_long_they_wait(start_echo: Any) -> None:
    server = await start_echo()
    seen: list[Any] = []

    async def look(request: Any, context: Any) -> Any:
        seen.append((str(current_identity()), remaining_seconds()))
        return server.proto.response("")

    server.implementation.say = look
    caller = await start_echo(identity="partner/acme")
    await caller.stub(server.address).Say(server.proto.request(), timeout=3)

    [(identity, remaining)] = seen
    assert identity == "partner/acme"
    assert 2 < remaining <= 3


def test_outside_a_call_there_is_no_caller_and_no_deadline() -> None:
    with pytest.raises(LookupError, match="serves an RPC"):
        current_identity()
    assert remaining_seconds() is None


async def test_what_is_left_of_the_callers_time_is_passed_on_through_two_hops(start_echo: Any) -> None:
    last = await start_echo()
    middle = await start_echo()
    caller = await start_echo(identity="service/caller")
    left: list[float | None] = []

    async def note(request: Any, context: Any) -> Any:
        left.append(remaining_seconds())
        return last.proto.response("done")

    async def pass_on(request: Any, context: Any) -> Any:
        await asyncio.sleep(0.4)
        return await middle.stub(last.address).Say(request)

    last.implementation.say = note
    middle.implementation.say = pass_on
    await caller.stub(middle.address).Say(caller.proto.request(), timeout=2)

    assert left[0] is not None
    assert 1 < left[0] < 1.65  # 2 s less the 0.4 s that the middle took; its own default would be 10 s


async def test_a_call_without_a_time_limit_gets_the_default(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller", default_timeout_seconds=0.2)

    broken_off = asyncio.Event()

    async def dawdle(request: Any, context: Any) -> Any:
        try:
            await asyncio.sleep(5)
        finally:
            broken_off.set()

    server.implementation.say = dawdle
    began = time.perf_counter()
    error = await failure_of(caller.stub(server.address).Say(caller.proto.request()))

    assert error.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.perf_counter() - began < 2
    await asyncio.wait_for(broken_off.wait(), 2)  # the server has noticed too, and doesn't work on for nobody
    assert [labels["rpc_response_status_code"] for labels in server.calls("server")] == ["DEADLINE_EXCEEDED"]


async def test_a_call_may_be_made_without_any_time_limit(start_echo: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller", default_timeout_seconds=0.05)

    async def take_longer(request: Any, context: Any) -> Any:
        assert remaining_seconds() is None
        await asyncio.sleep(0.1)
        return server.proto.response("done")

    server.implementation.say = take_longer
    assert (await caller.stub(server.address).Say(caller.proto.request(), timeout=math.inf)).text == "done"


async def test_when_the_callers_time_is_up_a_timeout_in_the_handler_is_theirs_and_not_a_fault() -> None:
    enter_call(IncomingCall(Identity("service", "caller"), time.monotonic() - 1))

    assert ErrorTable({}).translate(TimeoutError()).status is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_handler_is_cancelled_when_its_caller_hangs_up_and_its_generator_is_closed(start_echo: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    closed = asyncio.Event()

    async def endless(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield server.proto.response("more")
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    server.implementation.repeat = endless
    call = caller.stub(server.address).Repeat(caller.proto.request(), timeout=10)
    await call.read()
    call.cancel()

    await asyncio.wait_for(closed.wait(), 2)
    assert [labels["rpc_response_status_code"] for labels in server.calls("server")] == ["CANCELLED"]


async def test_one_trace_goes_on_across_hops(start_echo: Any) -> None:
    last = await start_echo()
    middle = await start_echo()
    caller = await start_echo(identity="service/caller")

    async def pass_on(request: Any, context: Any) -> Any:
        return await middle.stub(last.address, "echo").Say(request)

    middle.implementation.say = pass_on
    await caller.stub(middle.address).Say(caller.proto.request())

    chain = [*caller.spans(), *middle.spans(), *last.spans()]
    by_id = {span.context.span_id: span for span in chain}
    roots = [span for span in chain if span.parent is None]
    assert len({span.context.trace_id for span in chain}) == 1
    assert [(span.kind.name, span.name) for span in roots] == [("CLIENT", "mesh.test.v1.EchoService/Say")]
    assert sorted(span.kind.name for span in chain) == ["CLIENT", "CLIENT", "SERVER", "SERVER"]
    assert all(span.parent.span_id in by_id for span in chain if span.parent is not None)
    [served] = last.spans()
    assert served.attributes["cxmesh.caller"] == "service/echo"
    assert served.attributes["rpc.response.status_code"] == "OK"


async def test_a_servicer_that_receives_traces_is_not_traced_itself(start_echo: Any) -> None:
    server = await start_echo(traced=False)
    caller = await start_echo(identity="service/caller")

    await caller.stub(server.address).Say(caller.proto.request())

    assert server.spans() == []
    assert len(server.calls("server")) == 1


async def test_calls_are_counted_by_method_and_ending_on_both_sides(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    stub = caller.stub(server.address)

    await stub.Say(caller.proto.request())
    await failure_of(stub.Say(caller.proto.request(times=-1)))

    for node, side in ((server, "server"), (caller, "client")):
        calls = {labels["rpc_response_status_code"]: labels for labels in node.calls(side)}
        assert set(calls) == {"OK", "INVALID_ARGUMENT"}
        assert calls["OK"]["rpc_method"] == "mesh.test.v1.EchoService/Say"
        # What the caller did wrong is a failed call to the caller, but no fault of the server.
        assert ("error_type" in calls["INVALID_ARGUMENT"]) == (side == "client")


async def test_metrics_can_be_scraped_over_http(start_echo: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    await caller.stub(server.address).Say(caller.proto.request())

    def scrape() -> str:
        with urllib.request.urlopen(f"http://{server.telemetry.metrics_address}/metrics", timeout=5) as response:
            return str(response.read(), "utf-8")

    page = await asyncio.to_thread(scrape)

    assert 'rpc_server_call_duration_seconds_bucket{le="0.0025",rpc_method="mesh.test.v1.EchoService/Say"' in page
    assert "cxmesh_rpc_server_active_calls 0.0" in page
    assert 'service_name="echo"' in page
    assert "process_resident_memory_bytes" in page


async def test_every_answer_may_be_compressed(start_echo: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")

    long_text = "again " * 1000
    answer = await caller.stub(server.address).Say(caller.proto.request(long_text), compression=grpc.Compression.Gzip)

    assert answer.text == long_text
