"""What kind of usage is a rating group?

The mapping file is the document that usage-correlation is given, too (CXMESH_RATING_GROUPS_FILE); without it the kind
of the request decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from cxmesh.usage.v1 import charging_data_pb2 as data
from cxmesh.usage.v1 import usage_record_pb2 as pb
from usage_adapters.errors import OptionError

FORMAT: Final = "cxmesh-rating-groups/1"
_SERVICES: Final = {name.removeprefix("USAGE_TYPE_").lower(): number for name, number in pb.UsageType.items() if number}
_MOST: Final = 2**32 - 1
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """What its units are."""

    usage_type: pb.UsageType.ValueType
    destination: str = ""


def kind_of(message: data.ChargingDataRequest) -> RatingGroup | None:
    """What a rating group is that nobody lists; None when the request doesn't say."""
    if message.HasField("pdu_session_charging_information"):
        return RatingGroup(pb.USAGE_TYPE_DATA)
    if message.HasField("sms_charging_information"):
        return RatingGroup(pb.USAGE_TYPE_SMS)
    return RatingGroup(pb.USAGE_TYPE_VOICE) if message.HasField("ims_charging_information") else None


def load_groups(text: str) -> Mapping[int, RatingGroup]:
    """Raises OptionError."""
    if not text:
        return {}
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError("mapping", f"it is no YAML: {error}", expected=f"a document of format {FORMAT}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise OptionError("mapping", "it is no document of rating groups", expected=f"format: {FORMAT}")
    rows = document.get("rating_groups")
    if not isinstance(rows, list):
        raise OptionError("mapping", "rating_groups is missing", expected="a list of rating groups")
    found: dict[int, RatingGroup] = {}
    for place, row in enumerate(rows):
        number, group = _group(row, f"rating_groups[{place}]")
        if number in found:
            raise OptionError("mapping", f"rating_groups[{place}]: {number} stands there twice", expected="each once")
        found[number] = group
    return found


def _group(row: Any, path: str) -> tuple[int, RatingGroup]:  # Any: as YAML gives it
    if not isinstance(row, dict):
        raise OptionError("mapping", f"{path}: {row!r}", expected="a mapping")
    number, service, destination = row.get("rating_group"), row.get("service"), row.get("destination", "")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MOST:
        raise OptionError("mapping", f"{path}.rating_group: {number!r}", expected=f"a whole number from 0 to {_MOST}")
    if service not in _SERVICES:
        raise OptionError("mapping", f"{path}.service: {service!r}", expected=f"one of {', '.join(_SERVICES)}")
    if not isinstance(destination, str) or len(destination) > _LONGEST:
        raise OptionError("mapping", f"{path}.destination: {destination!r}", expected="a text of at most 64 characters")
    return number, RatingGroup(_SERVICES[service], destination)
