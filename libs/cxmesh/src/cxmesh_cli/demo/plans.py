"""Which plans does the demo's catalogue hold: the file's own tariff, and three that suit some subscribers better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import yaml

BANDS: Final = [
    {"band": "day", "from": "08:00", "to": "17:00"},
    {"band": "evening", "from": "17:00", "to": "22:00"},
    {"band": "night", "from": "22:00", "to": "24:00"},
    {"band": "night", "from": "00:00", "to": "08:00"},
]
"""The same on every day of the week."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan of the demo; prices are US dollars a minute."""

    id: str
    display_name: str
    description: str
    day: str
    evening: str
    night: str
    international: str
    monthly: str | None = None

    @property
    def name(self) -> str:
        """Resource name."""
        return f"plans/{self.id}"

    def tariff_document(self) -> str:
        """The tariff as YAML: each line is its cycle's total times a rate, rounded half up to cents."""
        version: dict[str, object] = {
            "from": "2020-01-01",
            "schedules": [{"id": "clock", "bands": BANDS}],
            "zones": [{"id": "domestic", "prefixes": ["1"]}, {"id": "international", "default": True}],
            "rates": [
                *(
                    {
                        "line": f"voice.{band}",
                        "service": "voice",
                        "zone": "domestic",
                        "band": band,
                        "price": price,
                        "per": "minute",
                    }
                    for band, price in (("day", self.day), ("evening", self.evening), ("night", self.night))
                ),
                {
                    "line": "voice.international",
                    "service": "voice",
                    "zone": "international",
                    "price": self.international,
                    "per": "minute",
                },
            ],
        }
        if self.monthly is not None:
            version["recurring"] = [{"line": "monthly", "name": "Monthly charge", "amount": self.monthly}]
        document = {
            "format": "cxmesh-tariff/1",
            "id": self.id,
            "name": self.display_name,
            "currency": "USD",
            "time_zone": "America/New_York",
            "rounding": {"line": {"method": "half_up", "decimals": 2}},
            "versions": [version],
        }
        return yaml.safe_dump(document, sort_keys=False)


def _standard(suffix: str, words: str) -> DemoPlan:
    return DemoPlan(
        id=f"standard{suffix}",
        display_name=f"Standard{words}",
        description="Pay for what you use, with no monthly charge.",
        day="0.17",
        evening="0.085",
        night="0.045",
        international="0.27",
    )


PLANS: Final = (
    _standard("", ""),
    _standard("-world", " with World option"),
    _standard("-voicemail", " with Voice Mail"),
    _standard("-world-voicemail", " with World option and Voice Mail"),
    DemoPlan("day-saver", "Day Saver", "For those who talk by day.", "0.10", "0.085", "0.045", "0.27", "9.99"),
    DemoPlan("world-saver", "World Saver", "For those who call abroad.", "0.17", "0.085", "0.045", "0.09", "2.49"),
    DemoPlan("flat-talk", "Flat Talk", "All calls at home for one price.", "0", "0", "0", "0.27", "52.99"),
)
