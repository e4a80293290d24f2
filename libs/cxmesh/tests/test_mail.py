"""Does what is sent by SMTP end up whole in the mailbox, and can it be read there?"""

import json
import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from random import Random
from typing import Any

import pytest

from cxmesh_cli.instance import starting
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import pick_free_block
from cxmesh_cli.instance.processes import terminate
from cxmesh_cli.mailbox import read_mailbox

Cxmesh = Callable[..., Any]


@pytest.fixture
def smtp(home: Home) -> Iterator[smtplib.SMTP]:
    """The real sink, in its own process, and a client connected to it."""
    port = pick_free_block(Random()).smtp
    process = starting.spawn_smtp(home, port)
    try:
        starting.await_smtp(home, process.mark, port, lambda: True)
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            yield client
    finally:
        assert terminate([process.mark], grace_seconds=5) == []


def letter(to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Provider <care@example.net>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    return message


def test_messages_are_kept_whole_and_in_order(smtp: smtplib.SMTP, home: Home) -> None:
    smtp.send_message(letter("ada@example.org", "Your bill", "It is 45.07.\n.\nA dot alone."))
    smtp.send_message(letter("grace@example.org", "Ünïcode: 3 €", "Grüße"), to_addrs=["grace@example.org", "b@x.org"])
    first, second = read_mailbox(home.mail)
    assert (first.number, first.subject, first.recipients) == (1, "Your bill", ("ada@example.org",))
    assert first.text == "It is 45.07.\n.\nA dot alone.\n"
    assert "<p>It is 45.07." in first.html
    assert first.sender == "Provider <care@example.net>"
    assert (second.subject, second.recipients) == ("Ünïcode: 3 €", ("grace@example.org", "b@x.org"))
    assert second.received > first.received
    assert not list(home.mail.glob(".*"))


def test_the_mailbox_is_listed_and_read(smtp: smtplib.SMTP, cxmesh: Cxmesh) -> None:
    assert cxmesh("mail").out == "no messages yet\n"
    smtp.send_message(letter("ada@example.org", "First", "One"))
    smtp.send_message(letter("grace@example.org", "Second", "Two"))
    listed = cxmesh("mail").out
    assert "First" in listed
    assert "grace@example.org" in listed
    assert [mail["subject"] for mail in json.loads(cxmesh("mail", "--json", "--to", "grace").out)] == ["Second"]
    assert cxmesh("mail", "1").out.endswith("One\n")
    assert json.loads(cxmesh("mail", "last", "--json").out)["text"] == "Two\n"
    assert "Content-Type: multipart/alternative" in cxmesh("mail", "2", "--raw").out


def test_a_message_that_is_not_there_is_told(cxmesh: Cxmesh) -> None:
    ended = cxmesh("mail", "7")
    assert ended.code == 2
    assert "there is no message 7; the mailbox is empty" in ended.err


def test_a_message_too_large_is_refused(smtp: smtplib.SMTP, home: Home) -> None:
    with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError)) as refused:
        smtp.sendmail("care@example.net", ["ada@example.org"], b"Subject: x\r\n\r\n" + b"x" * 60 * 1024 * 200)
    assert refused.value.smtp_code == 552
    assert read_mailbox(home.mail) == []
