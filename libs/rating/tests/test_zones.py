"""Does the longest prefix win, for one destination and for many?"""

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.tariff import Zone
from rating.zones import NO_ZONE, ZoneIndex

NUMBERS = st.text("0123456789*#", min_size=1, max_size=15)
DESTINATIONS = st.text("0123456789*#+ab \x00é", max_size=20) | NUMBERS | NUMBERS.map(lambda n: f"+{n}")


def slow(zones: list[Zone], destination: str) -> int:
    number = destination.removeprefix("+")
    found = [(len(p), i) for i, zone in enumerate(zones) for p in zone.prefixes if number.startswith(p)]
    return max(found)[1] if found else next((i for i, zone in enumerate(zones) if zone.default), NO_ZONE)


@given(st.sets(NUMBERS, max_size=30), NUMBERS, st.booleans())
def test_the_longest_prefix_wins(prefixes: set[str], destination: str, default: bool) -> None:  # hypothesis
    zones = [Zone(prefix, (prefix,)) for prefix in sorted(prefixes)] + [Zone("rest", default=default)]
    index = ZoneIndex(zones)
    # Destinations near the prefixes are those that go wrong.
    near = [destination, f"+{destination}", *prefixes, *(p[:-1] for p in prefixes), *(p + "7" for p in prefixes)]
    near = [each for each in near if each]
    expected = [slow(zones, each) for each in near]
    assert [index.find(each)[0] for each in near] == expected
    assert index.find_all(np.array(near)).tolist() == expected


@given(st.sets(NUMBERS, max_size=10), st.lists(DESTINATIONS, min_size=1))
def test_one_by_one_and_together_agree_on_any_text(prefixes: set[str], destinations: list[str]) -> None:
    zones = [Zone(prefix, (prefix,)) for prefix in prefixes] + [Zone("words", names=("ab", "a 1", "+b"))]
    index = ZoneIndex(zones)
    found = index.find_all(np.array(destinations))
    assert [index.find(str(destination))[0] for destination in np.array(destinations)] == found.tolist()


@pytest.mark.parametrize(
    ("destination", "zone", "matched"),
    [
        ("+442071234567", 1, "4420"),
        ("442071234567", 1, "4420"),
        ("447911123456", 0, "44"),
        ("44", 0, "44"),
        ("4", 3, ""),
        ("", 3, ""),
        ("horoscope", 2, "horoscope"),
        ("Horoscope", 3, ""),
        ("44 20", 3, ""),
        ("++44", 3, ""),
        ("4420" + "1" * 40, 1, "4420"),
    ],
)
def test_the_match_is_told(destination: str, zone: int, matched: str) -> None:
    zones = [Zone("uk", ("44",)), Zone("london", ("4420",)), Zone("fun", names=("horoscope",)), Zone("x", default=True)]
    assert ZoneIndex(zones).find(destination) == (zone, matched)


def test_a_hundred_thousand_prefixes_are_indexed_in_seconds() -> None:
    zones = [Zone(str(i), (str(10_000 + i),)) for i in range(90_000)] + [
        Zone(f"1{i}", (str(1_000_000 + i),)) for i in range(10_000)
    ]
    began = perf_counter()
    index = ZoneIndex(zones)
    assert perf_counter() - began < 5
    assert index.find_all(np.array(["1000000", "10000", "99999123", "1009999777"])).tolist() == [
        90_000,
        0,
        89_999,
        99_999,
    ]
