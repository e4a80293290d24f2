"""What is a plan, and which change of its tariff is none of the past?"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest

from offer_decision.errors import InvalidTariff, TariffVersionInForce
from rating import DocumentError, Tariff, load_tariff


class PlanState(StrEnum):
    """Whether a plan is sold."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with its whole tariff."""

    plan_id: str
    display_name: str
    description: str
    state: PlanState
    tariff_document: str
    tariff_digest: str
    """SHA-256 of the document, hexadecimal."""
    currency: str
    create_time: datetime
    update_time: datetime
    revision: int
    """Counts the writes."""

    @property
    def etag(self) -> str:
        """Changes with every write."""
        return f"r{self.revision}"


def read_tariff(plan_id: str, document: str) -> tuple[Tariff, str]:
    """The tariff that a document describes, and the document's digest. Raises InvalidTariff with every fault."""
    try:
        tariff = load_tariff(document)
    except DocumentError as error:
        raise InvalidTariff(plan_id, [str(problem) for problem in error.problems]) from error
    return tariff, hashlib.sha256(document.encode()).hexdigest()


def check_past_unchanged(plan_id: str, before: Tariff, after: Tariff, now: datetime) -> None:
    """Raise TariffVersionInForce unless every version that has come into force is in the new tariff, unchanged.

    What holds for all versions, such as currency and rounding, can't change once one is in force; the name can.
    """
    past = [version for version in before.versions if version.active_from <= now]
    if not past:
        return
    if replace(after, versions=(), name=before.name) != replace(before, versions=()):
        raise TariffVersionInForce(plan_id, past[0].active_from)
    kept = [version for version in after.versions if version.active_from <= now]
    for version, same in zip_longest(past, kept):
        if version != same:
            raise TariffVersionInForce(plan_id, (version or same).active_from)
