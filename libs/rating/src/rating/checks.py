"""What is wrong with a tariff version beyond the schema: gaps, overlaps, unknown names, steps that don't fit?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from rating.allowance_checks import check_allowances
from rating.bill_checks import BILL_RULES, check_bill_rules
from rating.calendar import parse_days
from rating.deck import Deck
from rating.deck_checks import check_deck, deck_of
from rating.nodes import Calendars, Node, calendar_of, line_name, schedule_of, size, steps_of
from rating.schedule import special_clashes
from rating.services import BASE_UNIT, UNIT_SIZES, Service
from rating.source import Path, Source
from rating.zones import is_number

_MOST_NAMED = 20
"""Zones that a message names: a deck may have thousands."""


def check_calendars(source: Source, document: Node) -> Calendars:
    """Note the problems of the calendars; those that are sound."""
    if not source.is_valid("calendars"):
        return {}
    nodes = document.get("calendars", [])
    _check_unique(source, ((("calendars", i, "id"), node["id"]) for i, node in enumerate(nodes)))
    found: Calendars = {}
    for index, node in enumerate(nodes):
        for position, days in enumerate(node["days"]):
            try:
                parse_days(days)
            except ValueError as error:
                source.refuse(("calendars", index, "days", position), days, f"a day or stretch of days ({error})")
        if source.is_sound("calendars", index):
            found[node["id"]] = calendar_of(node)
    return found


def check_version(source: Source, number: int, calendars: Calendars, decks: Mapping[str, Deck]) -> None:
    """Note the problems of one version; sections that broke the schema are left out."""
    version = source.value["versions"][number]
    if not isinstance(version, dict):
        return
    path: Path = ("versions", number)
    deck = deck_of(source, path, version, decks)
    sections: dict[str, list[Node]] = {}
    for section in ("schedules", "zones", "roaming_zones", "rates"):
        sections[section] = version.get(section, []) if source.is_valid(*path, section) else []
    _check_schedules(source, (*path, "schedules"), sections["schedules"], calendars)
    _check_zones(source, (*path, "zones"), sections["zones"], "prefixes")
    _check_zones(source, (*path, "roaming_zones"), sections["roaming_zones"], "networks")
    _check_names(source, (*path, "zones"), sections["zones"])
    for index, rate in enumerate(sections["rates"]):
        _check_rate(source, (*path, "rates", index), rate, version, deck)
    names = ("schedules", "zones", "roaming_zones", "rates")
    if all(source.is_valid(*path, name) and source.is_sound(*path, name) for name in names):
        _check_groups(source, (*path, "rates"), version, calendars)
        _check_lines(source, (*path, "rates"), version.get("rates", []))
        check_deck(source, path, version, deck, calendars)
    if source.is_valid(*path, "rates") and source.is_valid(*path, "allowances"):
        check_allowances(source, (*path, "allowances"), version, deck)
    if all(source.is_valid(*path, name) for name in ("rates", "recurring", *BILL_RULES)):
        check_bill_rules(source, path, version, deck)


def _check_unique(source: Source, entries: Iterable[tuple[Path, str]]) -> None:
    seen: dict[str, Path] = {}
    for path, value in entries:
        if value in seen:
            source.refuse(path, value, f"something else than on line {source.line(seen[value])}, for it stands there")
        seen.setdefault(value, path)


def _check_schedules(source: Source, path: Path, schedules: list[Node], calendars: Calendars) -> None:
    _check_unique(source, (((*path, i, "id"), schedule["id"]) for i, schedule in enumerate(schedules)))
    owners: dict[str, str] = {}
    for index, node in enumerate(schedules):
        rows: Path = (*path, index, "bands")
        for row, band in enumerate(node["bands"]):
            if "calendar" in band and band["calendar"] not in calendars:
                source.refuse((*rows, row, "calendar"), band["calendar"], "the id of a sound calendar")
        if not source.is_sound(*rows):
            continue
        schedule, clashes = schedule_of(node, calendars)
        for clash in clashes:
            where = (*rows, clash.rows[-1]) if clash.rows else rows
            source.refuse(where, str(clash), "every moment of the week in exactly one row")
        for special in special_clashes(schedule):
            source.refuse(rows, special, "every moment of a calendar's day in at most one row")
        for row, band in enumerate(node["bands"]):
            if band["from"] == "24:00":
                source.refuse((*rows, row, "from"), "24:00", "a start before 24:00")
            if owners.setdefault(band["band"], schedule.id) != schedule.id:
                source.refuse((*rows, row, "band"), band["band"], "a band name that no other schedule uses")


def _check_zones(source: Source, path: Path, zones: list[Node], prefixes: str) -> None:
    _check_unique(source, (((*path, i, "id"), zone["id"]) for i, zone in enumerate(zones)))
    _check_unique(source, _values(path, zones, prefixes))
    defaults = [i for i, zone in enumerate(zones) if zone.get("default")]
    for index in defaults[1:]:
        source.refuse((*path, index, "default"), True, f"one default zone, and {zones[defaults[0]]['id']} is it")


def _values(path: Path, zones: list[Node], key: str) -> Iterator[tuple[Path, str]]:
    for index, zone in enumerate(zones):
        for position, value in enumerate(zone.get(key, ())):
            yield (*path, index, key, position), value.removeprefix("+")


def _check_names(source: Source, path: Path, zones: list[Node]) -> None:
    _check_unique(source, _values(path, zones, "names"))
    for where, name in _values(path, zones, "names"):
        if is_number(name):
            source.refuse(where, name, "a name with a letter in its first 16 characters; numbers are prefixes")


def _check_rate(source: Source, path: Path, rate: Node, version: dict[str, Any], deck: Deck) -> None:
    for key, section in (("zone", "zones"), ("roaming", "roaming_zones")):
        if key not in rate or not _readable(source, path, section):
            continue
        known = [zone["id"] for zone in version.get(section, ())]
        known += [zone.id for zone in deck.zones] if key == "zone" else []
        if rate[key] not in known:
            expected = f"one of the {section}: {', '.join(known[:_MOST_NAMED]) or 'there is none'}"
            source.refuse((*path, key), rate[key], expected)
    if "band" in rate and _readable(source, path, "schedules"):
        bands = list(dict.fromkeys(row["band"] for s in version.get("schedules", ()) for row in s["bands"]))
        if rate["band"] not in bands:
            source.refuse((*path, "band"), rate["band"], f"one of the bands: {', '.join(bands) or 'there is none'}")
    _check_steps(source, path, rate)


def _readable(source: Source, rate: Path, section: str) -> bool:
    """Whether a section has the shape that the schema wants, whatever else is wrong with it."""
    return source.is_valid(*rate[:2], section)


def _check_steps(source: Source, path: Path, rate: Node) -> None:
    service = Service(rate["service"])
    if "steps" in rate:
        priced = [((*path, "steps", index), step) for index, step in enumerate(rate["steps"])]
    else:
        tiers = [(key, index, tier) for key in ("graduated", "volume") for index, tier in enumerate(rate.get(key, ()))]
        priced = [((*path, key, index), tier) for key, index, tier in tiers]
        _check_unit(source, path, rate, "increment", service)
        if "package" in rate:
            _check_unit(source, (*path, "package"), rate["package"], "size", service)
        if "price" in rate:
            priced.append((path, rate))
        _check_tiers(source, tiers, path)
    for at, node in priced:
        _check_unit(source, at, node, "per", service)
        _check_unit(source, at, node, "increment", service)
        units = UNIT_SIZES[BASE_UNIT[service]]
        if "per" not in node and len(units) > 1:
            source.refuse(at, "a price without per", f"per: what the price is for ({', '.join(units)})")
    _check_keys(source, path, rate)
    if "steps" in rate and source.is_sound(*path):
        _check_step_order(source, (*path, "steps"), steps_of(rate), service)


def _check_unit(source: Source, path: Path, node: Node, key: str, service: Service) -> None:
    units = UNIT_SIZES[BASE_UNIT[service]]
    if isinstance(node.get(key), str) and node[key] not in units:
        source.refuse((*path, key), node[key], f"a unit of {service}: {', '.join(units)}")


def _check_keys(source: Source, path: Path, rate: Node) -> None:
    """Keys that don't go together."""
    for key in ("per", "increment"):
        if key in rate and "steps" in rate:
            source.refuse((*path, key), rate[key], f"{key} within each step", at_key=True)
        elif key == "per" and key in rate and "price" not in rate:
            source.refuse((*path, key), rate[key], "per beside a price", at_key=True)
    if "flat" in rate and "connection_fee" in rate:
        source.refuse((*path, "connection_fee"), rate["connection_fee"], "flat alone, which is one fee a record")
    if any(key in rate for key in ("graduated", "volume", "package")):
        maximum = rate.get("maximum", {})
        if maximum.get("then") == "cut_off":
            source.refuse((*path, "maximum", "then"), "cut_off", "free, where the cycle's total decides the price")


