"""How does a message get to an SMTP server, over connections that are used again while there is more to send?"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiosmtplib import SMTP, SMTPResponseException, SMTPServerDisconnected

Security = Literal["none", "if-offered", "starttls", "tls"]
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
    """Of each step: connecting, and each command."""


class SmtpConnections:
    """Connections to one server, each used by one message at a time."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._idle: list[SMTP] = []

    async def send(self, sender: str, recipient: str, content: bytes, options: list[str]) -> None:
        """Hand one message over. Raises what aiosmtplib raises.

        A connection that was used before and turns out to be closed is replaced, as long as the server has not been
        given the message: nothing is sent twice for that reason.
        """
        while self._idle:
            connection = self._idle.pop()
            try:
                await self._address(connection, sender, recipient, options)
            except (SMTPServerDisconnected, SMTPResponseException) as error:
                if isinstance(error, SMTPResponseException) and error.code != _CLOSING:
                    raise
                connection.close()
                continue
            return await self._give(connection, content)
        connection = await self._connect()
        await self._address(connection, sender, recipient, options)
        return await self._give(connection, content)

    async def close(self) -> None:
        """Take leave of the server on all connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_quit(connection) for connection in idle))

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
            start_tls={"none": False, "if-offered": None, "starttls": True, "tls": False}[server.security],
            tls_context=ssl.create_default_context(cafile=server.ca_file) if server.ca_file else None,
        )
        await connection.connect()
        return connection
"""placeholder"""
