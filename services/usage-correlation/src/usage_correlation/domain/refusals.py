"""Why is one record of a batch refused?"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why; the names are those of cxmesh.usage.v1.ErrorReason without their prefix."""

    SUBSCRIPTION_NOT_FOUND = "SUBSCRIPTION_NOT_FOUND"
    INVALID_RECORD = "INVALID_RECORD"
    RECORD_CONFLICT = "RECORD_CONFLICT"
    RECORD_IN_FUTURE = "RECORD_IN_FUTURE"
    RECORD_BEFORE_ACTIVATION = "RECORD_BEFORE_ACTIVATION"
    NOT_RATEABLE = "NOT_RATEABLE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record's outcome; it tells the value and what was expected, but no personal data."""

    reason: Reason
    field: str
    """Path in UsageRecord."""
    description: str


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of the records of a batch."""

    accepted: int
    """Stored by this call."""
    duplicates: int
    """Stored before with the same content."""
    refusals: dict[int, Refusal]
    """By position in the request."""
