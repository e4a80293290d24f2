"""What a message looks like as an e-mail."""

import email
import email.policy
from dataclasses import replace

import pytest

from notification.couriers.letters import letter, message_id_of

SENDER = "no-reply@example.net"


def opened(content: bytes):
    return email.message_from_bytes(content, policy=email.policy.default)


def test_the_letter_says_what_the_message_says(message, now):
    mail = opened(letter(message, SENDER, "ada@example.com", now))

    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "ada@example.com", message.subject)
    assert mail["Date"].datetime == now.replace(microsecond=0)
    assert mail["Content-Language"] == "en"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == message.body.splitlines()


def test_a_letter_is_seven_bits(message, now):
    assert letter(message, SENDER, "ada@example.com", now).isascii()


def test_lines_end_as_smtp_wants_them(message, now):
    content = letter(replace(message, body="a\nb\r\nc\n"), SENDER, "ada@example.com", now)

    assert content.count(b"\n") == content.count(b"\r\n")


def test_the_message_id_is_the_same_for_every_attempt_and_tells_nothing(message, now):
    first, again = message_id_of(message, SENDER), message_id_of(replace(message, attempts=(), body="x"), SENDER)

    assert first == again
    assert first.endswith("@example.net>")
    assert message.customer_id not in first
    assert message_id_of(replace(message, message_id="m-2"), SENDER) != first
    assert message_id_of(replace(message, customer_id="c-2"), SENDER) != first


@pytest.mark.parametrize("subject", ["x" * 2000, "ü" * 500, "", "a, b; c <d@e.f>"])
def test_any_subject_comes_through(message, now, subject: str):
    assert opened(letter(replace(message, subject=subject), SENDER, "ada@example.com", now))["Subject"] == subject


def test_an_address_beyond_ascii_stands_in_the_header_as_it_is(message, now):
    content = letter(message, SENDER, "zoë@example.com", now)

    assert "To: zoë@example.com\r\n".encode() in content


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
def test_an_address_cannot_bring_headers_along(message, now, address: str):
    with pytest.raises(ValueError, match=r"[Ll]inefeed|newline|carriage"):
        letter(message, SENDER, address, now)
