"""What does a session add to objectives on traces, and how do numbers and measurements read?"""

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apportioning.party import Party, PartyKind
from value_network_sla.domain.policing.alert import alert_name, proven_shares
from value_network_sla.domain.policing.decimals import exact_text, parts_per, percent_text
from value_network_sla.domain.policing.measurement import StreamReport, VoiceReport, of_call, of_stream
from value_network_sla.domain.policing.metrics import KNOWN, is_plausible, metric_named
from value_network_sla.domain.policing.objective import Indicator, Input, Objective, Op, Role, Source, book_of
from value_network_sla.domain.policing.parts import parts_of

Make = Callable[..., Objective]
MINUTE_NS = 60_000_000_000
LATENCY = Indicator(
    "latency", Source.TRACES, (Input(Role.THRESHOLD, "latency_ms"),), op=Op.LTE, bound=Fraction(50), operation="Open"
)
SUCCESS = Indicator("success", Source.TRACES, (Input(Role.GOOD, "successes"), Input(Role.TOTAL, "visits")))


def visit(start: datetime, waited_ms: float, **fields: Any) -> Any:
    """A visit as far as objectives look at it."""
    usual = {"partner": "partners/acme", "operation": "Open", "error": False, "at_minute": 0}
    said = usual | fields
    waited = round(waited_ms * 1_000_000)
    inner = SimpleNamespace(
        partner=said["partner"],
        operation=said["operation"],
        error=said["error"],
        start_ns=int(start.timestamp()) * 1_000_000_000 + said["at_minute"] * MINUTE_NS + 1,
        accountable_under=lambda _: waited,
    )
    return SimpleNamespace(visit=inner, agreement=None)


def counted(objective: Objective, *visits: Any, service: str = "broadband") -> list[tuple[int, int]]:
    session: Any = SimpleNamespace(service=service, visits=visits)
    return [(part.events, part.good) for part in parts_of(session, book_of([objective]))]


def test_a_visit_is_good_when_it_compares_well_to_the_nanosecond(objective_with: Make, start: datetime) -> None:
    objective = objective_with(indicator=LATENCY)
    assert counted(objective, visit(start, 50), visit(start, 50.000001), visit(start, 1)) == [(3, 2)]


def test_a_visit_that_failed_is_never_good(objective_with: Make, start: datetime) -> None:
    assert counted(objective_with(indicator=LATENCY), visit(start, 1, error=True)) == [(1, 0)]
    assert counted(objective_with(indicator=SUCCESS), visit(start, 999), visit(start, 1, error=True)) == [(2, 1)]


@pytest.mark.parametrize("other", [{"operation": "Close"}, {"partner": "partners/other"}])
def test_visits_of_others_are_not_counted(objective_with: Make, start: datetime, other: dict[str, str]) -> None:
    assert counted(objective_with(indicator=LATENCY), visit(start, 1, **other)) == []


def test_visits_in_another_service_or_before_it_holds_are_not_counted(objective_with: Make, start: datetime) -> None:
    assert counted(objective_with(indicator=LATENCY), visit(start, 1), service="iptv") == []
    assert counted(objective_with(indicator=LATENCY), visit(start, 1, at_minute=-1)) == []


def test_each_minute_is_counted_by_itself(objective_with: Make, start: datetime) -> None:
    objective = objective_with(indicator=LATENCY)
    assert counted(objective, visit(start, 1), visit(start, 99, at_minute=1)) == [(1, 1), (1, 0)]


def test_when_nothing_was_late_the_partner_answers() -> None:
    [share] = proven_shares("partners/acme", [])
    assert (share.party, share.share_ppm) == (Party(PartyKind.PARTNER, "partners/acme"), 1_000_000)


def test_an_alert_has_a_name_whatever_its_condition_is_called(start: datetime) -> None:
    name = alert_name("objectives/speed", "CPU usage | breach!", start)
    assert name == f"alerts/speed.cpu-usage-breach.{int(start.timestamp())}"


@pytest.mark.parametrize(
    ("value", "text"),
    [("99.95", "99.95"), ("1/3", "1/3"), ("-0.5", "-0.5"), ("30", "30"), ("0.001", "0.001"), ("0", "0")],
)
def test_exact_numbers_are_written_exactly(value: str, text: str) -> None:
    assert exact_text(Fraction(value)) == text


@given(value=st.fractions(0, 1, max_denominator=10**6))
def test_what_is_written_can_be_read_again_and_percent_is_rounded_down(value: Fraction) -> None:
    assert Fraction(exact_text(value)) == value
    assert 0 <= value * 100 - Fraction(percent_text(value)) < Fraction(1, 10**6)
    assert parts_per(value, 10**9) == value * 10**9 // 1


def test_a_call_is_rated_by_the_e_model() -> None:
    good = of_call(VoiceReport("PCMA", 20, 0, 0))
    bad = of_call(VoiceReport("PCMA", 20, 0, 0.1))
    assert good["r_factor"] > 90
    assert good["mos"] > 4.3
    assert bad["mos"] < good["mos"]
    with pytest.raises(ValueError, match="codec"):
        of_call(VoiceReport("two cans and a string", 20, 0, 0))


def test_a_film_is_rated_by_its_start_and_its_stalls() -> None:
    found = of_stream(StreamReport(90, 3, 2, 10))
    assert found["startup_seconds"] == 3
    assert found["rebuffering_ratio"] == pytest.approx(0.1)
    assert 1 < found["stream_mos"] < 5
    with pytest.raises(ValueError, match="stalls"):
        of_stream(StreamReport(90, 3, 0, 10))


@pytest.mark.parametrize(("name", "value"), [("latency_ms", 1_800_000), ("mos", 0.5), ("download_mbps", -1)])
def test_what_cannot_be_is_no_measurement(name: str, value: float) -> None:
    assert not is_plausible(KNOWN[name], value)


def test_a_bad_value_is_a_measurement_and_ones_own_metric_has_no_bounds() -> None:
    assert is_plausible(KNOWN["latency_ms"], 59_999)
    assert is_plausible(KNOWN["download_mbps"], 0)
    own = metric_named("my_own_metric")
    assert own is not None
    assert is_plausible(own, -1e300)
    assert metric_named("My Metric") is None
