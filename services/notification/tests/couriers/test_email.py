"""What an SMTP server is told, and what is made of its answers."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from mesh.embedded import CertificateFiles
from mesh.testkit import FixedClock
from notification.couriers.connections import Security, SmtpServer
from notification.couriers.email import EmailCourier
from notification.domain.contacts import Channel
from notification.domain.messages import Message, Outcome
from notification.domain.routes import Leg
from notification.handlers.ports import Claimed

ORIGIN = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def courier(mail_server, now, spans) -> Callable[..., EmailCourier]:
    def make(connections: int = 4, timeout: float = 5.0, **fields) -> EmailCourier:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(spans))
        security: Security = "if-offered"
        usual = {
            "host": "127.0.0.1",
            "port": mail_server.port,
            "security": security,
            "username": None,
            "password": None,
            "ca_file": None,
            "client_name": "notification.test",
            "timeout_seconds": timeout,
        }
        return EmailCourier(
            SmtpServer(**usual | fields),
            "no-reply@example.net",
            connections,
            FixedClock(now),
            provider.get_tracer("test"),
            NoOpMeterProvider().get_meter("test"),
        )

    return make


async def deliver(courier: EmailCourier, message: Message, *addresses: str) -> list[Outcome]:
    outcomes = await asyncio.gather(
        *(
            courier.deliver(Claimed(replace(message, message_id=f"m-{n}"), 1, ORIGIN), Leg(Channel.EMAIL, address))
            for n, address in enumerate(addresses)
        )
    )
    await courier.rest()
    return outcomes


async def test_a_message_is_handed_over(mail_server, courier, message, now):
    assert await deliver(courier(), message, "ada@example.com") == [Outcome(now)]

    (letter,) = mail_server.letters
    assert (letter["To"], letter["Subject"]) == ("ada@example.com", message.subject)
    assert letter.get_content().splitlines() == message.body.splitlines()
    assert mail_server.senders == ["no-reply@example.net"]


async def test_connections_are_few_and_used_again(mail_server, courier, message):
    outcomes = await deliver(courier(connections=2), message, *(f"a{n}@example.com" for n in range(20)))

    assert all(not outcome.error for outcome in outcomes)
    assert len(mail_server.letters) == 20
    assert mail_server.connections == 2


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [("550 5.1.1 no such user", True), ("553 5.1.3 bad mailbox", True), ("450 4.2.0 greylisted", False)],
)
async def test_a_refused_recipient(mail_server, courier, message, now, answer: str, permanent: bool):
    mail_server.to_recipient["a@example.com"] = [answer]

    outcomes = await deliver(courier(connections=1), message, "a@example.com", "b@example.com")

    assert outcomes == [Outcome(now, f"SMTP {answer}", permanent=permanent), Outcome(now)]
    assert mail_server.connections == 1, "a refusal is no reason to connect anew"


@pytest.mark.parametrize(
    ("answer", "permanent"), [("554 5.7.1 spam", True), ("552 5.2.2 full", True), ("451 4.3.0 disk", False)]
)
async def test_a_refused_message(mail_server, courier, message, now, answer: str, permanent: bool):
    mail_server.to_data["a@example.com"] = [answer]

    outcomes = await deliver(courier(connections=1), message, "a@example.com", "b@example.com")

    assert outcomes == [Outcome(now, f"SMTP {answer}", permanent=permanent), Outcome(now)]


async def test_a_refused_sender_is_our_fault_and_fails_nothing_for_good(mail_server, courier, message, now):
    mail_server.to_sender = ["550 5.7.1 not allowed to send"]

    assert await deliver(courier(), message, "a@example.com") == [Outcome(now, "SMTP 550 5.7.1 not allowed to send")]


async def test_errors_do_not_tell_the_address(mail_server, courier, message):
    mail_server.to_recipient["ada@example.com"] = ["550 <ada@example.com>: unknown, try +4366012345678 or x@y.example"]

    (outcome,) = await deliver(courier(), message, "ada@example.com")

    assert outcome.error == "SMTP 550 <…>: unknown, try [redacted] or [redacted]"


async def test_a_server_that_is_away_is_tried_again(courier, message):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        (outcome,) = await deliver(courier(port=reserved.getsockname()[1]), message, "a@example.com")

    assert outcome.error.startswith("SMTPConnectError")
    assert not outcome.permanent


async def test_a_server_that_does_not_answer_is_not_waited_for(mail_server, courier, message):
    mail_server.seconds = 2.0

    (outcome,) = await deliver(courier(timeout=0.2), message, "a@example.com")

    assert outcome.error
    assert not outcome.permanent


async def test_a_closed_connection_is_replaced_and_nothing_is_sent_twice(mail_server, courier, message, now):
    sending = courier(connections=1)
    claimed = Claimed(message, 1, ORIGIN)
    assert not (await sending.deliver(claimed, Leg(Channel.EMAIL, "a@example.com"))).error
    mail_server.hang_up()

    outcomes = await deliver(sending, message, "b@example.com")

    assert outcomes == [Outcome(now)]
    assert mail_server.recipients() == ["a@example.com", "b@example.com"]
    assert mail_server.connections == 2


async def test_a_connection_that_the_server_has_had_enough_of_is_replaced(mail_server, courier, message, now):
    sending = courier(connections=1)
    await sending.deliver(Claimed(message, 1, ORIGIN), Leg(Channel.EMAIL, "a@example.com"))
    mail_server.to_sender = ["421 4.7.0 too many messages"]

    assert await deliver(sending, message, "b@example.com") == [Outcome(now)]
    assert mail_server.connections == 2


async def test_a_new_connection_that_is_refused_is_not_replaced_for_ever(mail_server, courier, message):
    mail_server.to_sender = ["421 4.7.0 busy"] * 5

    (outcome,) = await deliver(courier(), message, "a@example.com")

    assert outcome.error == "SMTP 421 4.7.0 busy"
    assert mail_server.connections == 1


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it(mail_server, courier, message, now):
    assert await deliver(courier(), message, "zoë@example.com") == [Outcome(now)]

    assert mail_server.recipients() == ["zoë@example.com"]
    assert "SMTPUTF8" in mail_server.options[0]


async def test_an_address_that_cannot_be_used_fails_for_good(mail_server, courier, message, now):
    outcomes = await deliver(courier(), message, "a@example.com\nBcc: b@example.com")

    assert outcomes == [Outcome(now, "the address can't be used", permanent=True)]
    assert mail_server.letters == []


async def test_encryption_that_is_demanded_is_never_left_out(mail_server, courier, message):
    for security in ("starttls", "tls"):
        (outcome,) = await deliver(courier(security=security, timeout=0.5), message, "a@example.com")
        assert outcome.error
        assert not outcome.permanent
    assert mail_server.letters == []


@pytest.fixture
def encrypting(mail_server, certificates) -> CertificateFiles:
    """The mail server offers STARTTLS, with a certificate that only the development authority vouches for."""
    issued: CertificateFiles = certificates.issue("service/profile")
    mail_server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    mail_server.tls.load_cert_chain(issued.certificate, issued.key)
    return issued


@pytest.mark.parametrize("security", ["if-offered", "starttls"])
async def test_a_server_that_encrypts_has_to_be_vouched_for(mail_server, courier, message, now, encrypting, security):
    (trusting,) = await deliver(courier(security=security, ca_file=encrypting.ca), message, "a@example.com")
    (doubting,) = await deliver(courier(security=security), message, "a@example.com")

    assert trusting == Outcome(now)
    assert "certificate verify failed" in doubting.error
    assert not doubting.permanent
    assert mail_server.encrypted == [True]


async def test_encryption_that_is_not_wanted_is_not_used(mail_server, courier, message, encrypting):
    await deliver(courier(security="none"), message, "a@example.com")

    assert mail_server.encrypted == [False]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_it_signs_in_when_it_has_a_name(mail_server, courier, message, now):
    mail_server.passwords = {b"us": b"open sesame"}

    (right,) = await deliver(courier(username="us", password="open sesame"), message, "a@example.com")
    (wrong,) = await deliver(courier(username="us", password="sesame"), message, "b@example.com")
    (without,) = await deliver(courier(), message, "c@example.com")

    assert right == Outcome(now)
    assert (wrong.error[:8], wrong.permanent) == ("SMTP 535", False)
    assert (without.error[:8], without.permanent) == ("SMTP 530", False)
    assert "sesame" not in wrong.error


async def test_sending_belongs_to_the_trace_in_which_the_message_was_written(mail_server, courier, message, spans):
    mail_server.to_recipient["b@example.com"] = ["550 <b@example.com> unknown"]

    await deliver(courier(connections=1), message, "a@example.com", "b@example.com")

    sent, refused = spans.get_finished_spans()
    assert {span.context.trace_id for span in (sent, refused)} == {ORIGIN.trace_id}
    assert {span.name for span in (sent, refused)} == {"deliver email"}
    assert refused.attributes["error.type"] == "SMTPRecipientRefused"
    assert (sent.status.status_code, refused.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert "b@example.com" not in refused.to_json()
