"""How does an occasion to tell a customer something become a message?"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from notification.domain.contacts import Contact
from notification.domain.messages import LIFETIME, Message, MessageState, dispatched
from notification.domain.placeholders import fill, parse
from notification.domain.routes import Purpose
from notification.domain.templates import LocalizedText, Template, text_for
from notification.errors import InvalidValue

_PATH = re.compile(r"/(?![/\\])[!-~]*")
_LONGEST_PATH = 500
_UNNAMED = {"de": "liebe Kundin, lieber Kunde", "es": "cliente"}
_UNNAMED_ELSEWHERE = "customer"
"""Stands for the name of a customer who gave none."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a customer is to be told, and why."""

    customer_id: str
    message_id: str
    decision: str
    trigger: str
    """What set off the decision, such as `signals/{signal}`; empty without a decision."""
    template_id: str
    purpose: Purpose
    parameters: Mapping[str, str]
    action_path: str
    expire_time: datetime | None
    event_time: datetime | None
    decision_time: datetime | None


def check_occasion(occasion: Occasion) -> None:
    """Raise InvalidValue for what cannot be told."""
    path = occasion.action_path
    if path and (not _PATH.fullmatch(path) or len(path) > _LONGEST_PATH):
        # Anything else could lead the customer to somebody else's site.
        raise InvalidValue("action_path", "a path on the provider's site, such as /plans", value=path[:100])
    for name, value in occasion.parameters.items():
        if any(unicodedata.category(each) == "Cc" and each not in "\n\t" for each in value):
            raise InvalidValue(f'parameters["{name}"]', "text without control characters")


def compose(occasion: Occasion, template: Template, contact: Contact, site_url: str, now: datetime) -> Message:
    """The message, and where it goes first. Raises MissingParameter, InvalidTemplate."""
    text = text_for(template, contact.language_code)
    values = {
        **occasion.parameters,
        "customer_name": contact.display_name or _unnamed(text),
        "action_url": site_url.rstrip("/") + occasion.action_path,
    }
    message = Message(
        customer_id=occasion.customer_id,
        message_id=occasion.message_id,
        decision=occasion.decision,
        trigger=occasion.trigger,
        template=template.name,
        purpose=occasion.purpose,
        language_code=text.language_code,
        subject=" ".join(fill(parse(text.subject, "subject"), values, template.name).split()),
        body=fill(parse(text.body, "body"), values, template.name),
        action_path=occasion.action_path,
        state=MessageState.QUEUED,
        legs=(),
        routed_time=now,
        attempts=(),
        create_time=now,
        next_attempt_time=None,
        expire_time=occasion.expire_time or now + LIFETIME,
        read_time=None,
        event_time=occasion.event_time,
        decision_time=occasion.decision_time,
    )
    return dispatched(message, contact, now)


def _unnamed(text: LocalizedText) -> str:
    return _UNNAMED.get(text.language_code.partition("-")[0].lower(), _UNNAMED_ELSEWHERE)
