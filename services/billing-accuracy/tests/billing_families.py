"""A tariff with an allowance that a family shares, and those who hold it."""

import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import yaml
from billing_samples import START, Account, Call, tariff_document

from billing_accuracy.domain.usage import BillCase
from billing_accuracy.handlers.demands import with_tariffs
from billing_accuracy.handlers.groups import Groups
from rating import Tariff, load_tariff

ZONE = ZoneInfo("America/New_York")
_BY_DAY = {"unit": "minute", "covers": [{"line": "voice.day"}]}


def sharing(
    name: str = "sharing", *, minutes: int = 100, own: int = 0, rollover_cycles: int = 0, **more: object
) -> str:
    """So many minutes by day for all together, and for each alone; `more` of the shared ones."""
    document = yaml.safe_load(tariff_document(name))
    rolls = {"rollover_cycles": rollover_cycles} if rollover_cycles else {}
    shared = {
        "id": "minutes",
        "name": "Family minutes",
        "amount": str(minutes),
        "shared": True,
        **_BY_DAY,
        **rolls,
        **more,
    }
    mine = {"id": "own", "name": "Own minutes", "amount": str(own), **_BY_DAY, **rolls}
    document["versions"][0]["allowances"] = [shared, *([mine] if own else [])]
    return json.dumps(document)


def sharing_tariff(**fields: object) -> Tariff:
    """The same, read."""
    return load_tariff(sharing(**fields))  # type: ignore[arg-type]  # whatever `sharing` takes


def on(day: int, minutes: int, hour: int = 12, month: int = 2) -> Call:
    """On a day of February, or of a month before."""
    year = 2026 if month < 6 else 2025
    return Call(datetime(year, month, day, hour, tzinfo=ZONE) - START, minutes * 60)


def grouped(cases: Sequence[BillCase], members: Sequence[Account], tariffs: dict[str, Tariff]) -> list[BillCase]:
    """The cases with those who share allowances with them, as the profile tells of them."""
    households: dict[str, list] = {}
    for one in members:
        households.setdefault(one.subscription.customer, []).append(one.subscription)
    groups = Groups(tariffs, households)
    return [groups.joined(with_tariffs(case, tariffs)) for case in cases]
