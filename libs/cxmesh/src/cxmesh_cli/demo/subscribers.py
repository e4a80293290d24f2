"""Who the demo's subscribers are, and what the source file says that they used and paid.

The file is `mlc_churn` of the R package modeldata (MIT, notice beside it): 5,000 subscribers, with minutes to a tenth,
calls and charges by day, evening, night and international.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from importlib import resources
from itertools import islice
from typing import Final

SECONDS_PER_MINUTE: Final = 60

STATE_TIME_ZONES: Final = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
}
"""The zone in which most of each state lives."""

_ZONE_OF_STATE: Final = {state: zone for zone, states in STATE_TIME_ZONES.items() for state in states.split()}


class Band(Enum):
    """The four kinds of usage in the file; the value is the charge code of the demo's tariffs."""

    DAY = "voice.day"
    EVENING = "voice.evening"
    NIGHT = "voice.night"
    INTERNATIONAL = "voice.international"


_COLUMN: Final = {Band.DAY: "day", Band.EVENING: "eve", Band.NIGHT: "night", Band.INTERNATIONAL: "intl"}


@dataclass(frozen=True, slots=True)
class BandUsage:
    """What one subscriber used and paid in one band."""

    calls: int
    seconds: int
    """Exact: the file gives tenths of a minute."""
    charge: Decimal
    """In US dollars, as the file has it."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One row of the file."""

    number: int
    """Row in the file, from 1."""
    state: str
    area_code: str
    international_plan: bool
    voice_mail_plan: bool
    usage: dict[Band, BandUsage]
    care_calls: int
    churned: bool

    @property
    def customer(self) -> str:
        """Resource name of the customer."""
        return f"customers/c-{self.number:05d}"

    @property
    def subscription(self) -> str:
        """Resource name of the subscription."""
        return f"subscriptions/s-{self.number:05d}"

    @property
    def time_zone(self) -> str:
        """IANA zone of the subscriber's state."""
        return _ZONE_OF_STATE[self.state]

    @property
    def plan(self) -> str:
        """Resource name of the plan; the file's two options have the same rates."""
        options = ("-world" if self.international_plan else "") + ("-voicemail" if self.voice_mail_plan else "")
        return f"plans/standard{options}"

    @property
    def total_charge(self) -> Decimal:
        """Sum of the four charges."""
        return sum((usage.charge for usage in self.usage.values()), Decimal())


def read_subscribers(limit: int | None = None) -> list[Subscriber]:
    """The first `limit` subscribers of the file, or all."""
    with (resources.files(__package__) / "data" / "mlc_churn.csv").open(encoding="utf-8") as file:
        return [_subscriber(number, row) for number, row in enumerate(islice(csv.DictReader(file), limit), start=1)]


def _subscriber(number: int, row: dict[str, str]) -> Subscriber:
    return Subscriber(
        number=number,
        state=row["state"],
        area_code=row["area_code"].removeprefix("area_code_"),
        international_plan=row["international_plan"] == "yes",
        voice_mail_plan=row["voice_mail_plan"] == "yes",
        usage={band: _band_usage(column, row) for band, column in _COLUMN.items()},
        care_calls=int(row["number_customer_service_calls"]),
        churned=row["churn"] == "yes",
    )


def _band_usage(column: str, row: dict[str, str]) -> BandUsage:
    seconds = Decimal(row[f"total_{column}_minutes"]) * SECONDS_PER_MINUTE
    if seconds != int(seconds):
        raise ValueError(f"total_{column}_minutes: {row[f'total_{column}_minutes']}: expected a multiple of a second")
    return BandUsage(
        calls=int(row[f"total_{column}_calls"]),
        seconds=int(seconds),
        charge=Decimal(row[f"total_{column}_charge"]),
    )