def _check_tiers(source: Source, tiers: list[tuple[str, int, Node]], path: Path) -> None:
    for position, (key, index, tier) in enumerate(tiers):
        last = position + 1 == len(tiers)
        if last and "up_to" in tier:
            source.refuse((*path, key, index, "up_to"), tier["up_to"], "no up_to in the last tier, which has no end")
        if not last and "up_to" not in tier:
            source.refuse((*path, key, index), "a tier without up_to", "up_to: the last base unit of the tier")
        before = tiers[position - 1][2].get("up_to", 0) if position else 0
        if tier.get("up_to", before + 1) <= before:
            source.refuse((*path, key, index, "up_to"), tier["up_to"], f"more than {before}")


def _check_step_order(source: Source, path: Path, steps: list[Node], service: Service) -> None:
    if steps[0]["after"] != 0:
        source.refuse((*path, 0, "after"), steps[0]["after"], "0, for the first step starts with the record")
    for index, (step, following) in enumerate(pairwise(steps)):
        length = following["after"] - step["after"]
        increment = size(step.get("increment", 1), service)
        if length <= 0:
            source.refuse((*path, index + 1, "after"), following["after"], f"more than {step['after']}")
        elif length % increment:
            expected = f"{step['after']} plus a multiple of the increment of {increment} before it"
            source.refuse((*path, index + 1, "after"), following["after"], expected)


