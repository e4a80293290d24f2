"""Is usage that was reported under two ids told from usage that only looks alike?"""

import numpy as np

from billing_accuracy.domain.evidence.repeats import repeated_rows
from rating import Service, UsageColumns

VOICE, SMS, DATA = Service.VOICE, Service.SMS, Service.DATA


def rows(*records: tuple[int, Service, int, int, str]) -> list[int]:
    """Repeats among (owner, service, start, quantity, destination)."""
    owners, services, starts, quantities, destinations = zip(*records, strict=True)
    columns = UsageColumns.of(service=services, start=np.array(starts), quantity=quantities, destination=destinations)
    return repeated_rows(columns, np.array(starts) * 1_000_000, np.array(owners)).tolist()


def test_the_same_call_again_is_a_repeat() -> None:
    call = (1, VOICE, 100, 60, "49")
    assert rows(call, call, (1, VOICE, 200, 60, "49"), (*call[:2], 300, 60, "49")) == [1]
    assert rows(call, call, call) == [1, 2]


def test_between_others_of_the_same_moment_it_is_found_too() -> None:
    call, other = (1, VOICE, 100, 60, "49"), (1, DATA, 100, 5000, "")
    assert rows(call, other, call, other) == [2, 3]


def test_what_differs_in_anything_is_none() -> None:
    call = (1, VOICE, 100, 60, "49")
    assert rows(call, (1, VOICE, 100, 61, "49"), (1, VOICE, 100, 60, "48"), (2, VOICE, 100, 60, "49")) == []


def test_messages_and_calls_that_nobody_answered_may_be_alike() -> None:
    assert rows((1, SMS, 100, 1, "49"), (1, SMS, 100, 1, "49")) == []
    assert rows((1, VOICE, 100, 0, "49"), (1, VOICE, 100, 0, "49")) == []
