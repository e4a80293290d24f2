"""Does a service come up, refuse to when it can't, and go down in order?"""

import asyncio
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from mesh.rpc import ErrorSpec, error_from
from mesh.service import Application, Job, MigrationsPending, Runtime, ServiceDefinition, start
from mesh.settings import SettingsError
from mesh.store import RequestIdReused, apply_migrations
from mesh.testkit import Certificates
from mesh.testkit.serving import serving

Define = Callable[..., ServiceDefinition]


async def test_a_service_answers_calls_probes_and_scrapes(
    define: Define, echo_proto: Any, postgres_url: str, redis_url: str, certificates: Certificates
) -> None:
    async with serving(define(), postgres_url, redis_url, certificates) as service:
        stub = echo_proto.stubs.EchoServiceStub(service.channel())
        assert (await stub.Say(echo_proto.request("here"))).text == "here"
        async with grpc.aio.insecure_channel(service.running.health_address) as probe:
            answer = await health_pb2_grpc.HealthStub(probe).Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        url = f"http://{service.running.metrics_address}/metrics"
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read().decode())
        assert 'rpc_server_call_duration_seconds_count{rpc_method="mesh.test.v1.EchoService/Say"' in page
        assert "cxmesh_tls_certificate_remaining_seconds " in page


async def test_a_service_does_not_start_on_a_schema_that_is_behind(
    define: Define, servers: Any, redis_url: str, certificates: Certificates
) -> None:
    with servers.database() as empty:
        settings = define().settings(database_url=empty, redis_url=redis_url, plaintext=True)
        with pytest.raises(MigrationsPending, match=r"'echo' is behind.*run `migrate` first; missing: 0001 \(The mesh"):
            await start(define(), settings)


async def test_a_service_starts_on_a_schema_that_is_newer(
    define: Define, servers: Any, redis_url: str, certificates: Certificates
) -> None:
    """So an upgrade is rolled back, and an old replica restarts while one is under way."""
    local = dict.fromkeys(("listen", "health_listen", "metrics_listen"), "127.0.0.1:0")
    with servers.database() as url:
        async with (
            serving(define(), url, redis_url, certificates) as before,
            before.runtime.store.unit_of_work() as uow,
        ):
            await uow.connection.execute(text("UPDATE echo.alembic_version SET version_num = '0099'"))
        settings = define().settings(database_url=url, redis_url=redis_url, plaintext=True, **local)
        running = await start(define(), settings)
        await running.stop()


async def test_what_was_opened_is_closed_when_the_start_fails(
    define: Define, postgres_url: str, redis_url: str, certificates: Certificates
) -> None:
    tasks = len(asyncio.all_tasks())
    async with serving(define(), postgres_url, redis_url, certificates) as first:
        with pytest.raises(SettingsError, match=r"CXMESH_LISTEN=.*: can't listen there; is the port taken"):
            async with serving(define(), postgres_url, redis_url, certificates, listen=first.address):
                pytest.fail("started on a taken port")
        with pytest.raises(SettingsError, match="CXMESH_HEALTH_LISTEN="):
            async with serving(
                define(), postgres_url, redis_url, certificates, health_listen=first.running.health_address
            ):
                pytest.fail("started on a taken port")
    assert len(asyncio.all_tasks()) == tasks


async def test_the_wiring_gets_what_the_settings_ask_for(
    define: Define, postgres_url: str, redis_url: str, certificates: Certificates, clock: Any
) -> None:
    seen: list[Runtime] = []

    def build(runtime: Runtime) -> Application:
        seen.append(runtime)
        return define().build(runtime)

    definition = define(build=build)
    async with serving(definition, postgres_url, redis_url, certificates, clock=clock, instance_id="i-1") as service:
        [runtime] = seen
        assert runtime is service.runtime
        assert runtime.clock is clock
        assert runtime.settings.instance_id == "i-1"
        assert await runtime.redis.ping()
        async with runtime.store.reading() as connection:
            assert (await connection.exec_driver_sql("SELECT count(*) FROM echo.outbox")).scalar() == 0


