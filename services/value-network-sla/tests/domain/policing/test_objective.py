"""Which revision of a promise holds when?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.objective import Objective, book_of
from value_network_sla.domain.policing.windows import CalendarWindow, Duration, Unit

MONTHS = CalendarWindow(Duration(1, Unit.MONTH), datetime.fromisoformat("2026-01-01"), "UTC")
Make = Callable[..., Objective]


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def test_a_rolling_one_holds_from_its_moment_on(objective_with: Make) -> None:
    book = book_of([objective_with(), objective_with(revision=2, effective_time=day(4, 10))])
    found = [book.at("objectives/speed", moment) for moment in (day(4, 9), day(4, 10))]
    assert [each and each.revision for each in found] == [1, 2]


def test_a_calendar_period_is_never_split(objective_with: Make) -> None:
    book = book_of(
        [objective_with(window=MONTHS), objective_with(revision=2, window=MONTHS, effective_time=day(4, 10))]
    )
    found = [book.at("objectives/speed", moment) for moment in (day(4, 9), day(4, 10), day(4, 30), day(5, 1))]
    assert [each and each.revision for each in found] == [1, 1, 1, 2]


def test_the_first_one_holds_at_once_and_its_first_period_begins_late(objective_with: Make) -> None:
    book = book_of([objective_with(window=MONTHS, effective_time=day(4, 10))])
    assert book.at("objectives/speed", day(4, 9)) is None
    assert book.at("objectives/speed", day(4, 10)) is not None


def test_of_two_from_the_same_moment_the_later_revision_holds(objective_with: Make) -> None:
    book = book_of([objective_with(revision=2), objective_with()])
    found = book.at("objectives/speed", day(4, 1))
    assert found is not None
    assert found.revision == 2


def test_an_earlier_date_does_not_put_an_old_revision_before_a_new_one(objective_with: Make) -> None:
    book = book_of([objective_with(effective_time=day(4, 1)), objective_with(revision=2, effective_time=day(3, 1))])
    found = [book.at("objectives/speed", moment) for moment in (day(3, 15), day(4, 15))]
    assert [each and each.revision for each in found] == [2, 1]


def test_nobody_knows_an_objective_that_is_not_there(objective_with: Make) -> None:
    book = book_of([objective_with()])
    assert book.at("objectives/other", day(4, 1)) is None
    assert book.revisions("objectives/other") == ()


@pytest.mark.parametrize(("seconds", "slice_minute"), [(0, 0), (299, 0), (300, 5)])
def test_slices_are_as_long_as_is_said(objective_with: Make, start: datetime, seconds: int, slice_minute: int) -> None:
    target = Target(Budgeting.TIMESLICES, Fraction(9, 10), Fraction(1))
    objective = objective_with(target=target, slice=timedelta(minutes=5))
    assert objective.slice_of(start + timedelta(seconds=seconds)) == start + timedelta(minutes=slice_minute)
