"""Which messages has the local SMTP server received, and what do they say?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

from cxmesh_cli.console import Json
from cxmesh_cli.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Mail:
    number: int
    """Place in order of arrival, from 1; what `cxmesh mail NUMBER` takes."""
    file: Path
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: EmailMessage

    @property
    def text(self) -> str:
        """What the customer reads: the plain part, else the HTML one as it came."""
        return self._part("plain") or self.html

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: Literal["plain", "html"]) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")

    def as_json(self, *, with_text: bool) -> Json:
        summary: dict[str, Json] = {
            "number": self.number,
            "received": self.received.isoformat(),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "message_id": str(self.message.get("Message-ID", "")),
            "file": str(self.file),
        }
        return summary | {"text": self.text, "html": self.html} if with_text else summary


def read_mailbox(folder: Path, recipient: str = "") -> list[Mail]:
    """All messages, oldest first; `recipient` keeps those whose envelope names it (a part will do)."""
    files = sorted(folder.glob("[!.]*.eml"))
    mails = (_read(number, file) for number, file in enumerate(files, start=1))
    wanted = recipient.lower()
    return [mail for mail in mails if any(wanted in address.lower() for address in mail.recipients)]


def pick(mails: list[Mail], wanted: str) -> Mail:
    """The message with that number, or the `last` one."""
    if wanted == "last" and mails:
        return mails[-1]
    for mail in mails:
        if str(mail.number) == wanted:
            return mail
    last = f"the last one is number {mails[-1].number}" if mails else "the mailbox is empty"
    raise BadInputError(f"there is no message {wanted}; {last}", hint="`cxmesh mail` lists them")


def _read(number: int, file: Path) -> Mail:
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    received = datetime.strptime(file.name.split("-", 1)[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    return Mail(
        number=number,
        file=file,
        received=received,
        sender=str(message.get("From", message.get("Return-Path", ""))),
        recipients=tuple(str(value) for value in message.get_all("Delivered-To", [])),
        subject=str(message.get("Subject", "")),
        message=message,
    )
