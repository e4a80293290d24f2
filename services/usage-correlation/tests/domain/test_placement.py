"""Where does each record belong, and which belong nowhere?"""

from datetime import UTC, datetime, timedelta

import pytest
from usage_samples import MARCH_2, subscriber, usage_batch

from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import NOWHERE, Placement, Placer
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.subscribers import PlanPeriod, Subscriber
from usage_correlation.domain.usage import MAX_QUANTITY

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def place(*rows: tuple[str, datetime, int], subscribers: dict[str, Subscriber | Refusal] | None = None) -> Placement:
    placer = Placer(BillCalendar(), to_micros(NOW), timedelta(seconds=300))
    return placer.place(usage_batch(*rows), {"s-1": subscriber()} if subscribers is None else subscribers)


def refusal(*row: object, **changes: object) -> Refusal:
    placement = place(*row, subscribers={"s-1": subscriber(**changes)})  # type: ignore[arg-type]  # rows are as in place
    assert placement.account_of == [NOWHERE]
    return placement.refusals[0]


def test_records_of_one_cycle_share_an_account() -> None:
    placement = place(("s-1", MARCH_2, 1), ("s-1", MARCH_2 + SECOND, 1), ("s-1", MARCH_2 - timedelta(days=9), 1))
    assert placement.account_of == [0, 0, 1]
    assert [account.cycle.start.month for account in placement.accounts] == [3, 2]


def test_a_record_may_be_as_far_ahead_as_clocks_differ() -> None:
    assert place(("s-1", NOW + 300 * SECOND, 1)).refusals == {}
    refused = refusal(("s-1", NOW + 300 * SECOND + timedelta(microseconds=1), 1))
    assert (refused.reason, refused.field) == (Reason.RECORD_IN_FUTURE, "start_time")
    assert refused.description == "2026-03-15T12:05:00.000001Z is more than 300 s ahead"


def test_usage_starts_with_the_activation() -> None:
    activation = {
        "activate_micros": to_micros(MARCH_2),
        "plan_periods": (PlanPeriod("gold", to_micros(MARCH_2), None),),
    }
    assert place(("s-1", MARCH_2, 1), subscribers={"s-1": subscriber(**activation)}).refusals == {}
    refused = refusal(("s-1", MARCH_2 - SECOND, 1), **activation)
    assert (refused.reason, refused.field) == (Reason.RECORD_BEFORE_ACTIVATION, "start_time")
    assert refused.description == "2026-03-02T14:59:59Z is before the activation at 2026-03-02T15:00:00Z"


def test_the_plan_in_force_when_the_record_began_rates_it() -> None:
    change = to_micros(MARCH_2)
    periods = (PlanPeriod("old", 0, change), PlanPeriod("new", change, None))
    rows = [("s-1", MARCH_2 - SECOND, 1), ("s-1", MARCH_2, 1)]
    placement = place(*rows, subscribers={"s-1": subscriber(plan_periods=periods)})
    assert placement.rows_by_plan == {"old": [0], "new": [1]}


def test_a_time_without_a_plan_cannot_be_rated() -> None:
    refused = refusal(("s-1", MARCH_2, 1), plan_periods=())
    assert (refused.reason, refused.field) == (Reason.NOT_RATEABLE, "start_time")


def test_an_unknown_subscription_is_named() -> None:
    refused = place(("s-9", MARCH_2, 1)).refusals[0]
    assert (refused.reason, refused.field) == (Reason.SUBSCRIPTION_NOT_FOUND, "subscription")
    assert refused.description == "there is no subscriptions/s-9"


def test_a_subscription_that_cannot_be_used_passes_its_refusal_on() -> None:
    why = Refusal(Reason.NOT_RATEABLE, "subscription", "its time zone is not known here")
    assert place(("s-1", MARCH_2, 1), subscribers={"s-1": why}).refusals == {0: why}


@pytest.mark.parametrize(("quantity", "refused"), [(0, False), (MAX_QUANTITY, False), (MAX_QUANTITY + 1, True)])
def test_only_a_quantity_that_cannot_be_is_refused(quantity: int, *, refused: bool) -> None:
    assert (0 in place(("s-1", MARCH_2, quantity)).refusals) == refused


def test_one_bad_record_does_not_hold_up_the_others() -> None:
    placement = place(("s-9", MARCH_2, 1), ("s-1", MARCH_2, 1), ("s-1", NOW + timedelta(days=1), 1))
    assert placement.account_of == [NOWHERE, 0, NOWHERE]
    assert placement.rows_by_plan == {"standard": [1]}
