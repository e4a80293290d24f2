"""How do a sound document's nodes become the tariff model?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from rating.allowance import MONEY, Allowance, Block, CoveredLine
from rating.bill_rules import Commitment, Discount, OneOffCharge, Tax
from rating.calendar import Calendar, parse_days
from rating.deck import Deck
from rating.money import Rounding, RoundingMethod, parse_amount
from rating.prices import AtMaximum, CycleModel, CyclePrice, Maximum, Rate, Step, Tier
from rating.schedule import DAY_SECONDS, DAYS, BandRow, Clash, Schedule, build_schedule
from rating.services import BASE_UNIT, UNIT_SIZES, Service
from rating.tariff import Proration, RecurringCharge, Tariff, Version, Zone

Node = dict[str, Any]
Calendars = dict[str, Calendar]


def tariff_of(document: Node, activations: list[datetime], decks: Mapping[str, Deck]) -> Tariff:
    """The tariff; `activations` are the versions' instants."""
    rounding = document.get("rounding", {})
    calendars = {node["id"]: calendar_of(node) for node in document.get("calendars", ())}
    return Tariff(
        id=document["id"],
        name=document["name"],
        currency=document["currency"],
        time_zone=document["time_zone"],
        versions=tuple(
            _version(node, active_from, calendars, decks)
            for node, active_from in zip(document["versions"], activations, strict=True)
        ),
        fallback=document.get("fallback"),
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


def _version(node: Node, active_from: datetime, calendars: Calendars, decks: Mapping[str, Deck]) -> Version:
    deck = decks[node["deck"]] if "deck" in node else Deck((), ())
    return Version(
        active_from=active_from,
        schedules=tuple(schedule_of(schedule, calendars)[0] for schedule in node.get("schedules", ())),
        zones=(*(_zone(zone, "prefixes") for zone in node.get("zones", ())), *deck.zones),
        roaming_zones=tuple(_zone(zone, "networks") for zone in node.get("roaming_zones", ())),
        rates=(*(_rate(rate) for rate in node.get("rates", ())), *deck.rates),
        recurring=tuple(_recurring(charge) for charge in node.get("recurring", ())),
        allowances=tuple(_allowance(allowance) for allowance in node.get("allowances", ())),
        one_offs=tuple(
            OneOffCharge(each["id"], each.get("line", "one_off"), each["name"], parse_amount(each["amount"]))
            for each in node.get("one_offs", ())
        ),
        commitment=_commitment(node["commitment"]) if "commitment" in node else None,
        discounts=tuple(_discount(discount) for discount in node.get("discounts", ())),
        taxes=tuple(_tax(tax) for tax in node.get("taxes", ())),
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
    maximum = node.get("maximum")
    return Rate(
        line=line_name(node),
        service=service,
        zone=node.get("zone"),
        band=node.get("band"),
        roaming=node.get("roaming"),
        steps=tuple(
            Step(step["after"], size(step.get("increment", 1), service), _unit_price(step, service))
            for step in steps_of(node)
        ),
        connection_fee=parse_amount(node["flat"] if "flat" in node else node.get("connection_fee", "0")),
        percentage=parse_amount(node.get("percentage", "0")),
        cycle_price=_cycle_price(node, service),
        free_records=node.get("free_records", 0),
        maximum=Maximum(parse_amount(maximum["amount"]), AtMaximum(maximum["then"])) if maximum else None,
    )


def steps_of(node: Node) -> list[Node]:
    """A rate's steps; where it has none, one from the start: at its price, or at none of its own."""
    return list(node.get("steps") or [{"after": 0, "price": "0", **node}])


def _unit_price(node: Node, service: Service) -> Fraction:
    return parse_amount(node["price"]) / size(node.get("per", 1), service)


def _cycle_price(node: Node, service: Service) -> CyclePrice | None:
    for model in (CycleModel.GRADUATED, CycleModel.VOLUME):
        if model in node:
            tiers = tuple(Tier(tier.get("up_to"), _unit_price(tier, service)) for tier in node[model])
            return CyclePrice(model, tiers)
    if "package" in node:
        package = node["package"]
        return CyclePrice(CycleModel.PACKAGE, (Tier(size(package["size"], service), parse_amount(package["price"])),))
    return None


def _allowance(node: Node) -> Allowance:
    base, scale = unit_of(node["unit"])
    block = node.get("block")
    return Allowance(
        id=node["id"],
        name=node["name"],
        unit=base,
        amount=parse_amount(node["amount"]) * scale,
        covers=tuple(CoveredLine(c["line"], parse_amount(c.get("factor", "1"))) for c in node["covers"]),
        priority=node.get("priority", 0),
        price=parse_amount(node.get("price", "0")) / scale,
        block=Block(parse_amount(block["size"]) * scale, parse_amount(block["price"]), block["at_most"])
        if block
        else None,
        rollover_cycles=node.get("rollover_cycles", 0),
        prorated=node.get("proration") == "by_day",
        shared=node.get("shared", False),
    )


def unit_of(word: str) -> tuple[str, int]:
    """The base unit that a word counts, and how many of them it means; of MONEY one."""
    found = [(base, sizes[word]) for base, sizes in UNIT_SIZES.items() if word in sizes]
    return found[0] if found else (MONEY, 1)


def size(value: int | str, service: Service) -> int:
    """So many base units of the service; KeyError for a unit of another service."""
    return value if isinstance(value, int) else UNIT_SIZES[BASE_UNIT[service]][value]


def _commitment(node: Node) -> Commitment:
    line = node.get("line", "commitment")
    return Commitment(node["name"], line, parse_amount(node["amount"]), tuple(node.get("lines", ())))


def _discount(node: Node) -> Discount:
    percent, amount = (parse_amount(node[key]) if key in node else None for key in ("percent", "amount"))
    return Discount(node["id"], node["name"], percent, amount, tuple(node.get("lines", ())))


def _tax(node: Node) -> Tax:
    percent, lines = parse_amount(node["percent"]), tuple(node.get("lines", ()))
    return Tax(node["id"], node["name"], percent, lines, node.get("included", False))


def _recurring(node: Node) -> RecurringCharge:
    return RecurringCharge(
        line=node.get("line", "recurring"),
        name=node["name"],
        amount=Fraction(parse_amount(node["amount"])),
        proration=Proration(node.get("proration", "none")),
    )
