"""When is a country entered, and what does usage cost there?"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating import load_tariff
from usage_correlation.domain.insights.roaming import (
    HOME,
    NEVER_SEEN,
    Presence,
    Sighting,
    added_tax_percent,
    entries,
    place_of,
    prices_abroad,
)
from usage_correlation.domain.moments import to_micros
from usage_correlation.wiring_insights import read_countries

COUNTRIES = read_countries()
NOW = to_micros(datetime(2026, 3, 5, tzinfo=UTC))

TARIFF = """
format: cxmesh-tariff/1
id: traveller
name: Traveller
currency: EUR
time_zone: Europe/Vienna
home_networks: ["23201"]
versions:
  - from: "2020-01-01"
    schedules:
      - id: clock
        bands:
          - {band: day, from: "08:00", to: "20:00"}
          - {band: night, from: "20:00", to: "08:00"}
    zones:
      - {id: home, prefixes: ["43"]}
    roaming_zones:
      - {id: eu, networks: ["262", "222"]}
      - {id: telekom, networks: ["26201"]}
      - {id: world, default: true}
    rates:
      - {line: voice, service: voice, price: "0.10", per: minute}
      - {line: sms, service: sms, price: "0.08"}
      - {line: data, service: data, price: "0.01", per: megabyte}
      - {line: mms, service: mms, price: "0.30"}
      - {line: voice.eu, service: voice, zone: home, roaming: eu, price: "0.19", per: minute, connection_fee: "0.05"}
      - {line: voice.eu.day, service: voice, roaming: eu, band: day, price: "0.29", per: minute}
      - {line: voice.eu.night, service: voice, roaming: eu, band: night, price: "0.09", per: minute}
      - {line: data.eu, service: data, roaming: eu, price: "2.5", per: gigabyte}
      - {line: voice.telekom, service: voice, roaming: telekom, price: "0.05", per: minute}
      - {line: sms.world, service: sms, roaming: world, price: "0.49"}
      - line: data.world
        service: data
        roaming: world
        graduated: [{up_to: 1000000000, price: "9", per: gigabyte}, {price: "5", per: gigabyte}]
    allowances:
      - {id: gigabyte, name: A gigabyte, unit: byte, amount: "1000000000", covers: [{line: data}, {line: data.eu}]}
    taxes:
      - {id: vat, name: VAT, percent: "20"}
