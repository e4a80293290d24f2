"""What was done in a settlement, in which order, so that none of it can be changed unseen?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from apportioning.evidence.canonical import Json, canonical

BEGINNING = bytes(32)
"""What stands for the digest before the first entry."""


class Action(StrEnum):
    """What can be done."""

    STATEMENT_ISSUED = "STATEMENT_ISSUED"
    CONTEST_OPENED = "CONTEST_OPENED"
    CONTEST_ANSWERED = "CONTEST_ANSWERED"
    CONTEST_RESOLVED = "CONTEST_RESOLVED"
    CONTEST_WITHDRAWN = "CONTEST_WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done."""

    partner: str
    subject: str
    """The statement or the contest."""
    action: Action
    actor: str
    """`services/{service}` or `partners/{partner}`, by certificate."""
    detail: Mapping[str, Json]
    time: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A step in its place."""

    number: int
    """From 1, for each partner."""
    step: Step
    previous_digest: bytes
    digest: bytes


def entered(step: Step, number: int, previous_digest: bytes) -> AuditEntry:
    """The step, bound to all that came before it."""
    return AuditEntry(number, step, previous_digest, _digest(step, number, previous_digest))


def is_unbroken(before: AuditEntry | None, entry: AuditEntry) -> bool:
    """Whether the entry follows the one before and is as it was entered."""
    number = before.number + 1 if before else 1
    previous = before.digest if before else BEGINNING
    same = (entry.number, entry.previous_digest) == (number, previous)
    return same and entry.digest == _digest(entry.step, number, previous)


def _digest(step: Step, number: int, previous: bytes) -> bytes:
    content: Json = {
        "previous": previous.hex(),
        "partner": step.partner,
        "number": number,
        "subject": step.subject,
        "action": step.action.value,
        "actor": step.actor,
        "time": step.time.isoformat(timespec="microseconds"),
        "detail": step.detail,
    }
    return hashlib.sha256(canonical(content)).digest()
