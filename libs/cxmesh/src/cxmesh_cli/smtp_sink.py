"""Where do the mesh's e-mails end up on this machine: an SMTP server that keeps each message as a file?

    python -m cxmesh_cli.smtp_sink --port 7492 --mail .cxmesh/mail

It listens on loopback alone and takes mail for any address; nothing is ever sent on.
"""

import argparse
import asyncio
import itertools
import os
import signal
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from cxmesh_cli.instance.ports import LOOPBACK

MESSAGE_LIMIT_BYTES = 10 * 1024 * 1024


class MailFolder:
    """Keeps what arrives, one file a message; names sort by arrival."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._count = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd calls it so
        try:
            name = self.keep(envelope, datetime.now(UTC))
        except OSError as error:  # the sender keeps the message and tries again
            return f"451 4.3.0 could not be stored: {error.strerror}"
        return f"250 2.0.0 kept as {name}"

    def keep(self, envelope: Envelope, now: datetime) -> str:
        """Write beside, then rename: who lists the folder never reads half a message."""
        name = f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}-{next(self._count)}.eml"
        draft = self._folder / f".{name}"
        with draft.open("wb") as file:
            file.write(_delivery_headers(envelope, now))
            file.write(envelope.original_content or b"")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / name)
        return name


def _delivery_headers(envelope: Envelope, now: datetime) -> bytes:
    """The envelope, which the message itself need not repeat (RFC 5321 4.4, RFC 9228 for Delivered-To)."""
    lines = [f"Return-Path: <{envelope.mail_from or ''}>"]
    lines += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
    lines.append(f"Received: by cxmesh with ESMTP; {format_datetime(now)}")
    return "".join(f"{line}\r\n" for line in lines).encode()


async def serve(port: int, folder: Path, stop: asyncio.Event) -> None:
    """Receive until `stop`; raises OSError when the port is taken."""
    handler = MailFolder(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", data_size_limit=MESSAGE_LIMIT_BYTES, enable_SMTPUTF8=True),
        LOOPBACK,
        port,
    )
    async with server:
        await stop.wait()


async def run(port: int, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(port, folder, stop)


def main() -> None:
    parser = argparse.ArgumentParser(description="Receive e-mail on loopback and keep each message as a file.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mail", type=Path, required=True, help="folder for the .eml files")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.port, arguments.mail))


if __name__ == "__main__":
    main()
