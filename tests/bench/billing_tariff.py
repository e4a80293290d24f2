"""By which tariff are the bills of the benchmark made?"""

from __future__ import annotations

import json
from typing import Final

PLAN: Final = "bench-bills"
_BANDS: Final = (("day", "08:00", "18:00"), ("evening", "18:00", "22:00"), ("night", "22:00", "08:00"))
_ZONES: Final = {"home": "43", "near": "49", "far": "1"}
_PRICES: Final = {"home": "0.04", "near": "0.09", "far": "0.29"}


def document() -> str:
    """Calls by destination and time of day, data, messages; a monthly fee, a discount on data, and value-added tax."""
    rates: list[dict[str, object]] = [
        {
            "service": "voice",
            "zone": zone,
            "band": band,
            "line": f"voice.{zone}.{band}",
            "price": price,
            "per": "minute",
        }
        for zone, price in _PRICES.items()
        for band, *_ in _BANDS
    ]
    rates += [
        {"service": "data", "line": "data", "price": "0.02", "per": "megabyte", "increment": "kilobyte"},
        {"service": "sms", "line": "sms", "price": "0.05", "per": 1},
    ]
    version = {
        "from": "2020-01-01",
        "schedules": [
            {"id": "hours", "bands": [{"band": band, "from": low, "to": high} for band, low, high in _BANDS]}
        ],
        "zones": [{"id": zone, "prefixes": [prefix]} for zone, prefix in _ZONES.items()],
        "rates": rates,
        "recurring": [{"line": "monthly", "name": "Monthly fee", "amount": "14.90", "proration": "by_day"}],
        "discounts": [{"id": "loyal", "name": "Loyalty", "percent": "10", "lines": ["data"]}],
        "taxes": [{"id": "vat", "name": "VAT", "percent": "20"}],
    }
    head = {"format": "cxmesh-tariff/1", "id": PLAN, "name": PLAN, "currency": "EUR", "time_zone": "Europe/Vienna"}
    rounding = {"line": {"method": "half_up", "decimals": 2}}
    return json.dumps({**head, "rounding": rounding, "versions": [version]})
