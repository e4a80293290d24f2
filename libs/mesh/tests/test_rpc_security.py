"""Who gets in, who is told that they may not, and what do renewed certificates change?"""

import asyncio
import json
import logging
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from mesh.embedded import CertificateFiles, DevelopmentAuthority
from mesh.observe import configure_logging_for_tests
from mesh.rpc import (
    Authorization,
    AuthorizationMismatch,
    Certificates,
    CertificateUnusable,
    NotServable,
    TlsFiles,
    allow,
    any_service,
    partners,
    services,
)
from mesh.testkit import Certificates as Issuer

SAY = "/mesh.test.v1.EchoService/Say"


def plain_channel(address: str, files: CertificateFiles | None, ca: Path, name: str = "echo") -> grpc.aio.Channel:
    """A channel of a stock client: no retries, nothing of ours."""
    key, certificate = (files.key.read_bytes(), files.certificate.read_bytes()) if files else (None, None)
    credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key, certificate)
    options = [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(address, credentials, options)


async def shown_by(address: str) -> int:
    """The serial number of the certificate that a server shows to a new connection."""

    def connect() -> bytes:
        host, _, port = address.rpartition(":")
        return ssl.get_server_certificate((host, int(port))).encode()

    return x509.load_pem_x509_certificate(await asyncio.to_thread(connect)).serial_number


async def test_callers_without_a_valid_certificate_do_not_get_past_the_handshake(
    start_echo: Any, failure_of: Any, certificates: Issuer, tmp_path: Path
) -> None:
    server = await start_echo()
    stranger = DevelopmentAuthority(tmp_path / "stranger").issue("service/caller")
    expired = certificates.authority.issue(
        "service/caller", folder=tmp_path / "expired", valid_for=timedelta(minutes=-1)
    )

    for name, files in (("of another authority", stranger), ("expired", expired), ("missing", None)):
        async with plain_channel(server.address, files, certificates.ca) as channel:
            error = await failure_of(server.proto.stubs.EchoServiceStub(channel).Say(server.proto.request()))
            assert error.status is grpc.StatusCode.UNAVAILABLE, name
    assert server.calls("server") == []


async def test_a_channel_to_one_service_can_not_end_at_another(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller", default_timeout_seconds=1)

    error = await failure_of(caller.stub(server.address, "profile").Say(caller.proto.request()))

    assert error.status is grpc.StatusCode.UNAVAILABLE
    assert "Hostname Verification" in error.message


@pytest.mark.parametrize("domain", ["elsewhere.example", "cxmesh.local.example"])
async def test_a_certificate_of_another_trust_domain_is_no_identity(
    start_echo: Any, failure_of: Any, certificates: Issuer, domain: str
) -> None:
    server = await start_echo(trust_domain=domain)

    async with plain_channel(server.address, certificates.issue("service/caller"), certificates.ca) as channel:
        error = await failure_of(server.proto.stubs.EchoServiceStub(channel).Say(server.proto.request()))

    assert error.status is grpc.StatusCode.UNAUTHENTICATED
    assert error.reason == "ERROR_REASON_IDENTITY_MISSING"
    assert error.domain == "mesh.cxmesh"


async def test_a_certificate_with_two_identities_is_no_identity(
    start_echo: Any, failure_of: Any, certificates: Issuer, tmp_path: Path
) -> None:
    server = await start_echo()
    issued = certificates.authority.issue("service/caller", folder=tmp_path)
    leaf = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    names = [x509.UniformResourceIdentifier(f"spiffe://cxmesh.local/service/{name}") for name in ("caller", "operator")]
    builder = x509.CertificateBuilder(
        leaf.issuer, leaf.subject, leaf.public_key(), 7, leaf.not_valid_before_utc, leaf.not_valid_after_utc
    )
    twofold = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = twofold.sign(certificates.authority._key, hashes.SHA256())
    issued.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    async with plain_channel(server.address, issued, certificates.ca) as channel:
        error = await failure_of(server.proto.stubs.EchoServiceStub(channel).Say(server.proto.request()))

    assert (error.status, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_IDENTITY_MISSING")


async def test_a_caller_that_is_not_in_the_table_is_denied_with_the_reason(start_echo: Any, failure_of: Any) -> None:
    methods = {f"/mesh.test.v1.EchoService/{name}": services("operator") for name in ("Repeat", "Collect", "Chat")}
    server = await start_echo(authorization=Authorization({SAY: allow(services("operator"), partners()), **methods}))
    request = server.proto.request()
    caller = (await start_echo(identity="service/caller")).stub(server.address)
    partner = (await start_echo(identity="partner/acme")).stub(server.address)

    for call in (caller.Say(request), caller.Repeat(request), caller.Collect(iter([request])), partner.Repeat(request)):
        error = await failure_of(call)
        assert error.status is grpc.StatusCode.PERMISSION_DENIED
        assert error.reason == "ERROR_REASON_CALLER_NOT_ALLOWED"
    assert error.metadata == {"caller": "partner/acme", "method": "/mesh.test.v1.EchoService/Repeat"}
    assert (await partner.Say(request)).text == "hello"


def test_the_table_must_have_exactly_the_methods_that_are_served() -> None:
    table = Authorization({"/a.B/C": any_service(), "/a.B/Typo": any_service()})

    table.check_covers(["/a.B/C", "/a.B/Typo"])
    with pytest.raises(AuthorizationMismatch, match=r"/a\.B/D is served but nobody .* /a\.B/Typo has an entry but"):
        table.check_covers(["/a.B/C", "/a.B/D"])


async def test_a_service_with_a_method_that_is_not_implemented_does_not_start(start_echo: Any, echo_proto: Any) -> None:
    with pytest.raises(NotServable, match="EchoService/Say has no handler that is an `async def`"):
        await start_echo(implementation=echo_proto.stubs.EchoServiceServicer())


async def test_an_unknown_method_is_refused_with_the_reason_and_counted_under_one_name(
    start_echo: Any, failure_of: Any
) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    channel = caller.channels.to("echo", server.address)

    for path in ("/mesh.test.v1.EchoService/Nothing", "/no.such.Service/Say"):
        error = await failure_of(channel.unary_unary(path)(b""))
        assert error.status is grpc.StatusCode.UNIMPLEMENTED
        assert error.reason == "ERROR_REASON_METHOD_UNKNOWN"
    assert [labels["rpc_method"] for labels in server.calls("server")] == ["_OTHER"]


async def test_whoever_has_an_identity_may_look_at_the_reflection(
    start_echo: Any, certificates: Issuer, failure_of: Any
) -> None:
    server = await start_echo()
    files = certificates.issue("partner/acme")

    def look() -> tuple[list[str], list[str]]:
        credentials = grpc.ssl_channel_credentials(
            certificates.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        with grpc.secure_channel(server.address, credentials, [("grpc.ssl_target_name_override", "echo")]) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            file = database.FindFileContainingSymbol("mesh.test.v1.EchoService")
            return list(database.get_services()), [method.name for method in file.service[0].method]

    listed, methods = await asyncio.to_thread(look)

    assert {"mesh.test.v1.EchoService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(listed)
    assert methods == ["Say", "Repeat", "Collect", "Chat"]

    nobody = await start_echo(trust_domain="elsewhere.example")
    caller = await start_echo(identity="service/caller")
    look_in = caller.channels.to("echo", nobody.address).stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    )
    assert (await failure_of(look_in(iter([b""])))).status is grpc.StatusCode.UNAUTHENTICATED


async def test_health_is_open_on_both_ports_and_knows_its_services(start_echo: Any, failure_of: Any) -> None:
    server = await start_echo()
    caller = await start_echo(identity="service/caller")
    serving = health_pb2.HealthCheckResponse.SERVING

    async with grpc.aio.insecure_channel(server.server.health_address) as probe:
        for channel in (probe, caller.channels.to("echo", server.address)):
            health = health_pb2_grpc.HealthStub(channel)
            for name in ("", "mesh.test.v1.EchoService"):
                assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status == serving
            assert set((await health.List(health_pb2.HealthListRequest())).statuses) == {"", "mesh.test.v1.EchoService"}
            unknown = await failure_of(health.Check(health_pb2.HealthCheckRequest(service="no.Such")))
            assert unknown.status is grpc.StatusCode.NOT_FOUND
    assert server.calls("server") == []  # neither measured nor traced
    assert server.spans() == []


async def test_without_tls_callers_are_nobody_unless_the_settings_say_who(start_echo: Any, failure_of: Any) -> None:
    closed = await start_echo(plaintext=True)
    opened = await start_echo(plaintext=True, plaintext_identity="partner/acme")
    caller = await start_echo(identity="service/caller", plaintext=True)

    error = await failure_of(caller.stub(closed.address).Say(caller.proto.request()))
    assert error.status is grpc.StatusCode.UNAUTHENTICATED
    assert (await caller.stub(opened.address).Say(caller.proto.request())).text == "hello"


def tls_files(issued: CertificateFiles) -> TlsFiles:
    return TlsFiles(issued.certificate, issued.key, issued.ca)


async def test_a_renewed_server_certificate_is_shown_to_new_connections_while_old_ones_go_on(
    start_echo: Any, certificates: Issuer, tmp_path: Path
) -> None:
    issued = certificates.authority.issue("service/echo", folder=tmp_path)
    server = await start_echo(files=tls_files(issued))
    caller = await start_echo(identity="service/caller")
    stub = caller.stub(server.address)
    chat = stub.Chat(timeout=10)
    await chat.write(caller.proto.request("before"))
    assert (await chat.read()).text == "before"
    old = await shown_by(server.address)

    certificates.authority.issue("service/echo", folder=tmp_path)

    assert await shown_by(server.address) != old
    await chat.write(caller.proto.request("after"))
    assert (await chat.read()).text == "after"
    await chat.done_writing()


async def test_a_renewed_client_certificate_is_used_for_new_calls_while_old_ones_go_on(
    start_echo: Any, certificates: Issuer, tmp_path: Path
) -> None:
    issued = certificates.authority.issue("service/caller", folder=tmp_path)
    seen: list[bytes] = []

    server = await start_echo()

    async def look(request: Any, context: Any) -> Any:
        seen.extend(context.auth_context()["x509_pem_cert"])
        return server.proto.response("")

    server.implementation.say = look
    caller = await start_echo(identity="service/caller", files=tls_files(issued))
    stub = caller.stub(server.address)
    chat = stub.Chat(timeout=10)
    await chat.write(caller.proto.request("before"))
    assert (await chat.read()).text == "before"
    await stub.Say(caller.proto.request())

    certificates.authority.issue("service/caller", folder=tmp_path)
    await stub.Say(caller.proto.request())

    first, second = (x509.load_pem_x509_certificate(pem).serial_number for pem in seen)
    assert first != second
    await chat.write(caller.proto.request("after"))
    assert (await chat.read()).text == "after"
    await chat.done_writing()
    assert await chat.code() is grpc.StatusCode.OK


def test_a_half_written_renewal_leaves_the_certificate_before_in_force(
    certificates: Issuer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configure_logging_for_tests()
    issued = certificates.authority.issue("service/echo", folder=tmp_path / "own")
    other = certificates.authority.issue("service/echo", folder=tmp_path / "other")
    followed = Certificates(tls_files(issued))
    before = followed.current()

    issued.key.write_bytes(other.key.read_bytes())
    assert followed.current() is before
    issued.certificate.write_bytes(other.certificate.read_bytes())
    assert followed.current() is not before
    issued.key.unlink()
    assert [followed.current().key for _ in range(3)] == [other.key.read_bytes()] * 3
    told = [json.loads(record.message) for record in caplog.records if record.levelno == logging.WARNING]
    assert [line["problem"].partition(":")[0] for line in told] == [
        f"{issued.key} is not the key of the certificate in {issued.certificate}",
        "[Errno 2] No such file or directory",
    ]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda files: files.key.unlink(), "No such file"),
        (lambda files: files.certificate.write_text("nonsense"), r"certificate\.pem: "),
        (lambda files: files.ca.write_text(""), r"ca\.pem: "),
    ],
)
def test_unusable_files_are_named(certificates: Issuer, tmp_path: Path, damage: Any, told: str) -> None:
    issued = certificates.authority.issue("service/echo", folder=tmp_path)
    damage(issued)

    with pytest.raises(CertificateUnusable, match=told):
        Certificates(tls_files(issued))


def test_a_key_of_another_certificate_is_found_at_the_start(certificates: Issuer, tmp_path: Path) -> None:
    one, two = (certificates.authority.issue("service/echo", folder=tmp_path / name) for name in ("one", "two"))

    with pytest.raises(CertificateUnusable, match="is not the key of the certificate"):
        Certificates(TlsFiles(one.certificate, two.key, one.ca))
