"""Which agreement holds, and into which window does a visit fall?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from value_network_sla.domain.agreement import Agreement, AgreementBook

MakeAgreement = Callable[..., Agreement]

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_START_NS = int(_START.timestamp()) * 1_000_000_000


def test_the_latest_in_effect_holds(agreement: MakeAgreement) -> None:
    old = agreement("x", 100, name="old")
    new = agreement("x", 50, name="new", effective_time=_START + timedelta(seconds=10))
    book = AgreementBook([new, old])
    assert book.find("iptv", "partners/x", "x", _START_NS - 1) is None
    assert book.find("iptv", "partners/x", "x", _START_NS) == old
    assert book.find("iptv", "partners/x", "x", _START_NS + 10**10 - 1) == old
    assert book.find("iptv", "partners/x", "x", _START_NS + 10**10) == new


def test_of_two_with_one_effective_time_the_one_made_later_holds(agreement: MakeAgreement) -> None:
    first = agreement("x", 100, name="b")
    second = agreement("x", 50, name="a", create_time=_START + timedelta(microseconds=1))
    assert AgreementBook([second, first]).find("iptv", "partners/x", "x", _START_NS) == second


def test_an_agreement_holds_for_its_service_partner_and_operation_alone(agreement: MakeAgreement) -> None:
    book = AgreementBook([agreement("x", 100)])
    assert book.find("voip", "partners/x", "x", _START_NS) is None
    assert book.find("iptv", "partners/y", "x", _START_NS) is None
    assert book.find("iptv", "partners/x", "y", _START_NS) is None


def test_an_operation_that_one_partner_alone_promised_names_it(agreement: MakeAgreement) -> None:
    book = AgreementBook(
        [
            agreement("x", 1, operation="Play"),
            agreement("x", 2, operation="Play", name="later"),
            agreement("x", 1, operation="Stop", name="xs"),
            agreement("y", 1, operation="Stop", name="ys"),
        ]
    )
    assert book.callees("iptv") == {"Play": "partners/x"}
    assert book.callees("voip") == {}


def test_windows_follow_each_other_from_the_unix_epoch_on(agreement: MakeAgreement) -> None:
    week = agreement("x", 1, window=timedelta(days=7))
    assert week.window_at(_START_NS) == datetime(2026, 2, 26, tzinfo=UTC)  # a Thursday, as 1970-01-01 was
    minute = agreement("x", 1)
    assert minute.window_at(_START_NS + 59_999_999_999) == _START
    assert minute.window_at(_START_NS + 60_000_000_000) == _START + timedelta(minutes=1)
    assert minute.window_at(_START_NS - 1) == _START - timedelta(minutes=1)
