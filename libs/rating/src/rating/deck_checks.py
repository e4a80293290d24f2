"""Does a rate deck fit the tariff version that names it?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from collections.abc import Mapping
from typing import Any

from rating.deck import Deck
from rating.nodes import Calendars, line_name, schedule_of
from rating.services import BASE_UNIT, Service
from rating.source import Path, Source

_GroupKey = tuple[str, str | None, str | None]


def deck_of(source: Source, path: Path, version: dict[str, Any], decks: Mapping[str, Deck]) -> Deck:
    """The deck that a version names; an empty one when it names none or one that doesn't exist, which is noted."""
    name = version.get("deck")
    if isinstance(name, str) and source.is_valid(*path, "deck") and name not in decks:
        source.refuse((*path, "deck"), name, f"one of the decks given: {', '.join(decks) or 'there is none'}")
    return decks.get(name, Deck((), ())) if isinstance(name, str) else Deck((), ())


def check_deck(source: Source, path: Path, version: dict[str, Any], deck: Deck, calendars: Calendars) -> None:
    """Note zones, prefixes and prices that both have, bands and roaming zones that the version doesn't have."""
    at: Path = (*path, "deck")
    own = version.get("zones", ())
    ids = {zone.id for zone in deck.zones}
    prefixes = {prefix: zone.id for zone in deck.zones for prefix in zone.prefixes}
    for index, zone in enumerate(own):
        if zone["id"] in ids:
            source.refuse((*path, "zones", index, "id"), zone["id"], "an id that the deck doesn't use")
        for position, prefix in enumerate(zone.get("prefixes", ())):
            if prefix.removeprefix("+") in prefixes:
                where = (*path, "zones", index, "prefixes", position)
                source.refuse(where, prefix, f"a prefix that isn't in the deck's {prefixes[prefix.removeprefix('+')]}")
    groups: dict[_GroupKey, set[str | None]] = {}
    for rate in deck.rates:
        groups.setdefault((rate.service, rate.zone, rate.roaming), set()).add(rate.band)
    _check_groups(source, at, version, groups, calendars)
    for index, node in enumerate(version.get("rates", ())):
        if (node["service"], node.get("zone"), node.get("roaming")) in groups:
            source.refuse((*path, "rates", index), line_name(node), "a price that the deck doesn't set")
    _check_units(source, at, version, deck)


def _check_groups(
    source: Source, at: Path, version: dict[str, Any], groups: dict[_GroupKey, set[str | None]], calendars: Calendars
) -> None:
    schedules = [set(schedule_of(schedule, calendars)[0].bands) for schedule in version.get("schedules", ())]
    roaming_zones = {zone["id"] for zone in version.get("roaming_zones", ())}
    wrong = [
        f"{zone} ({service}): bands {', '.join(sorted(str(band) for band in bands))}"
        for (service, zone, _), bands in groups.items()
        if bands != {None} and bands not in schedules
    ]
    if wrong:
        source.refuse(at, wrong[0], f"no band, or every band of one schedule; {len(wrong)} zones don't have them")
    unknown = sorted({roaming for _, _, roaming in groups if roaming and roaming not in roaming_zones})
    if unknown:
        source.refuse(at, ", ".join(unknown), f"roaming zones of the version: {', '.join(sorted(roaming_zones))}")


def _check_units(source: Source, at: Path, version: dict[str, Any], deck: Deck) -> None:
    units = {line_name(rate): BASE_UNIT[Service(rate["service"])] for rate in version.get("rates", ())}
    for line, service in dict.fromkeys((rate.line, rate.service) for rate in deck.rates):
        if units.setdefault(line, BASE_UNIT[service]) != BASE_UNIT[service]:
            source.refuse(at, line, f"a line that counts {units[line]}s everywhere, not {BASE_UNIT[service]}s here")
