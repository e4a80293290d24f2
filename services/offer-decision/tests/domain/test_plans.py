"""Tariffs are read with all their faults, and what has come into force stays as it is."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from offer_samples import tariff, version

from offer_decision.domain.plans import check_past_unchanged, read_tariff
from offer_decision.errors import InvalidTariff, TariffVersionInForce

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
OLD, CURRENT, COMING = version("2020-01-01"), version("2026-01-01", "0.20"), version("2026-06-01", "0.25")


def check(before: str, after: str, now: datetime = NOW) -> None:
    check_past_unchanged("standard", read_tariff("standard", before)[0], read_tariff("standard", after)[0], now)


def test_a_tariff_is_read_with_its_digest():
    read, digest = read_tariff("standard", tariff())

    assert (read.id, read.currency) == ("standard", "USD")
    assert digest == hashlib.sha256(tariff().encode()).hexdigest()


def test_every_fault_of_a_document_is_told_with_line_column_value_and_expectation():
    faulty = tariff(version("2020-01-01", "0,17"), currency="USX").replace("service: voice", "service: pigeon")
    with pytest.raises(InvalidTariff) as caught:
        read_tariff("standard", faulty)

    lines = faulty.splitlines()
    told = [
        re.fullmatch(r"line (\d+), column (\d+): (.*): (.*) is refused; (expected .+)", one)
        for one in caught.value.faults
    ]
    assert [one.group(3, 4) for one in told] == [
        ("currency", "USX"),
        ("versions[0].rates[0].service", "pigeon"),
        ("versions[0].rates[0].price", "0,17"),
    ]
    for one in told:
        assert lines[int(one[1]) - 1][int(one[2]) - 1 :].lstrip('"').startswith(one[4])
    assert "ISO 4217" in told[0][5]
    assert "voice" in told[1][5]
    assert caught.value.metadata == {"plan": "plans/standard", "faults": "3"}


@pytest.mark.parametrize(
    "after",
    [
        tariff(OLD, CURRENT, COMING),
        tariff(OLD, CURRENT),
        tariff(OLD, CURRENT, version("2026-06-01", "0.99")),
        tariff(OLD, CURRENT, version("2026-03-16"), COMING),
        tariff(OLD, CURRENT, COMING, name="Another name"),
        "# a comment\n" + tariff(OLD, CURRENT, COMING),
    ],
)
def test_what_is_to_come_may_change(after: str):
    check(tariff(OLD, CURRENT, COMING), after)


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        (tariff(version("2020-01-01", "0.18"), CURRENT), "2020-01-01"),
        (tariff(OLD, version("2026-01-01", "0.21")), "2026-01-01"),
        (tariff(CURRENT), "2020-01-01"),
        (tariff(OLD), "2026-01-01"),
        (tariff(OLD, version("2025-01-01"), CURRENT), "2026-01-01"),
        (tariff(OLD, CURRENT, version("2026-03-15")), "2026-03-15"),
        (tariff(version("2019-01-01"), OLD, CURRENT), "2020-01-01"),
        (tariff(OLD, CURRENT, currency="EUR"), "2020-01-01"),
        (tariff(OLD, CURRENT).replace("versions:", "rounding: {line: {method: up, decimals: 2}}\nversions:"), "2020"),
        (tariff(OLD, CURRENT).replace("id: standard", "id: other"), "2020-01-01"),
        (tariff(OLD, CURRENT).replace("versions:", 'home_networks: ["232"]\nversions:'), "2020-01-01"),
    ],
)
def test_what_has_come_into_force_may_not_change_vanish_or_be_added(after: str, changed: str):
    with pytest.raises(TariffVersionInForce) as caught:
        check(tariff(OLD, CURRENT), after)

    assert caught.value.metadata["plan"] == "plans/standard"
    assert caught.value.metadata["version"].startswith(changed)


def test_a_change_of_the_time_zone_moves_what_has_come_into_force():
    with pytest.raises(TariffVersionInForce):
        check(tariff(OLD), tariff(OLD, zone="Europe/Vienna"))


def test_everything_may_change_before_anything_has_come_into_force():
    check(tariff(COMING), tariff(version("2026-07-01"), currency="EUR", zone="Europe/Vienna"))


def test_a_version_comes_into_force_at_its_instant():
    instant = datetime(2026, 6, 1, 4, tzinfo=UTC)  # midnight in New York
    before, after = tariff(OLD, COMING), tariff(OLD, version("2026-06-01", "0.26"))

    check(before, after, instant - timedelta(microseconds=1))
    with pytest.raises(TariffVersionInForce):
        check(before, after, instant)
