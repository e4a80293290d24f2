"""Is a call lost when a replica goes away?"""

import asyncio
import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

_CALLERS = 20


async def test_no_call_is_lost_while_one_of_two_replicas_drains_under_load(start_echo: Any) -> None:
    staying = await start_echo(drain_notice_seconds=0.5)
    leaving = await start_echo(drain_notice_seconds=0.5)
    caller = await start_echo(identity="service/caller")
    both = f"ipv4:{staying.address},{leaving.address.removeprefix('ipv4:')}"
    stub = caller.stub(both)
    over = asyncio.Event()
    answered = {"staying": 0, "leaving": 0}
    after_drain = 0

    def answer_as(node: Any, name: str) -> None:
        async def answer(request: Any, context: Any) -> Any:
            await asyncio.sleep(0.005)
            answered[name] += 1
            return node.proto.response(name)

        node.implementation.say = answer

    async def call_on_and_on() -> int:
        calls = 0
        while not over.is_set():
            await stub.Say(caller.proto.request())  # raises, and so fails the test, when one is lost
            calls += 1
        return calls

    answer_as(staying, "staying")
    answer_as(leaving, "leaving")
    callers = [asyncio.create_task(call_on_and_on()) for _ in range(_CALLERS)]
    await asyncio.sleep(0.5)
    shared = dict(answered)
    await leaving.stop()
    after_drain = answered["staying"]
    await asyncio.sleep(0.3)
    over.set()
    made = sum(await asyncio.gather(*callers))

    assert min(shared.values()) > 0.3 * max(shared.values())  # both took part, by turns
    assert made == sum(answered.values())
    assert answered["staying"] > after_drain  # and the calls went on


async def test_a_running_call_may_end_but_a_new_one_is_refused(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo(drain_notice_seconds=0.1)
    caller = await start_echo(identity="service/caller")
    stub = caller.stub(server.address)
    begun = asyncio.Event()

    async def finish_slowly(request: Any, context: Any) -> Any:
        begun.set()
        await asyncio.sleep(0.5)
        return server.proto.response("finished")

    server.implementation.say = finish_slowly
    running = stub.Say(caller.proto.request())
    await begun.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0.3)

    assert (await failure_of(stub.Say(caller.proto.request(), timeout=0.1))).status in {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
    assert (await running).text == "finished"
    await stopping


async def test_a_call_that_outlasts_the_grace_is_broken_off(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo(drain_grace_seconds=0.2)
    caller = await start_echo(identity="service/caller")
    begun = asyncio.Event()

    async def never_end(request: Any, context: Any) -> Any:
        begun.set()
        await asyncio.sleep(60)

    server.implementation.say = never_end
    running = caller.stub(server.address).Say(caller.proto.request())
    await begun.wait()
    began = time.perf_counter()
    await server.stop()

    assert 0.15 < time.perf_counter() - began < 2
    assert (await failure_of(running)).status in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


@pytest.mark.parametrize("service", ["", "mesh.test.v1.EchoService"])
async def test_whoever_watches_health_hears_of_the_drain_and_does_not_hold_it_up(start_echo: Any, service: str) -> None:
    server = await start_echo(drain_notice_seconds=0.1)

    async with grpc.aio.insecure_channel(server.server.health_address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        began = time.perf_counter()
        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await stopping

    assert time.perf_counter() - began < 2  # not the grace of 20 s


async def test_a_service_that_is_not_known_can_be_watched_but_is_not_serving(start_echo: Any) -> None:
    server = await start_echo()

    async with grpc.aio.insecure_channel(server.server.health_address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="no.Such"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()