async def test_errors_of_the_store_are_told_like_the_services_own(
    define: Define, echo: Any, echo_proto: Any, postgres_url: str, redis_url: str, certificates: Certificates
) -> None:
    class GoneError(Exception):
        pass

    raised: list[Exception] = []

    async def fail(request: Any, context: Any) -> Any:
        raise raised[-1]

    echo.say = fail
    errors = {GoneError: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_GONE", "echo.cxmesh")}
    async with serving(define(echo, errors=errors), postgres_url, redis_url, certificates) as service:
        stub = echo_proto.stubs.EchoServiceStub(service.channel())

        async def told(error: Exception) -> tuple[grpc.StatusCode, str, list[str]]:
            raised.append(error)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Say(echo_proto.request())
            read = error_from(caught.value)
            return read.status, read.reason, [violation.field for violation in read.field_violations]

        assert await told(GoneError()) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_GONE", [])
        assert await told(RequestIdReused("Say", "r-1")) == (
            grpc.StatusCode.ALREADY_EXISTS,
            "ERROR_REASON_REQUEST_ID_REUSED",
            ["request_id"],
        )


async def test_callers_are_told_to_come_back_while_the_database_is_away(
    define: Define, echo: Any, echo_proto: Any, servers: Any, redis_url: str, certificates: Certificates
) -> None:
    with servers.database() as doomed:
        async with serving(define(echo), doomed, redis_url, certificates) as service:

            async def read(request: Any, context: Any) -> Any:
                async with service.runtime.store.reading():
                    return echo_proto.response("read")

            echo.say = read
            stub = echo_proto.stubs.EchoServiceStub(service.channel())
            assert (await stub.Say(echo_proto.request())).text == "read"
            servers.postgres.drop_database(doomed.rpartition("/")[2].partition("?")[0])
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Say(echo_proto.request())

    error = error_from(caught.value)
    assert (error.status, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_DEPENDENCY_UNAVAILABLE")
    assert error.retry_after == 1.0
    assert "doomed" not in error.message
    assert "test_" not in error.message


async def test_jobs_run_again_and_again_whatever_happens_and_are_counted(
    define: Define, postgres_url: str, redis_url: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = InMemorySpanExporter()
    runs = 0
    enough = asyncio.Event()

    async def stumble() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            enough.set()
        if runs % 2:
            raise ValueError("stumbled over maria@example.org")

    jobs = [Job("stumble", timedelta(milliseconds=10), stumble)]
    async with serving(define(jobs=jobs), postgres_url, redis_url, certificates, exporter=exporter):
        await asyncio.wait_for(enough.wait(), 5)

    spans = [span for span in exporter.get_finished_spans() if span.name == "job stumble"]
    failures = [(span.attributes or {}).get("error.type") for span in spans]
    assert failures[:3] == ["ValueError", None, "ValueError"]
    assert "maria" not in "".join(span.to_json() for span in spans)
    count = runs
    await asyncio.sleep(0.05)
    assert runs == count  # none runs on after the service has stopped


async def test_a_running_job_may_end_within_the_grace(
    define: Define, postgres_url: str, redis_url: str, certificates: Certificates
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def take_time() -> None:
        begun.set()
        await asyncio.sleep(0.1)
        ended.set()

    jobs = [Job("take-time", timedelta(hours=1), take_time)]
    async with serving(define(jobs=jobs), postgres_url, redis_url, certificates):
        await begun.wait()
    assert ended.is_set()


def test_a_job_without_a_pause_is_refused() -> None:
    with pytest.raises(ValueError, match="job 'spin': expected a time above zero"):
        Job("spin", timedelta(0), asyncio.Event().wait)


async def test_tables_can_be_migrated_before_the_service_is_there(define: Define, servers: Any) -> None:
    with servers.database() as url:
        applied = await asyncio.to_thread(apply_migrations, url, "echo", define().migrations)
        assert [step.revision for step in applied] == ["0001"]
