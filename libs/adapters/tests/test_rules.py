"""Do moments, quantities and dialled numbers come out as their rules say?"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_adapters.e164 import Dialling
from usage_adapters.moments import LocalClock, Parser, parser_of, zone_of
from usage_adapters.quantities import UNITS, Measured, Rounding, whole_units
from usage_adapters.table import Fault, Table
from usage_adapters.texts import Column

VIENNA = LocalClock(zone_of("Europe/Vienna"))


def utc(micros: int) -> str:
    return datetime.fromtimestamp(0, UTC).__class__.fromtimestamp(micros / 1_000_000, UTC).isoformat()


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-07-01 12:00:59", "2026-07-01T10:00:59+00:00"),
        ("%Y-%m-%d %H:%M:%S", "2026-01-01 00:30:00", "2025-12-31T23:30:00+00:00"),
        ("%d.%m.%Y %H:%M", "1.7.2026 12:00", "2026-07-01T10:00:00+00:00"),
        ("%Y%m%d%H%M%S", "20260701120059", "2026-07-01T10:00:59+00:00"),
        ("%y%m%d%H%M%S%z", "260701120000+0200", "2026-07-01T10:00:00+00:00"),
        ("%y%m%d%H%M", "690101000000"[:10], "1968-12-31T23:00:00+00:00"),
        ("%d-%b-%Y %I:%M:%S %p", "01-JUL-2026 12:00:00 am", "2026-06-30T22:00:00+00:00"),
        ("%d-%b-%Y %I:%M:%S %p", "01-jul-2026 12:00:00 PM", "2026-07-01T10:00:00+00:00"),
        ("%Y-%m-%dT%H:%M:%S.%f", "2026-07-01T12:00:00.5", "2026-07-01T10:00:00.500000+00:00"),
        ("%Y-%m-%d %H:%M:%S", "2026-10-25 02:30:00", "2026-10-25T00:30:00+00:00"),  # twice: the earlier
        ("rfc3339", "2026-07-01T12:00:00.123456789+02:00", "2026-07-01T10:00:00.123456+00:00"),
        ("epoch", "1782900000", "2026-07-01T10:00:00+00:00"),
        ("epoch", "1782900000.25", "2026-07-01T10:00:00.250000+00:00"),
        ("epoch_ms", "1782900000250", "2026-07-01T10:00:00.250000+00:00"),
        ("epoch_us", "-1", "1969-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_moment_is_read_by_its_format(pattern: str, text: str, moment: str) -> None:
    assert utc(parser_of(pattern, VIENNA)(text)) == moment


@pytest.mark.parametrize(
    ("pattern", "text", "problem"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-03-29 02:30:00", "skipped when they go forward"),
        ("%Y-%m-%d %H:%M:%S", "2026-02-30 00:00:00", "a moment"),
        ("%Y-%m-%d %H:%M:%S", "2026-02-28 24:00:00", "a moment"),
        ("%d-%b-%Y %H:%M", "01-MAI-2026 12:00", "a moment"),
        ("%Y-%m-%d %H:%M%z", "2026-01-01 00:00+25:00", "an offset"),
        ("rfc3339", "2026-07-01T12:00:00", "an offset"),
        ("epoch", "99999999999999", "years 1 to 9999"),
        ("%Y-%m-%d %I:%M %p", "2026-01-01 13:00 PM", "a moment"),
    ],
)
def test_what_is_no_moment_is_refused_with_a_reason(pattern: str, text: str, problem: str) -> None:
    with pytest.raises(Fault, match=problem):
        parser_of(pattern, VIENNA)(text)


@pytest.mark.parametrize(
    "text",
    ["", "2026-07-01", "2026-07-01 12:00:60", "2026-07-01 12:00:5", " 2026-07-01 12:00:00", "٢٠٢٦-07-01 12:00:00"],
)
def test_what_does_not_fit_a_pattern_is_no_match(text: str) -> None:
    with pytest.raises((ValueError, Fault)):
        parser_of("%Y-%m-%d %H:%M:%S", VIENNA)(text)


def test_a_time_that_comes_twice_is_what_the_mapping_says() -> None:
    text, pattern = "2026-10-25 02:30:00", "%Y-%m-%d %H:%M:%S"
    later = parser_of(pattern, LocalClock(zone_of("Europe/Vienna"), "later"))
    assert utc(later(text)) == "2026-10-25T01:30:00+00:00"
    with pytest.raises(Fault, match="comes twice"):
        parser_of(pattern, LocalClock(zone_of("Europe/Vienna"), "refuse"))(text)


@pytest.mark.parametrize("pattern", ["%Q", "%Y-%m-%d", "%", "", "%Y%Y%m%d%H%M", "%Y-%m-%d %I:%M"])
def test_a_pattern_that_names_no_moment_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for a mapping's author, tested there
        parser_of(pattern, VIENNA)


def test_a_pattern_without_offset_needs_a_clock() -> None:
    with pytest.raises(KeyError):
        parser_of("%Y-%m-%d %H:%M", None)


@given(moment=st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1)))  # noqa: DTZ001 - a wall clock's
def test_remembered_minutes_give_the_same_moments(moment: datetime) -> None:
    pattern = "%Y-%m-%d %H:%M:%S"
    quick: Parser = parser_of(pattern, VIENNA)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    outcomes = []
    for parser, one in ((quick, text), (quick, text), (parser_of(f"{pattern}.%f", VIENNA), f"{text}.0")):
        try:
            outcomes.append(str(parser(one)))
        except Fault as fault:
            outcomes.append(fault.expected)
    assert len(set(outcomes)) == 1


def measured(text: str, unit: str, rounding: Rounding = "up", **marks: str) -> int | str:
    table = Table({"q": [text]}, [b""], [1])
    (value,) = Measured(Column("q"), unit, rounding=rounding, **marks).values(table, [1])
    return table.refusals[0].expected if table.refusals else value


@pytest.mark.parametrize(
    ("text", "unit", "rounding", "quantity"),
    [
        ("61", "second", "up", 61),
        ("0061", "second", "up", 61),
        ("61001", "millisecond", "up", 62),
        ("61999", "millisecond", "down", 61),
        ("61500", "millisecond", "half_up", 62),
        ("61500", "millisecond", "half_even", 62),
        ("60500", "millisecond", "half_even", 60),
        ("-1500", "millisecond", "up", -2),
        ("1.5", "minute", "up", 90),
        ("0.1", "mebibyte", "down", 104_857),
        ("1:02:03", "clock", "up", 3723),
        ("02:03.2", "clock", "up", 124),
        ("100:00:00", "clock", "up", 360_000),
        ("9223372036854775807", "byte", "up", 2**63 - 1),
        ("0", "message", "up", 0),
    ],
)
def test_a_quantity_is_exact_until_it_is_rounded_once(text: str, unit: str, rounding: Rounding, quantity: int) -> None:
    assert measured(text, unit, rounding) == quantity


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("9223372036854775808", "byte", "at most 2^63 - 1"),
        ("9" * 5000, "byte", "a whole number"),
        ("1e3", "byte", "a whole number"),
        ("1.", "byte", "a whole number"),
        (".5", "minute", "a number of minutes"),
        ("", "minute", "a quantity"),
        ("1:60", "clock", "a duration like 1:02:03"),
        ("1:60:00", "clock", "a duration like 1:02:03"),
        ("٣", "byte", "a whole number"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, unit: str, expected: str) -> None:
    assert expected in str(measured(text, unit))


def test_decimal_commas_and_grouping() -> None:
    marks = {"decimal_mark": ",", "grouping_mark": "."}
    assert measured("1.234,5", "kilobyte", **marks) == 1_234_500
    assert "with ',' before decimals" in str(measured("1,234.5", "kilobyte", decimal_mark=","))


@given(number=st.fractions(min_value=-1000, max_value=1000, max_denominator=1000), unit=st.sampled_from(sorted(UNITS)))
def test_rounding_errs_by_less_than_a_unit_in_the_direction_declared(number: Fraction, unit: str) -> None:
    amount = number * UNITS[unit]
    up, down = whole_units(amount, "up"), whole_units(amount, "down")
    assert abs(up) >= abs(amount) >= abs(down)
    assert abs(up - down) == (amount.denominator != 1)
    for rounding in ("half_up", "half_even"):
        assert abs(whole_units(amount, rounding) - amount) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+43 664 123", "43664123"),
        ("0043664123", "43664123"),
        ("0664123", "43664123"),
        ("00442071234567", "442071234567"),
        ("43664123", "43664123"),
        ("133", "133"),
        ("(0664) 12-3/4.5", "4366412345"),
        ("sip:+43664123@example.org;user=phone", "43664123"),
        ("tel:+43664123", "43664123"),
        ("voicemail", "voicemail"),
        ("", ""),
    ],
)
def test_dialled_numbers_become_e164(dialled: str, number: str) -> None:
    assert Dialling("43").normalise(dialled) == number


def test_what_a_country_does_otherwise() -> None:
    assert Dialling("34", national_prefix="", bare="national").normalise("912345678") == "34912345678"
    assert Dialling("1", national_prefix="1", international_prefixes=("011",)).normalise("01143664123") == "43664123"
    for refused in ("4366412345678901", "00"):
        with pytest.raises(Fault, match="1 to 15 digits"):
            Dialling("43").normalise(refused)
    with pytest.raises(Fault, match=r"begins with \+, 00 or 0"):
        Dialling("43", bare="refuse").normalise("66412345")
    with pytest.raises(Fault, match="a telephone number"):
        Dialling("43", others="refuse").normalise("voicemail")
