"""What was a customer in touch about, and which touch-points cannot be?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from customer_profile.domain.customers import Channel
from customer_profile.domain.text import check_code


class Valence(StrEnum):
    """Whether an interaction adds to or takes from the customer's satisfaction."""

    POSITIVE = "positive"
    """Wanted by the customer: worth making easy and automatic."""
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    """Forced on the customer by something that went wrong: worth removing."""


RECENT = timedelta(days=90)
"""How far back negative touch-points count in the customer's view: a quarter, the rhythm of satisfaction surveys."""


@dataclass(frozen=True, slots=True)
class TouchPoint:
    """One interaction with a customer, on any channel."""

    customer_id: str
    touch_point_id: str
    channel: Channel
    reason: str
    outcome: str
    start_time: datetime
    time_spent: timedelta | None
    first_contact_resolution: bool | None
    """None while unknown."""
    valence: Valence

    @property
    def name(self) -> str:
        """The resource name."""
        return f"customers/{self.customer_id}/touchPoints/{self.touch_point_id}"


def check_touch_point(point: TouchPoint) -> None:
    """Raise InvalidValue for what cannot be. Reason and outcome travel in events, so they are codes, not prose."""
    check_code("reason", point.reason)
    check_code("outcome", point.outcome)
