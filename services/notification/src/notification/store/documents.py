"""How are texts, legs and attempts written as JSON, and read again?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from notification.domain.contacts import Channel
from notification.domain.messages import Attempt
from notification.domain.routes import Leg
from notification.domain.templates import LocalizedText

Document = dict[str, Any]
"""A JSON object; what stands in it is known only here."""


def text_documents(texts: Sequence[LocalizedText]) -> list[Document]:
    """Texts as JSON."""
    return [{"language_code": text.language_code, "subject": text.subject, "body": text.body} for text in texts]


def texts_from(documents: Sequence[Document]) -> tuple[LocalizedText, ...]:
    """Texts as kept."""
    return tuple(LocalizedText(each["language_code"], each["subject"], each["body"]) for each in documents)


def leg_documents(legs: Sequence[Leg]) -> list[Document]:
    """Legs as JSON."""
    return [
        {"channel": leg.channel.value, "address": leg.address, "tries": leg.tries, "failed": leg.failed} for leg in legs
    ]


def legs_from(documents: Sequence[Document]) -> tuple[Leg, ...]:
    """Legs as kept."""
    return tuple(Leg(Channel(each["channel"]), each["address"], each["tries"], each["failed"]) for each in documents)


def attempt_documents(attempts: Sequence[Attempt]) -> list[Document]:
    """Attempts as JSON."""
    return [
        {
            "channel": attempt.channel.value,
            "succeeded": attempt.succeeded,
            "time": attempt.time.isoformat(),
            "error": attempt.error,
        }
        for attempt in attempts
    ]


def attempts_from(documents: Sequence[Document]) -> tuple[Attempt, ...]:
    """Attempts as kept."""
    return tuple(
        Attempt(Channel(each["channel"]), each["succeeded"], datetime.fromisoformat(each["time"]), each["error"])
        for each in documents
    )
