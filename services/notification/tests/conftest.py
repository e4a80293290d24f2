"""A migrated database, records that are rolled back after each test, a message to begin with, and an SMTP server."""

import asyncio
import email
import email.policy
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store, apply_migrations
from notification.domain.contacts import Channel
from notification.domain.messages import Message, MessageState
from notification.domain.routes import Leg, Purpose
from notification.handlers.ports import Records
from notification.store.records import records_on


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    await asyncio.to_thread(apply_migrations, postgres_url, "notification", "notification.store.migrations")
    async with Store(postgres_url, "notification") as store:
        yield store


@pytest.fixture
async def connection(store: Store) -> AsyncIterator[AsyncConnection]:
    async with store.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        await transaction.rollback()


@pytest.fixture
def records(connection: AsyncConnection) -> Records:
    return records_on(connection)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def message(now: datetime) -> Message:
    """Queued, to be sent by e-mail at once."""
    return Message(
        customer_id="c-1",
        message_id="m-1",
        decision="decisions/m-1",
        trigger="signals/s-1",
        template="templates/t",
        purpose=Purpose.SERVICE,
        language_code="en",
        subject="Grüße {}",
        body="Hello Ada,\n\nall is well: 100 % \\o/ „so“ 👩‍💻\n",
        action_path="/plans",
        state=MessageState.QUEUED,
        legs=(Leg(Channel.EMAIL, "ada@example.com"),),
        routed_time=now,
        attempts=(),
        create_time=now,
        next_attempt_time=None,
        expire_time=now + timedelta(days=7),
        read_time=None,
        event_time=now - timedelta(seconds=2),
        decision_time=now - timedelta(seconds=1),
    )


class MailServer:
    """A real SMTP server; what it says to a recipient, or about a message to them, can be set beforehand."""

    def __init__(self) -> None:
        self.port = 0
        self.protocols: list[SMTP] = []
        self.reset()

    def reset(self) -> None:
        self.letters: list[EmailMessage] = []
        self.senders: list[str] = []
        self.to_recipient: dict[str, list[str]] = defaultdict(list)
        self.to_data: dict[str, list[str]] = defaultdict(list)
        self.to_sender: list[str] = []
        self.seconds = 0.0
        self.connections = 0
        self.options: list[list[str]] = []
        self.tls: ssl.SSLContext | None = None
        self.passwords: dict[bytes, bytes] = {}
        self.encrypted: list[bool] = []

    def connect(self) -> SMTP:
        self.connections += 1
        self.protocols.append(
            SMTP(
                self,
                hostname="localhost",
                enable_SMTPUTF8=True,
                tls_context=self.tls,
                authenticator=self.sign_in,
                auth_required=bool(self.passwords),
                auth_require_tls=False,
            )
        )
        return self.protocols[-1]

    def sign_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        known = isinstance(given, LoginPassword) and self.passwords.get(given.login) == given.password
        return AuthResult(success=known, handled=known)

    def hang_up(self) -> None:
        for protocol in self.protocols:
            if protocol.transport is not None:
                protocol.transport.close()

    def recipients(self) -> list[str]:
        return [str(letter["To"]) for letter in self.letters]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.options.append(options)
        if self.to_sender:
            return self.to_sender.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = self.to_recipient[address]
        answer = answers.pop(0) if answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.seconds)
        answers = self.to_data[envelope.rcpt_tos[0]]
        answer = answers.pop(0) if answers else "250 OK"
        if answer.startswith("250"):
            content = envelope.original_content or b""
            self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
            self.senders.append(envelope.mail_from or "")
            self.encrypted.append(session.ssl is not None)
        return answer


@pytest.fixture(scope="module")
async def running_mail_server() -> AsyncIterator[MailServer]:
    mail = MailServer()
    listening = await asyncio.get_running_loop().create_server(mail.connect, "127.0.0.1", 0)
    mail.port = listening.sockets[0].getsockname()[1]
    yield mail
    mail.hang_up()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
def mail_server(running_mail_server: MailServer) -> MailServer:
    """As if it had just been started."""
    running_mail_server.reset()
    return running_mail_server
