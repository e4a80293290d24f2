"""Whose error budget burns, who answers for it, whom does it hit and what shows it?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from apportioning.party import Party, PartyKind, Share, shares_of
from value_network_sla.domain.policing.burn import AlertCause, AlertState

_MOST: Final = 60
_STRANGE: Final = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a budget burns."""

    shares: Sequence[Share] = ()
    """Who answers for the lateness of the sessions that show it."""
    customer_count: int = 0
    customers: Sequence[str] = ()
    """Some of them, the latest first."""
    traces: Sequence[str] = ()
    """Some trace ids in hexadecimal digits, the latest first."""
    measurements: Sequence[str] = ()
    """Some `{source}/{measurement}`, the latest first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One burning of one budget."""

    name: str
    """`alerts/{objective}.{condition}.{when it began, in Unix seconds}`."""
    objective: str
    revision: int
    partner: str
    service: str
    condition: str
    severity: str
    state: AlertState
    cause: AlertCause
    long_burn: Fraction | None
    short_burn: Fraction | None
    proof: Proof
    start_time: datetime
    update_time: datetime
    fire_time: datetime | None = None
    resolve_time: datetime | None = None


def alert_name(objective: str, condition: str, start: datetime) -> str:
    """A name that no other alert has: a condition of an objective has one alert at a time."""
    bare = _STRANGE.sub("-", condition.lower()).strip("-")[:_MOST] or "condition"
    return f"alerts/{objective.removeprefix('objectives/')}.{bare}.{int(start.timestamp())}"


def proven_shares(partner: str, lateness: Sequence[tuple[Party, int]]) -> Sequence[Share]:
    """Shares by lateness; when nothing was late, the partner that promised answers."""
    total: dict[Party, int] = {}
    for party, part in lateness:
        total[party] = total.get(party, 0) + part
    return shares_of(total if any(total.values()) else {Party(PartyKind.PARTNER, partner): 1})
