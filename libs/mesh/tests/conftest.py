"""A small gRPC service of the tests' own, so that mesh is tested without the services that stand on it."""

import asyncio
import importlib.resources
import importlib.util
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from grpc_tools import protoc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mesh.observe import Telemetry, setup
from mesh.rpc import (
    Authorization,
    Certificates,
    Channels,
    ErrorTable,
    RpcError,
    RpcServer,
    Served,
    Servicer,
    TlsFiles,
    allow,
    error_from,
    partners,
    services,
)
from mesh.service import Application, Runtime, ServiceDefinition
from mesh.settings import ServiceSettings
from mesh.testkit import Certificates as Issuer

_PROTO = """
syntax = "proto3";
package mesh.test.v1;
import "buf/validate/validate.proto";
service EchoService {
  rpc Say(SayRequest) returns (SayResponse);
  rpc Repeat(SayRequest) returns (stream SayResponse);
  rpc Collect(stream SayRequest) returns (SayResponse);
  rpc Chat(stream SayRequest) returns (stream SayResponse);
}
message Item {
  string name = 1 [(buf.validate.field).string.max_len = 5];
}
message SayRequest {
  string text = 1 [(buf.validate.field).string.max_len = 100000];
  string pin = 2 [debug_redact = true, (buf.validate.field).string.max_len = 4];
  int32 times = 3 [(buf.validate.field).int32 = {gte: 0, lte: 1000}];
  repeated Item items = 4;
  map<string, Item> labels = 5;
  bytes raw = 6;
  double share = 7;
  Item empty = 8;
  repeated Item left = 9 [(buf.validate.field).ignore = IGNORE_ALWAYS];
}
message SayResponse {
  string text = 1;
}
"""
_VENDORED = Path(__file__).parents[3] / "protos" / "vendor"
SERVICE = "mesh.test.v1.EchoService"


@dataclass(frozen=True)
class EchoProto:
    """The compiled proto."""

    messages: ModuleType
    stubs: ModuleType

    def request(self, text: str = "hello", **fields: Any) -> Any:
        return self.messages.SayRequest(text=text, **fields)

    def response(self, text: str) -> Any:
        return self.messages.SayResponse(text=text)


