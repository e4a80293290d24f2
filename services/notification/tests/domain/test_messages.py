"""What becomes of a message, step by step."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.domain.compose import Occasion, check_occasion, compose
from notification.domain.contacts import Address, Channel, Contact, MarketingConsent, QuietHours
from notification.domain.messages import (
    FRESH,
    LIFETIME,
    Attempt,
    Message,
    MessageState,
    Outcome,
    RetryPolicy,
    concluded,
    dispatched,
    given_up,
    needs_routing,
    read,
    reconciled,
)
from notification.domain.routes import Leg, Purpose
from notification.domain.templates import LocalizedText, Template
from notification.errors import InvalidValue, MissingParameter

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
ADA = Contact(
    customer_id="c-1",
    display_name="Ada",
    language_code="en",
    time_zone="UTC",
    addresses=(Address(Channel.EMAIL, "ada@example.com", preferred=True),),
    channels=(),
    quiet_hours=None,
    marketing_consents=(),
)
ASLEEP = replace(ADA, quiet_hours=QuietHours(time(22), time(7)))
AWAKE_AGAIN = datetime(2026, 3, 2, 7, tzinfo=UTC)
TEMPLATE = Template(
    "t",
    (
        LocalizedText("en", "{spent} spent", "Hello {customer_name}, {spent}: {action_url}"),
        LocalizedText("de", "{spent}", "Hallo {customer_name}"),
    ),
    NOW,
    NOW,
)
OCCASION = Occasion(
    customer_id="c-1",
    message_id="d-1",
    decision="decisions/d-1",
    trigger="signals/s-1",
    template_id="t",
    purpose=Purpose.SERVICE,
    parameters={"spent": "$80.00"},
    action_path="/plans?from=d-1",
    expire_time=NOW + timedelta(days=1),
    event_time=NOW - timedelta(seconds=2),
    decision_time=NOW - timedelta(seconds=1),
)
POLICY = RetryPolicy(timedelta(seconds=30), timedelta(minutes=15), most_tries=4)
SITE = "https://my.example.com/"


def message(contact: Contact = ADA, **changes) -> Message:
    return compose(replace(OCCASION, **changes), TEMPLATE, contact, SITE, NOW)


def test_a_message_is_written_for_the_customer():
    written = message()

    assert written.name == "customers/c-1/messages/d-1"
    assert (written.subject, written.language_code) == ("$80.00 spent", "en")
    assert written.body == "Hello Ada, $80.00: https://my.example.com/plans?from=d-1"
    assert written.state is MessageState.QUEUED
    assert written.due_time == NOW
    assert written.next_attempt_time is None


def test_a_message_without_an_action_leads_to_the_site():
    assert message(action_path="").body.endswith("https://my.example.com")


def test_a_customer_without_a_name_is_greeted_all_the_same():
    assert "Hello customer," in message(replace(ADA, display_name="")).body
    assert message(replace(ADA, display_name="", language_code="de")).body == "Hallo liebe Kundin, lieber Kunde"


def test_what_is_always_there_cannot_be_replaced_by_a_parameter():
    assert "Hello Ada" in message(parameters={"spent": "1", "customer_name": "Mallory"}).body


def test_a_missing_parameter_is_named():
    with pytest.raises(MissingParameter, match="'spent', which templates/t needs"):
        message(parameters={})


def test_a_subject_is_one_line_whatever_the_parameters():
    assert message(parameters={"spent": "a\n\nBcc: all"}).subject == "a Bcc: all spent"


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "plans", "/a b", "/a\n", "/" + "x" * 500]
)
def test_an_action_never_leads_elsewhere(path: str):
    with pytest.raises(InvalidValue, match="action_path"):
        check_occasion(replace(OCCASION, action_path=path))


def test_parameters_with_control_characters_are_refused_without_being_shown():
    with pytest.raises(InvalidValue) as refused:
        check_occasion(replace(OCCASION, parameters={"spent": "secret\0"}))

    assert refused.value.field == 'parameters["spent"]'
    assert "secret" not in str(refused.value)


def test_a_message_lives_a_week_unless_told_otherwise():
    assert message(expire_time=None).expire_time == NOW + LIFETIME


@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.MARKETING])
def test_quiet_hours_are_kept(purpose: Purpose):
    consenting = replace(ASLEEP, marketing_consents=(MarketingConsent(None, granted=True, time=NOW),))

    written = message(consenting, purpose=purpose)

    assert written.state is MessageState.QUEUED
    assert written.next_attempt_time == written.due_time == AWAKE_AGAIN


def test_urgent_messages_pass_quiet_hours():
    assert message(ASLEEP, purpose=Purpose.URGENT_SERVICE).due_time == NOW


def test_a_message_that_expires_in_quiet_hours_is_due_then():
    waiting = message(ASLEEP, expire_time=NOW + timedelta(hours=1))

    assert waiting.due_time == NOW + timedelta(hours=1)
    assert given_up(waiting).state is MessageState.SUPPRESSED


def test_offers_without_consent_are_not_sent():
    written = message(purpose=Purpose.MARKETING)

    assert (written.state, written.due_time) == (MessageState.SUPPRESSED, None)


def test_a_message_that_comes_too_late_is_not_sent():
    assert message(expire_time=NOW).state is MessageState.SUPPRESSED


def test_without_an_outside_channel_it_is_shown_in_the_inbox():
    written = message(replace(ASLEEP, channels=(Channel.INBOX,)))

    assert written.state is MessageState.DELIVERED
    assert written.attempts == (Attempt(Channel.INBOX, succeeded=True, time=NOW, error=""),)
    assert written.carried_by is Channel.INBOX


def attempt(queued: Message, outcome: Outcome) -> Message:
    assert queued.leg is not None
    return concluded(queued, queued.leg, outcome, POLICY)


def test_a_message_that_was_taken_is_delivered():
    taken = attempt(message(), Outcome(NOW))

    assert (taken.state, taken.due_time, taken.carried_by) == (MessageState.DELIVERED, None, Channel.EMAIL)


def test_a_temporary_failure_is_tried_again_each_time_later():
    failing, waits = message(), []
    for _ in range(POLICY.most_tries - 1):
        failing = attempt(failing, Outcome(NOW, "SMTP 451 later"))
        assert failing.next_attempt_time is not None
        waits.append((failing.next_attempt_time - NOW).total_seconds())

    assert waits == [30, 60, 120]
    assert attempt(failing, Outcome(NOW, "SMTP 451 later")).state is MessageState.FAILED


def test_a_permanent_failure_goes_by_the_next_way_at_once():
    two = replace(ADA, addresses=(*ADA.addresses, Address(Channel.EMAIL, "old@example.com", preferred=False)))

    failed = attempt(message(two), Outcome(NOW, "SMTP 550 no such user", permanent=True))

    assert failed.state is MessageState.QUEUED
    assert failed.leg == Leg(Channel.EMAIL, "old@example.com")
    assert failed.due_time == NOW
    assert attempt(failed, Outcome(NOW)).state is MessageState.DELIVERED


def test_the_inbox_takes_over_when_the_customer_chose_it_as_well():
    both = replace(ADA, channels=(Channel.EMAIL, Channel.INBOX))

    failed = attempt(message(both), Outcome(NOW, "SMTP 550 no such user", permanent=True))

    assert (failed.state, failed.carried_by) == (MessageState.DELIVERED, Channel.INBOX)
    assert [each.succeeded for each in failed.attempts] == [False, True]


def test_when_every_channel_failed_it_failed():
    failed = attempt(message(), Outcome(NOW, "SMTP 550 no such user", permanent=True))

    assert (failed.state, failed.carried_by, failed.due_time) == (MessageState.FAILED, None, None)


def test_no_attempt_is_planned_for_when_it_has_expired():
    failed = attempt(message(expire_time=NOW + timedelta(seconds=30)), Outcome(NOW, "SMTP 451 later"))

    assert failed.state is MessageState.FAILED


def test_giving_up_after_an_attempt_is_a_failure():
    assert given_up(attempt(message(), Outcome(NOW, "SMTP 451 later"))).state is MessageState.FAILED


def test_what_the_customer_read_is_not_sent_any_more():
    opened = read(message(), NOW)

    assert (opened.state, opened.read_time, opened.due_time) == (MessageState.READ, NOW, None)
    assert read(opened, NOW + timedelta(days=1)) is opened


def test_what_the_customer_read_while_it_was_sent_stays_read():
    queued = message()
    sent = attempt(queued, Outcome(NOW))

    both = reconciled(sent, read(queued, NOW))

    assert (both.state, both.read_time, both.attempts) == (MessageState.READ, NOW, sent.attempts)
    assert reconciled(sent, queued) is sent


def test_where_it_goes_is_asked_again_when_it_waited():
    fresh = message()

    assert not needs_routing(fresh, NOW + FRESH)
    assert needs_routing(fresh, NOW + FRESH + timedelta(seconds=1))
    assert needs_routing(attempt(fresh, Outcome(NOW, "SMTP 451 later")), NOW)
    assert needs_routing(message(ASLEEP), AWAKE_AGAIN)


def test_consent_withdrawn_while_it_waited_holds():
    consenting = replace(ASLEEP, marketing_consents=(MarketingConsent(None, granted=True, time=NOW),))
    waiting = message(consenting, purpose=Purpose.MARKETING)

    assert dispatched(waiting, ASLEEP, AWAKE_AGAIN).state is MessageState.SUPPRESSED
    assert dispatched(waiting, consenting, AWAKE_AGAIN).due_time == AWAKE_AGAIN


def test_a_new_address_is_tried_and_one_that_failed_is_not():
    failing = attempt(message(), Outcome(NOW, "SMTP 451 later"))
    moved = replace(ADA, addresses=(Address(Channel.EMAIL, "new@example.com", preferred=True), *ADA.addresses))

    again = dispatched(failing, moved, NOW + timedelta(minutes=1))

    assert [(leg.address, leg.tries) for leg in again.legs] == [("new@example.com", 0), ("ada@example.com", 1)]
    assert again.leg == again.legs[0]


def test_a_retry_that_falls_into_quiet_hours_waits():
    failing = attempt(message(), Outcome(NOW, "SMTP 451 later"))

    assert dispatched(failing, ASLEEP, NOW + timedelta(minutes=1)).due_time == AWAKE_AGAIN


@given(st.lists(st.sampled_from(["taken", "later", "never"]), min_size=1, max_size=30), st.booleans())
def test_every_message_comes_to_an_end(outcomes: list[str], chose_inbox: bool):
    channels = (Channel.EMAIL, Channel.INBOX) if chose_inbox else ()
    current, now = message(replace(ADA, channels=channels)), NOW
    for each in outcomes:
        if current.state is not MessageState.QUEUED:
            break
        assert current.due_time is not None
        now = max(now, current.due_time)
        error = {"taken": "", "later": "SMTP 451", "never": "SMTP 550"}[each]
        current = attempt(current, Outcome(now, error, permanent=each == "never"))
    assert len(current.attempts) <= POLICY.most_tries + 1
    assert (current.state is MessageState.QUEUED) == (current.due_time is not None)
    assert (current.state is MessageState.DELIVERED) == (current.carried_by is not None)
    if chose_inbox:
        assert current.state is not MessageState.FAILED


@given(st.integers(1, 10_000))
def test_waits_grow_up_to_the_longest(tries: int):
    assert timedelta(seconds=30) <= POLICY.wait(tries) <= POLICY.wait(tries + 1) <= timedelta(minutes=15)