def _check_groups(source: Source, path: Path, version: dict[str, Any], calendars: Calendars) -> None:
    """Rates for the same service, zone and roaming zone: one for any time, or one for each band of one schedule."""
    groups: dict[tuple[str, str | None, str | None], dict[str | None, int]] = {}
    for index, rate in enumerate(version.get("rates", ())):
        group = groups.setdefault((rate["service"], rate.get("zone"), rate.get("roaming")), {})
        if rate.get("band") in group:
            line = source.line((*path, group[rate.get("band")]))
            source.refuse((*path, index), line_name(rate), f"a price that is not set already on line {line}")
        group.setdefault(rate.get("band"), index)
    schedules = [schedule_of(schedule, calendars)[0].bands for schedule in version.get("schedules", ())]
    for group in groups.values():
        first = next(iter(group.values()))
        if None in group and len(group) > 1:
            source.refuse((*path, group[None]), "a rate for any time", "a band, for other rates of this kind name one")
        elif None not in group:
            bands = next(bands for bands in schedules if next(iter(group)) in bands)
            missing = [band for band in bands if band not in group]
            foreign = [band for band in group if band not in bands]
            if missing or foreign:
                expected = f"one rate for each band of one schedule: {', '.join(bands)}"
                wrong = f"without {', '.join(missing)}" if missing else f"with {', '.join(map(str, foreign))}"
                source.refuse((*path, first), f"rates {wrong}", expected)


def _check_lines(source: Source, path: Path, rates: list[Node]) -> None:
    units: dict[str, str] = {}
    for index, rate in enumerate(rates):
        unit = BASE_UNIT[Service(rate["service"])]
        if units.setdefault(line_name(rate), unit) != unit:
            source.refuse(
                (*path, index), line_name(rate), f"a line of its own: this one counts {units[line_name(rate)]}s"
            )
