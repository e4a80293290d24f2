"""How is a message handed over as an e-mail, and what came of it?"""

import asyncio
from typing import cast

from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)
from opentelemetry import trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, Tracer

from mesh.clock import Clock
from mesh.observe import counter
from mesh.observe.redaction import redact_text
from notification import names
from notification.couriers.connections import SmtpConnections, SmtpServer
from notification.couriers.letters import letter, needs_utf8
from notification.domain.contacts import Channel
from notification.domain.messages import Message, Outcome
from notification.domain.routes import Leg
from notification.handlers.ports import Claimed

_REFUSED_FOR_GOOD = 500
"""SMTP replies from here on are permanent (RFC 5321, 4.2.1)."""
_LONGEST_ERROR = 200
_ADDRESS_UNUSABLE = "the address can't be used"


class EmailCourier:
    """Hands messages to an SMTP server, a few at a time."""

    def __init__(
        self, server: SmtpServer, sender: str, connections: int, clock: Clock, tracer: Tracer, meter: Meter
    ) -> None:
        """At most so many `connections` are open at a time."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tracer = tracer
        self._attempts = counter(meter, names.ATTEMPTS)
        self._connections = SmtpConnections(server)
        self._turns = asyncio.Semaphore(connections)

    async def deliver(self, claimed: Claimed, leg: Leg) -> Outcome:
        """Hand it over, in the trace that the message was written in; says what came of it and raises nothing."""
        async with self._turns:
            span = self._span(claimed)
            outcome = await self._attempt(claimed.message, leg.address, span)
            span.end()
        result = "delivered" if not outcome.error else "permanent" if outcome.permanent else "temporary"
        self._attempts.add(1, {names.CHANNEL: Channel.EMAIL.value, names.OUTCOME: result})
        return outcome

    async def rest(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def _attempt(self, message: Message, address: str, span: trace.Span) -> Outcome:
        try:
            content = letter(message, self._sender, address, self._clock.now())
            await self._connections.send(self._sender, address, content, utf8=needs_utf8(address))
        except (SMTPException, OSError, ValueError) as error:
            # Without the text: it may quote the address.
            span.set_attribute(names.ERROR_TYPE, type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            return Outcome(self._clock.now(), _told(error, address), permanent=_is_permanent(error))
        return Outcome(self._clock.now())

    def _span(self, claimed: Claimed) -> trace.Span:
        parent = NonRecordingSpan(cast("SpanContext", claimed.origin))
        return self._tracer.start_span(
            names.SEND_SPAN.format(channel=Channel.EMAIL.value),
            context=trace.set_span_in_context(parent),
            kind=SpanKind.CLIENT,
            attributes={
                names.CHANNEL: Channel.EMAIL.value,
                names.SERVER_ADDRESS: self._server.host,
                names.SERVER_PORT: self._server.port,
            },
        )


def _is_permanent(error: Exception) -> bool:
    """Whether the recipient or the text was refused for good.

    A server that refuses us, our sender or our password refuses every message alike: a fault of ours that staff put
    right, for which no customer's message may fail for good.
    """
    if isinstance(error, SMTPRecipientRefused | SMTPDataError):
        return error.code >= _REFUSED_FOR_GOOD
    return isinstance(error, SMTPNotSupported) or _is_about_address(error)


def _is_about_address(error: Exception) -> bool:
    """Whether the address can't be written in a header or a command. An invalid certificate is a ValueError, too."""
    return isinstance(error, ValueError) and not isinstance(error, OSError)


def _told(error: Exception, address: str) -> str:
    """What staff see of an error: the server's words, without the address that servers like to quote."""
    if _is_about_address(error):
        return _ADDRESS_UNUSABLE
    if isinstance(error, SMTPResponseException):
        words = f"SMTP {error.code} {error.message}"
    else:
        words = f"{type(error).__name__}: {error}"
    return redact_text(" ".join(words.replace(address, "…").split()))[:_LONGEST_ERROR]
