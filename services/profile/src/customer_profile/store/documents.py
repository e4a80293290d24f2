"""How are a customer's lists written as JSON, and read again?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from customer_profile.domain.customers import (
    Channel,
    Consent,
    ConsentPurpose,
    ContactMedium,
    Preferences,
    QuietHours,
    SourceReference,
)

Document = dict[str, Any]
"""A JSON object; what stands in it is known only here."""


def media_documents(media: Sequence[ContactMedium]) -> list[Document]:
    """Contact media as JSON."""
    return [{"channel": each.channel.value, "address": each.address, "preferred": each.preferred} for each in media]


def media_from(documents: Sequence[Document]) -> tuple[ContactMedium, ...]:
    """Contact media as kept."""
    return tuple(ContactMedium(Channel(each["channel"]), each["address"], each["preferred"]) for each in documents)


def preferences_document(preferences: Preferences | None) -> Document | None:
    """Preferences as JSON."""
    if preferences is None:
        return None
    hours = preferences.quiet_hours
    return {
        "channels": [channel.value for channel in preferences.channels],
        "quiet_hours": hours and {"start": hours.start.isoformat(), "end": hours.end.isoformat()},
    }


def preferences_from(document: Document | None) -> Preferences | None:
    """Preferences as kept."""
    if document is None:
        return None
    hours: Mapping[str, str] | None = document["quiet_hours"]
    return Preferences(
        channels=tuple(Channel(each) for each in document["channels"]),
        quiet_hours=None
        if hours is None
        else QuietHours(time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"])),
    )


def consent_documents(consents: Sequence[Consent]) -> list[Document]:
    """Consents as JSON."""
    return [
        {
            "purpose": each.purpose.value,
            "channel": each.channel and each.channel.value,
            "granted": each.granted,
            "time": each.time.isoformat(),
            "source": each.source,
        }
        for each in consents
    ]


def consents_from(documents: Sequence[Document]) -> tuple[Consent, ...]:
    """Consents as kept."""
    return tuple(
        Consent(
            purpose=ConsentPurpose(each["purpose"]),
            channel=each["channel"] and Channel(each["channel"]),
            granted=each["granted"],
            time=datetime.fromisoformat(each["time"]),
            source=each["source"],
        )
        for each in documents
    )


def reference_documents(references: Sequence[SourceReference]) -> list[Document]:
    """Source references as JSON."""
    return [
        {
            "system": each.system,
            "id": each.id,
            "observe_time": each.observe_time and each.observe_time.isoformat(),
        }
        for each in references
    ]


def references_from(documents: Sequence[Document]) -> tuple[SourceReference, ...]:
    """Source references as kept."""
    return tuple(
        SourceReference(
            system=each["system"],
            id=each["id"],
            observe_time=each["observe_time"] and datetime.fromisoformat(each["observe_time"]),
        )
        for each in documents
    )
