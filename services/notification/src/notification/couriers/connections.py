"""How does a message get to an SMTP server, over connections that are used again while there is more to send?"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

Security = Literal["none", "if-offered", "starttls", "tls"]
_START_TLS: Mapping[Security, bool | None] = {"none": False, "if-offered": None, "starttls": True, "tls": False}
"""As aiosmtplib takes it: None is "when the server offers it"."""
_CLOSING = 421
"""The server closes the connection (RFC 5321, 3.8): after an idle time, or enough messages."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where messages are handed over, and how."""

    host: str
    port: int
    security: Security
    username: str | None
    password: str | None
    ca_file: Path | None
    client_name: str
    timeout_seconds: float
    """For a message, connecting included."""


class SmtpConnections:
    """Connections to one server, each used by one message at a time."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._idle: list[SMTP] = []

    async def send(self, sender: str, recipient: str, content: bytes, *, utf8: bool) -> None:
        """Hand one message over; raises what aiosmtplib raises, and TimeoutError. `utf8`: the address is not ASCII."""
        async with asyncio.timeout(self._server.timeout_seconds):
            await self._send(sender, recipient, content, utf8=utf8)

    async def _send(self, sender: str, recipient: str, content: bytes, *, utf8: bool) -> None:
        connection = await self._connection_for(sender, utf8=utf8)
        try:
            await connection.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
            await connection.data(content)
        except SMTPResponseException:
            await self._reset(connection)
            raise
        except BaseException:
            connection.close()  # what the server has of the message is unknown: nothing else may be said here
            raise
        self._idle.append(connection)

    async def close(self) -> None:
        """Take leave of the server on all connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(SMTPException):  # gone already
                await connection.quit()
            connection.close()

    async def _connection_for(self, sender: str, *, utf8: bool) -> SMTP:
        """One on which the sender is accepted.

        One that was used before may have been closed by the server meanwhile, and is then replaced by the next.
        """
        while True:
            is_new = not self._idle
            connection = await self._connect() if is_new else self._idle.pop()
            try:
                await _open_envelope(connection, sender, utf8=utf8)
            except (SMTPServerDisconnected, SMTPSenderRefused) as error:
                connection.close()
                if is_new or getattr(error, "code", _CLOSING) != _CLOSING:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    async def _connect(self) -> SMTP:
        server = self._server
        connection = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=server.client_name,
            timeout=server.timeout_seconds,
            use_tls=server.security == "tls",
            start_tls=_START_TLS[server.security],
            cert_bundle=str(server.ca_file) if server.ca_file else None,
        )
        await connection.connect()
        return connection

    async def _reset(self, connection: SMTP) -> None:
        """After a refusal: ready for the next message, if the server goes on."""
        try:
            await connection.rset()
        except SMTPException:
            connection.close()
        except BaseException:
            connection.close()
            raise
        else:
            self._idle.append(connection)


async def _open_envelope(connection: SMTP, sender: str, *, utf8: bool) -> None:
    if not utf8:
        await connection.mail(sender)
        return
    if connection.is_ehlo_or_helo_needed:
        await connection.ehlo()
    if not connection.supports_extension("smtputf8"):
        raise SMTPNotSupported("the server does not take addresses that are not ASCII")
    await connection.mail(sender, options=["SMTPUTF8"], encoding="utf-8")
