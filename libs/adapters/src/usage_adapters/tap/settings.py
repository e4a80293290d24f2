"""What must be known beside a TAP file: whose networks TADIG codes name, and what service codes mean?

It stands in the mapping file:

    format: cxmesh-tap/1
    networks:                       # who may send, by TADIG code: MCC and MNC, and the country's calling code
      DEUD1: {network: "26201", country_code: "49"}
      FRAF1: {network: "20801", country_code: "33"}
    recipients: [USAW6]             # our own codes; files for others are refused. Left out: any
    test_files: refuse              # or accept
    messaging_event_services:       # codes of MessagingEvents, by what they are; others are rejected
      "1": originated
      "2": terminated
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml

from usage_adapters.e164 import Dialling
from usage_adapters.errors import OptionError
from usage_adapters.reading import Options

FORMAT: Final = "cxmesh-tap/1"
_FIELDS: Final = {"format", "networks", "recipients", "test_files", "messaging_event_services"}
_TADIG: Final = re.compile(r"[A-Z0-9]{5}")
_NETWORK: Final = re.compile(r"[0-9]{5,6}")
_COUNTRY: Final = re.compile(r"[1-9][0-9]{0,2}")
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}")

Direction = Literal["originated", "terminated"]


@dataclass(frozen=True, slots=True)
class Network:
    """A network that may send."""

    network: str
    """MCC and MNC."""
    dialling: Dialling
    """How numbers are dialled there, where they are not international."""


@dataclass(frozen=True, slots=True)
class TapSettings:
    """What is known beside the file."""

    networks: Mapping[str, Network]
    recipients: frozenset[str]
    accepts_tests: bool
    messaging: Mapping[int, Direction]
    subscriptions: Mapping[str, str]
    """Subscription ids by IMSI or MSISDN."""
    source: str = ""
    """In place of `tap:` and the sender's code."""
    fingerprint: str = field(default="", compare=False)


def settings_of(options: Options) -> TapSettings:
    """Raises OptionError."""
    if options.subscriptions is None:
        raise OptionError(
            "subscriptions", "TAP files name subscribers by IMSI", expected="a table of subscriptions by IMSI or MSISDN"
        )
    if options.source and not _SOURCE.fullmatch(options.source):
        raise OptionError(
            "source", f"{options.source[:63]!r} can't be a source", expected="letters, digits and . _ : -"
        )
    document = _document(options.mapping)
    networks = document.get("networks")
    if not isinstance(networks, dict) or not networks:
        raise _wrong("networks", networks, "networks by TADIG code")
    return TapSettings(
        networks={_tadig(code, "networks"): _network(code, value) for code, value in networks.items()},
        recipients=frozenset(_tadig(code, "recipients") for code in _list(document, "recipients")),
        accepts_tests=_choice(document, "test_files", {"refuse": False, "accept": True}),
        messaging=_messaging(document.get("messaging_event_services", {})),
        subscriptions=options.subscriptions,
        source=options.source,
        fingerprint=_digest(options),
    )


def _document(text: str) -> dict[str, Any]:  # Any: as YAML gives it
    if not text:
        raise OptionError(
            "mapping", "TAP files name networks by TADIG code", expected=f"a mapping file of format {FORMAT}"
        )
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError("mapping", f"it is no YAML: {error}", expected=f"a document of format {FORMAT}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise OptionError("mapping", "it is no document for TAP files", expected=f"format: {FORMAT}")
    for name in document:
        if name not in _FIELDS:
            raise _wrong(str(name), None, f"one of {', '.join(sorted(_FIELDS))}")
    return document


def _network(code: str, value: Any) -> Network:  # Any: as YAML gives it
    where = f"networks.{code}"
    found = value if isinstance(value, dict) else {"network": value}
    network, country = found.get("network"), found.get("country_code", "")
    if set(found) - {"network", "country_code"}:
        raise _wrong(where, sorted(map(str, found)), "network and country_code alone")
    if not isinstance(network, str) or not _NETWORK.fullmatch(network):
        raise _wrong(f"{where}.network", network, 'MCC and MNC in quotes, such as "26201"')
    if not isinstance(country, str) or (country and not _COUNTRY.fullmatch(country)):
        raise _wrong(f"{where}.country_code", country, 'a calling code in quotes, such as "49"')
    return Network(network, Dialling(country, national_prefix="0" if country else ""))


def _messaging(value: Any) -> dict[int, Direction]:  # Any: as YAML gives it
    if not isinstance(value, dict):
        raise _wrong("messaging_event_services", value, "originated or terminated by code")
    found: dict[int, Direction] = {}
    for code, direction in value.items():
        if not str(code).isdecimal() or direction not in ("originated", "terminated"):
            raise _wrong(f"messaging_event_services.{code}", direction, "originated or terminated, by a whole number")
        found[int(code)] = direction
    return found


def _list(document: Mapping[str, Any], name: str) -> list[Any]:  # Any: as YAML gives it
    value = document.get(name, [])
    if not isinstance(value, list):
        raise _wrong(name, value, "a list")
    return value


def _choice(document: Mapping[str, Any], name: str, choices: Mapping[str, bool]) -> bool:  # Any: as YAML gives it
    value = document.get(name, next(iter(choices)))
    if value not in choices:
        raise _wrong(name, value, f"one of {', '.join(choices)}")
    return choices[value]


def _tadig(code: object, where: str) -> str:
    if not isinstance(code, str) or not _TADIG.fullmatch(code):
        raise _wrong(where, code, "TADIG codes of five capital letters and digits")
    return code


def _wrong(path: str, value: object, expected: str) -> OptionError:
    return OptionError("mapping", f"{path}: {value!r}" if value is not None else f"{path}", expected=expected)


def _digest(options: Options) -> str:
    content = json.dumps([options.source, options.mapping, sorted((options.subscriptions or {}).items())])
    return hashlib.sha256(content.encode()).hexdigest()
