"""What does a message look like as an e-mail?"""

import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime

from notification.domain.messages import Message


def letter(message: Message, sender: str, recipient: str, now: datetime) -> bytes:
    """The e-mail (RFC 5322), plain text in UTF-8. Raises ValueError for an address that can't stand in a header."""
    mail = EmailMessage(policy=_policy(recipient))
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id_of(message, sender)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    mail.set_content(message.body)
    mail["Content-Language"] = message.language_code  # set_content takes away what was said of content before
    return mail.as_bytes()


def message_id_of(message: Message, sender: str) -> str:
    """The same for every attempt, so that a mailbox that gets a message twice can tell."""
    digest = hashlib.sha256(message.name.encode()).hexdigest()[:32]
    return f"<{digest}@{sender.rpartition('@')[2]}>"


def needs_utf8(recipient: str) -> bool:
    """Whether the address is one that only servers with SMTPUTF8 (RFC 6531) understand."""
    return not recipient.isascii()


def _policy(recipient: str) -> "EmailPolicy[EmailMessage]":  # quoted: generic for mypy, not at run time
    # Seven bits in the body: not every server on the way takes eight.
    return (SMTPUTF8 if needs_utf8(recipient) else SMTP).clone(cte_type="7bit")
