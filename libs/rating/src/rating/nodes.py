"""How do a sound document's nodes become the tariff model?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from datetime import datetime
from fractions import Fraction
from typing import Any

from rating.calendar import Calendar, parse_days
from rating.money import Rounding, RoundingMethod, parse_amount
from rating.schedule import DAY_SECONDS, DAYS, BandRow, Clash, Schedule, build_schedule
from rating.tariff import (
    BASE_UNIT,
    UNIT_SIZES,
    Proration,
    Rate,
    RecurringCharge,
    Service,
    Step,
    Tariff,
    Version,
    Zone,
)

Node = dict[str, Any]
Calendars = dict[str, Calendar]


def tariff_of(document: Node, activations: list[datetime]) -> Tariff:
    """The tariff; `activations` are the versions' instants."""
    rounding = document.get("rounding", {})
    calendars = {node["id"]: calendar_of(node) for node in document.get("calendars", ())}
    return Tariff(
        id=document["id"],
        name=document["name"],
        currency=document["currency"],
        time_zone=document["time_zone"],
        versions=tuple(
            _version(node, active_from, calendars)
            for node, active_from in zip(document["versions"], activations, strict=True)
        ),
        home_networks=tuple(document.get("home_networks", ())),
        record_rounding=_rounding(rounding.get("record")),
        line_rounding=_rounding(rounding.get("line")),
        bill_rounding=_rounding(rounding.get("bill")),
    )


def _rounding(node: Node | None) -> Rounding | None:
    return None if node is None else Rounding(RoundingMethod(node["method"]), node["decimals"])


def calendar_of(node: Node) -> Calendar:
    """The calendar; ValueError for a day that is none."""
    return Calendar(node["id"], tuple(parse_days(days) for days in node["days"]))


def _version(node: Node, active_from: datetime, calendars: Calendars) -> Version:
    return Version(
        active_from=active_from,
        schedules=tuple(schedule_of(schedule, calendars)[0] for schedule in node.get("schedules", ())),
        zones=tuple(_zone(zone, "prefixes") for zone in node.get("zones", ())),
        roaming_zones=tuple(_zone(zone, "networks") for zone in node.get("roaming_zones", ())),
        rates=tuple(_rate(rate) for rate in node["rates"]),
        recurring=tuple(_recurring(charge) for charge in node.get("recurring", ())),
    )


def schedule_of(node: Node, calendars: Calendars) -> tuple[Schedule, list[Clash]]:
    """The schedule, and where its rows leave gaps or overlap."""
    rows = [
        BandRow(
            row["band"],
            tuple(DAYS.index(day) for day in row.get("days", DAYS)),
            _second(row["from"]) % DAY_SECONDS,
            _second(row["to"]),
            calendars[row["calendar"]] if "calendar" in row else None,
        )
        for row in node["bands"]
    ]
    return build_schedule(node["id"], rows)


def _second(time: str) -> int:
    hours, minutes, *rest = (int(part) for part in time.split(":"))
    return hours * 3600 + minutes * 60 + sum(rest)


def _zone(node: Node, prefixes: str) -> Zone:
    return Zone(
        id=node["id"],
        prefixes=tuple(prefix.removeprefix("+") for prefix in node.get(prefixes, ())),
        names=tuple(node.get("names", ())),
        default=node.get("default", False),
    )


def line_name(node: Node) -> str:
    """The bill line of a rate: the one that it names, else what it is for."""
    parts = (node["service"], node.get("zone"), node.get("band"), node.get("roaming"))
    return str(node.get("line") or ".".join(part for part in parts if part))


def _rate(node: Node) -> Rate:
    service = Service(node["service"])
    return Rate(
        line=line_name(node),
        service=service,
        zone=node.get("zone"),
        band=node.get("band"),
        roaming=node.get("roaming"),
        steps=tuple(
            Step(
                after=step["after"],
                increment=size(step.get("increment", 1), service),
                price=parse_amount(step["price"]) / size(step.get("per", 1), service),
            )
            for step in steps_of(node)
        ),
        connection_fee=parse_amount(node.get("connection_fee", "0")),
    )


def steps_of(node: Node) -> list[Node]:
    """A rate's steps; a plain price is one step from the start."""
    return list(node.get("steps") or [{"after": 0, **node}])


def size(value: int | str, service: Service) -> int:
    """So many base units of the service; KeyError for a unit of another service."""
    return value if isinstance(value, int) else UNIT_SIZES[BASE_UNIT[service]][value]


def _recurring(node: Node) -> RecurringCharge:
    return RecurringCharge(
        line=node.get("line", "recurring"),
        name=node["name"],
        amount=Fraction(parse_amount(node["amount"])),
        proration=Proration(node.get("proration", "none")),
    )
