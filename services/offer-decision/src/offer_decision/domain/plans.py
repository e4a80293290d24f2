"""What is a plan, and which change of its tariff is none of the past?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rating import DocumentError, Tariff, load_tariff

from offer_decision.errors import InvalidTariff, TariffVersionInForce


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

    What holds for all versions (currency, time zone, rounding, home networks) can't change once one is in force.
    """
    past = [version for version in before.versions if version.active_from <= now]
    kept = [version for version in after.versions if version.active_from <= now]
    if not past:
        return
    common = ("currency", "time_zone", "record_rounding", "line_rounding", "bill_rounding", "home_networks")
    if any(getattr(before, name) != getattr(after, name) for name in common):
        raise TariffVersionInForce(plan_id, past[0].active_from.isoformat())
    for number, version in enumerate(past):
        if number >= len(kept) or kept[number] != version:
            raise TariffVersionInForce(plan_id, version.active_from.isoformat())
    if len(kept) > len(past):
        raise TariffVersionInForce(plan_id, kept[len(past)].active_from.isoformat())
