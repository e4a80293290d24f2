"""What kind of usage is a rating group?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from rating import Service
from usage_correlation.domain.charging.requests import Kind, Units

FORMAT: Final = "cxmesh-rating-groups/1"
_MOST_GROUP: Final = 2**32 - 1
_MOST_UNITS: Final = 2**50
_MOST_DESTINATION: Final = 64
_FIELDS: Final = {"rating_group", "service", "quota", "usual_grant", "destination"}

_USUAL: Final[Mapping[Service, int]] = {
    Service.VOICE: 600,
    Service.DATA: 50 * 2**20,
    Service.SMS: 1,
    Service.MMS: 1,
    Service.CONTENT: 1,
    Service.IPTV: 1,
}
"""Ten minutes, 50 MiB: small enough that a spending limit is not overshot by parallel sessions, large enough that a
session asks every few minutes only."""
_OF_KIND: Final[Mapping[Kind, Service]] = {
    Kind.PDU_SESSION: Service.DATA,
    Kind.SMS: Service.SMS,
    Kind.IMS: Service.VOICE,
}


class RatingGroupsRefused(ValueError):  # noqa: N818 - says what happened to the document
    """The document of rating groups can't be used; one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """What a rating group's units are."""

    service: Service
    usual_grant: int
    """Granted where no number is asked for, in base units of the service."""
    quota: bool = True
    """False: used without asking, and charged afterwards."""
    destination: str = ""
    """What its usage is rated as: a content class. Empty: what the request names."""

    def quantity(self, units: Units) -> int | None:
        """The units that count for the service; None when there are none of them."""
        if self.service is Service.VOICE:
            return units.seconds
        return units.octets if self.service is Service.DATA else units.events


@dataclass(frozen=True, slots=True)
class RatingGroups:
    """The operator's rating groups; others are what the request's kind says."""

    by_number: Mapping[int, RatingGroup] = field(default_factory=dict)

    def find(self, number: int, kind: Kind) -> RatingGroup | None:
        """A rating group; None when nobody knows what it is."""
        known = self.by_number.get(number)
        if known is not None or kind not in _OF_KIND:
            return known
        service = _OF_KIND[kind]
        return RatingGroup(service, _USUAL[service])


def load_rating_groups(text: str) -> RatingGroups:
    """Read the document (YAML or JSON). Raises RatingGroupsRefused with every problem."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RatingGroupsRefused([f"no YAML: {error}"]) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RatingGroupsRefused([f"format: expected a mapping with `format: {FORMAT}`"])
    rows = document.get("rating_groups")
    if not isinstance(rows, list) or not rows:
        raise RatingGroupsRefused(["rating_groups: expected a list of rating groups"])
    problems = [f"{name}: unknown" for name in sorted(set(map(str, document)) - {"format", "rating_groups"})]
    groups: dict[int, RatingGroup] = {}
    for place, row in enumerate(rows):
        wrong, number, group = _read(row, f"rating_groups[{place}]")
        problems += wrong
        if number in groups:
            problems.append(f"rating_groups[{place}].rating_group: {number} stands there twice")
        if group is not None:
            groups[number] = group
    if problems:
        raise RatingGroupsRefused(problems)
    return RatingGroups(groups)


def _read(row: Any, path: str) -> tuple[list[str], int, RatingGroup | None]:  # Any: as YAML gives it
    """What is wrong with a row, its number, and the rating group if nothing is."""
    if not isinstance(row, dict):
        return [f"{path}: got {row!r}, expected a mapping"], -1, None
    problems = [
        f"{path}.{name}: unknown, expected {', '.join(sorted(_FIELDS))}"
        for name in sorted(set(map(str, row)) - _FIELDS)
    ]
    number, service = row.get("rating_group"), row.get("service")
    if not _is_whole(number, 0, _MOST_GROUP):
        problems.append(f"{path}.rating_group: got {number!r}, expected a whole number from 0 to {_MOST_GROUP}")
    if service not in list(Service):
        problems.append(f"{path}.service: got {service!r}, expected one of {', '.join(Service)}")
        return problems, -1, None
    kind = Service(service)
    quota, usual, destination = row.get("quota", True), row.get("usual_grant", _USUAL[kind]), row.get("destination", "")
    if not isinstance(quota, bool):
        problems.append(f"{path}.quota: got {quota!r}, expected true or false")
    if not _is_whole(usual, 1, _MOST_UNITS):
        problems.append(f"{path}.usual_grant: got {usual!r}, expected a whole number from 1 to {_MOST_UNITS}")
    if not isinstance(destination, str) or len(destination) > _MOST_DESTINATION or "\0" in destination:
        problems.append(f"{path}.destination: expected a text of at most {_MOST_DESTINATION} characters")
    if problems or not isinstance(number, int):
        return problems, -1, None
    return problems, number, RatingGroup(kind, usual, quota, destination)


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
