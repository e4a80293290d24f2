"""Is what was learned still so when it is given out?"""

from datetime import UTC, datetime, timedelta

import pytest

from mesh.clock import FixedClock
from usage_correlation.handlers.cache import Cache

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def cache(clock: FixedClock) -> Cache[int]:
    return Cache(3, MINUTE, clock)


def test_what_is_kept_is_found_and_the_rest_is_missing(cache: Cache[int]) -> None:
    cache.keep({"a": 1}, cache.generation)
    assert cache.find(["a", "b"]) == ({"a": 1}, ["b"])


def test_nothing_is_believed_for_longer_than_its_lifetime(cache: Cache[int], clock: FixedClock) -> None:
    cache.keep({"a": 1}, cache.generation)
    clock.advance(MINUTE - timedelta(seconds=1))
    assert cache.find(["a"])[0] == {"a": 1}
    clock.advance(timedelta(seconds=1))
    assert cache.find(["a"])[0] == {}


def test_those_that_came_first_go_first(cache: Cache[int]) -> None:
    cache.keep({"a": 1, "b": 2, "c": 3}, cache.generation)
    cache.keep({"a": 4}, cache.generation)
    cache.keep({"d": 5}, cache.generation)
    assert cache.find("abcd")[0] == {"a": 4, "c": 3, "d": 5}
    assert len(cache) == 3


def test_what_is_forgotten_is_gone(cache: Cache[int]) -> None:
    cache.keep({"a": 1, "b": 2}, cache.generation)
    cache.forget(["a"])
    assert cache.find("ab")[0] == {"b": 2}


def test_an_answer_to_a_question_from_before_the_change_is_not_kept(cache: Cache[int]) -> None:
    asked = cache.generation
    cache.forget(["a"])
    cache.keep({"a": 1, "b": 2}, asked)
    assert cache.find("ab")[0] == {"b": 2}


def test_an_answer_to_a_question_from_after_the_change_is_kept(cache: Cache[int]) -> None:
    cache.forget(["a"])
    cache.keep({"a": 1}, cache.generation)
    assert cache.find("a")[0] == {"a": 1}


def test_after_clearing_no_older_answer_is_kept(cache: Cache[int]) -> None:
    asked = cache.generation
    cache.keep({"a": 1}, asked)
    cache.clear()
    cache.keep({"b": 2}, asked)
    assert cache.find("ab")[0] == {}


def test_too_many_losses_to_remember_make_older_answers_worthless(
    cache: Cache[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_correlation.handlers.cache._REMEMBERED_LOSSES", 1)
    asked = cache.generation
    cache.forget(["a"])
    cache.forget(["b"])
    cache.keep({"a": 1, "c": 3}, asked)
    assert cache.find("abc")[0] == {}