@pytest.fixture(scope="session")
def echo_proto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProto]:
    folder = tmp_path_factory.mktemp("echo_proto")
    (folder / "mesh_test_echo.proto").write_text(_PROTO)
    with importlib.resources.as_file(importlib.resources.files("grpc_tools") / "_proto") as standard:
        arguments = [f"-I{include}" for include in (folder, _VENDORED, standard)]
    arguments += [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", *arguments, str(folder / "mesh_test_echo.proto")]) == 0
    names = ("mesh_test_echo_pb2", "mesh_test_echo_pb2_grpc")
    messages, stubs = (_load(name, folder) for name in names)
    yield EchoProto(messages, stubs)
    for name in names:
        del sys.modules[name]


def _load(name: str, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Echo:
    """Answers what it is asked; a test replaces `say` and the like to make it misbehave."""

    def __init__(self, proto: EchoProto) -> None:
        self._proto = proto

    async def Say(self, request: Any, context: Any) -> Any:
        return await self.say(request, context)

    async def say(self, request: Any, context: Any) -> Any:
        return self._proto.response(request.text)

    async def Repeat(self, request: Any, context: Any) -> AsyncIterator[Any]:
        async with aclosing(self.repeat(request, context)) as answers:
            async for answer in answers:
                yield answer

    async def repeat(self, request: Any, context: Any) -> AsyncGenerator[Any, None]:
        for number in range(request.times):
            yield self._proto.response(f"{request.text} {number}")

    async def Collect(self, requests: Any, context: Any) -> Any:
        return self._proto.response(" ".join([request.text async for request in requests]))

    async def Chat(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield self._proto.response(request.text)


@pytest.fixture
def echo(echo_proto: EchoProto) -> Echo:
    """An implementation that answers what it is asked."""
    return Echo(echo_proto)


async def failure_of(call: Any) -> RpcError:
    """The error that `call` (an awaitable, or a stream to be read) ends with."""
    ended = _read(call) if hasattr(call, "__aiter__") else call
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ended
    return error_from(caught.value)


async def _read(answers: Any) -> None:
    async for _ in answers:
        pass


@pytest.fixture(name="failure_of")
def failure_of_fixture() -> Callable[[Any], Awaitable[RpcError]]:
    """`error = await failure_of(call)`."""
    return failure_of


EVERYONE = allow(services("caller", "echo", "operator"), partners())


@dataclass
class EchoNode:
    """One running server, and what it calls others with."""

    proto: EchoProto
    settings: ServiceSettings
    implementation: Any
    server: RpcServer
    channels: Channels
    telemetry: Telemetry
    exporter: InMemorySpanExporter
    certificates: Certificates | None
    stopped: bool = field(default=False)

    @property
    def address(self) -> str:
        return self.server.address

    def stub(self, address: str, service: str = "echo") -> Any:
        return self.proto.stubs.EchoServiceStub(self.channels.to(service, address))

    def spans(self) -> list[Any]:
        self.telemetry.tracer_provider.force_flush()
        return list(self.exporter.get_finished_spans())

    def calls(self, side: str) -> list[dict[str, str]]:
        """The labels of the calls counted so far on one side, `server` or `client`."""
        name = f"rpc_{side}_call_duration_seconds"
        families = [family for family in self.telemetry.scrape.registry.collect() if family.name == name]
        return [sample.labels for family in families for sample in family.samples if sample.name == f"{name}_count"]

    def active_calls(self) -> float:
        """How many calls are being served now."""
        value = self.telemetry.scrape.registry.get_sample_value("cxmesh_rpc_server_active_calls")
        assert value is not None
        return value

    async def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            await asyncio.gather(self.server.drain(), self.channels.close(), asyncio.to_thread(self.telemetry.shutdown))


StartEcho = Callable[..., Awaitable[EchoNode]]


@pytest.fixture
async def start_echo(
    echo_proto: EchoProto, certificates: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartEcho]:
    """`await start_echo(identity=…, implementation=…, authorization=…, errors=…, **settings)`, all optional."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    nodes: list[EchoNode] = []

    async def start(
        implementation: Any = None,
        identity: str = "service/echo",
        authorization: Authorization | None = None,
        errors: dict[type[Exception], Any] | None = None,
        files: TlsFiles | None = None,
        traced: bool = True,
        **overrides: Any,
    ) -> EchoNode:
        implementation = implementation or Echo(echo_proto)
        issued = certificates.issue(identity)
        files = files or TlsFiles(issued.certificate, issued.key, issued.ca)
        tls: dict[str, Any] = {
            "tls_certificate_file": files.certificate, "tls_key_file": files.key, "tls_ca_file": files.ca
        }  # fmt: skip
        if overrides.get("plaintext"):
            tls = {}
        local = dict.fromkeys(("listen", "health_listen", "metrics_listen"), "127.0.0.1:0")
        settings = ServiceSettings(
            database_url="postgresql://nobody@nowhere/none",
            redis_url="redis://nowhere",
            **{**tls, **local, "drain_notice_seconds": 0, **overrides},
        )
        used = None if settings.plaintext else Certificates(files)
        exporter = InMemorySpanExporter()
        telemetry = setup(settings, identity.partition("/")[2], "1.0", exporter=exporter)
        servicer = Servicer(echo_proto.stubs.add_EchoServiceServicer_to_server, implementation, SERVICE, traced)
        table = authorization or Authorization(dict.fromkeys(servicer.paths(), EVERYONE))
        server = RpcServer(settings, Served([servicer], table, ErrorTable(errors or {})), telemetry, used)
        channels = Channels(settings, telemetry, used)
        node = EchoNode(echo_proto, settings, implementation, server, channels, telemetry, exporter, used)
        nodes.append(node)
        await server.start()
        server.set_serving()
        return node

    yield start
    await asyncio.gather(*(node.stop() for node in nodes))


_FIRST_MIGRATION = '''"""The mesh's own tables."""
from alembic import op
from mesh.store import create_mesh_tables, drop_mesh_tables
revision = "0001"
down_revision = None
def upgrade(): create_mesh_tables(op, "echo")
def downgrade(): drop_mesh_tables(op, "echo")
'''


@pytest.fixture
def define(
    echo: Echo, echo_proto: EchoProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ServiceDefinition]:
    """`define(implementation, jobs=…, errors=…)` defines a service that anybody may call; all optional."""
    package = tmp_path / "echo_migrations"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "0001_first.py").write_text(_FIRST_MIGRATION)
    monkeypatch.syspath_prepend(tmp_path)

    def make(
        implementation: Any = echo, build: Callable[[Runtime], Application] | None = None, **parts: Any
    ) -> ServiceDefinition:
        def build_echo(_: Runtime) -> Application:
            add = echo_proto.stubs.add_EchoServiceServicer_to_server
            servicer = Servicer(add, implementation, SERVICE)
            return Application([servicer], Authorization(dict.fromkeys(servicer.paths(), EVERYONE)), **parts)

        return ServiceDefinition("echo", "echo", ServiceSettings, build or build_echo, "echo_migrations")

    return make