"""


def sighting(start: int, place: str, row: int = 0) -> Sighting:
    return Sighting(row, start, {"": ""}.get(place, f"{place}01"), place)


def places(before: Presence, *sightings: Sighting) -> list[tuple[int, str, str]]:
    found, _ = entries(before, sightings)
    return [(each.sighting.start_micros, each.previous, each.sighting.place) for each in found]


def test_the_first_usage_in_another_country_is_an_entry_and_the_next_there_is_not():
    assert places(NEVER_SEEN, sighting(10, "AT"), sighting(20, "AT"), sighting(30, "DE")) == [
        (10, HOME, "AT"),
        (30, "AT", "DE"),
    ]


def test_coming_home_is_no_entry_and_going_again_is():
    assert places(Presence("AT", 5), sighting(10, HOME), sighting(20, "AT")) == [(20, HOME, "AT")]


def test_what_comes_late_raises_nothing_and_moves_nobody():
    found, now = entries(Presence(HOME, 50), [sighting(10, "AT"), sighting(50, "DE")])
    assert (found, now) == ([], Presence(HOME, 50))


def test_records_of_a_batch_count_in_the_order_in_which_they_began():
    assert places(NEVER_SEEN, sighting(30, "AT"), sighting(10, "DE"), sighting(20, "AT")) == [
        (10, HOME, "DE"),
        (20, "DE", "AT"),
    ]


SEEN = st.tuples(st.integers(0, 99), st.sampled_from([HOME, "AT", "DE", "XK"]))


@given(st.lists(SEEN, unique_by=lambda each: each[0]))
def test_in_event_order_it_does_not_matter_how_records_are_cut_into_batches(seen):
    ordered = [sighting(start, place) for start, place in sorted(seen)]
    whole, last = entries(NEVER_SEEN, ordered)
    known, pieces = NEVER_SEEN, []
    for each in ordered:
        found, known = entries(known, [each])
        pieces += found
    assert [each.sighting for each in pieces] == [each.sighting for each in whole]
    assert known == last
    assert all(each.sighting.place not in (HOME, each.previous) for each in whole)


def test_a_country_is_known_by_its_code_whichever_mcc_it_uses():
    assert {place_of(network, (), COUNTRIES) for network in ("310410", "311480", "310004")} == {"US"}
    assert place_of("", (), COUNTRIES) == HOME
    assert place_of("23201", ("23201",), COUNTRIES) == HOME
    assert place_of("90112", (), COUNTRIES) == "901"  # at sea


def test_prices_abroad_are_those_of_the_zone_with_the_longest_prefix():
    tariff = load_tariff(TARIFF)
    prices, unpriced = prices_abroad(tariff, "26202", NOW)
    assert [(price.service, price.zone, price.band, price.quantity, price.price_nanos) for price in prices] == [
        ("voice", "", "day", 60, 290_000_000),
        ("voice", "", "night", 60, 90_000_000),
        ("voice", "home", "", 60, 190_000_000),
        ("data", "", "", 1_000_000, 2_500_000),
    ]
    assert prices[2].connection_fee_nanos == 50_000_000
    assert [price.covered for price in prices] == [False, False, False, True]
    assert unpriced == ["sms", "mms"]
    (voice,), _ = prices_abroad(tariff, "26201", NOW)
    assert voice.price_nanos == 50_000_000


def test_a_price_that_depends_on_the_cycle_is_not_told_as_if_it_did_not():
    prices, unpriced = prices_abroad(load_tariff(TARIFF), "310410", NOW)
    assert [(price.service, price.price_nanos) for price in prices] == [("sms", 490_000_000), ("data", None)]
    assert unpriced == ["voice", "mms"]


def test_taxes_that_the_bill_adds_are_told():
    assert added_tax_percent(load_tariff(TARIFF), NOW) == Fraction(20)
    assert added_tax_percent(load_tariff(TARIFF.replace('percent: "20"', 'percent: "20", included: true')), NOW) == 0


@pytest.mark.parametrize(
    ("network", "country", "name"),
    [("26201", "DE", "Telekom"), ("26299", "DE", ""), ("22106", "XK", "Z Mobile"), ("99999", "", "")],
)
def test_networks_are_known_by_their_mcc_and_mnc(network, country, name):
    found = COUNTRIES.network(network)
    assert (found.country, found.name) == (country, name)


def test_eu_rules_hold_between_countries_that_are_both_under_them():
    assert COUNTRIES.under_eu_rules("AT", "NO")
    assert COUNTRIES.under_eu_rules("DE", "UA")
    assert not COUNTRIES.under_eu_rules("AT", "CH")
    assert not COUNTRIES.under_eu_rules("", "AT")


@pytest.mark.parametrize(
    ("country", "own", "foreign"),
    [("US", "12125550100", "18765550100"), ("JM", "16585550100", "12125550100"), ("AT", "4312345678", "4912345678"),
     ("RU", "79161234567", "77011234567"), ("KZ", "77011234567", "79161234567")],
)  # fmt: skip
def test_a_countrys_own_numbers_are_told_from_those_of_others(country, own, foreign):
    import re  # noqa: PLC0415 - this test alone needs it

    pattern = COUNTRIES.domestic_pattern(country)
    assert pattern is not None
    assert re.match(pattern, own)
    assert not re.match(pattern, foreign)


def test_a_time_zone_tells_the_country_unless_it_is_nobodys():
    assert COUNTRIES.country_of_zone("America/New_York") == "US"
    assert COUNTRIES.country_of_zone("UTC") == ""
