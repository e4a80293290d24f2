"""Which country is a network in, which does a number belong to, and which rules hold there?

Pure: whoever makes a `Countries` gives it the texts of data/countries.tsv and data/networks.tsv, and of tzdata's
zone.tab, which says in which country a time zone is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MCC_DIGITS: Final = 3
_EU: Final = "EU"


@dataclass(frozen=True, slots=True)
class Network:
    """Where a mobile network is."""

    country: str
    """ISO 3166-1 alpha-2; empty when the MCC isn't known: ships, aircraft, satellites, tests."""
    country_name: str
    name: str
    """What customers know it as; empty when it isn't known."""


NOWHERE: Final = Network("", "", "")


class Countries:
    """What is known of countries, their numbers and their networks."""

    def __init__(self, countries: str, networks: str, zones: str) -> None:
        """Tab-separated texts; a line that begins with # is a comment."""
        self._names: dict[str, str] = {}
        self._calling_codes: dict[str, tuple[str, ...]] = {}
        self._eu: set[str] = set()
        for country, name, calling_codes, rules in _rows(countries):
            self._names[country] = name
            self._calling_codes[country] = tuple(calling_codes.split(",")) if calling_codes else ()
            if rules == _EU:
                self._eu.add(country)
        self._networks: dict[str, tuple[str, str]] = {mcc + mnc: (at, name) for mcc, mnc, at, name in _rows(networks)}
        self._of_zone = {row[2]: row[0] for row in _rows(zones)}

    def network(self, mcc_mnc: str) -> Network:
        """Where the network of this MCC and MNC is."""
        found = self._networks.get(mcc_mnc) or self._networks.get(mcc_mnc[:_MCC_DIGITS])
        if found is None:
            return NOWHERE
        country, name = found
        return Network(country, self._names[country], name)

    def mobile_codes(self, country: str) -> tuple[str, ...]:
        """The mobile country codes of networks in a country, by number; none for one that isn't known."""
        return tuple(sorted({code[:_MCC_DIGITS] for code, (at, _) in self._networks.items() if at == country}))

    def country_of_zone(self, zone: str) -> str:
        """The country of an IANA time zone; empty for one that belongs to none, such as UTC, or has an old name."""
        return self._of_zone.get(zone, "")

    def under_eu_rules(self, *countries: str) -> bool:
        """Whether the EU's roaming rules hold in all of them."""
        return all(country in self._eu for country in countries)

    def domestic_pattern(self, country: str) -> str | None:
        """A regular expression that the country's own numbers match, as E.164 digits; None when its code isn't known.

        Countries that share a code (such as 1, 7, 44 and 61) count as one, unless one has longer ones of its own: a
        number of Jamaica, 1876, is not of the United States, 1.
        """
        own = self._calling_codes.get(country, ())
        if not own:
            return None
        return f"^({'|'.join(map(self._without_longer, own))})"

    def _without_longer(self, code: str) -> str:
        longer = {
            each[len(code) :] for codes in self._calling_codes.values() for each in codes if each.startswith(code)
        }
        others = sorted(longer - {""})
        return f"{code}(?!{'|'.join(others)})" if others else code


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
