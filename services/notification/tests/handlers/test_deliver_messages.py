"""How messages that are due leave the house: with a store, couriers and a profile that do as they are told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import time, timedelta

import pytest

from notification.domain.contacts import Address, Channel, Contact, MarketingConsent, QuietHours
from notification.domain.messages import Message, MessageState, Outcome
from notification.domain.routes import Leg, Purpose
from notification.handlers import deliver_messages
from notification.handlers.ports import Claimed


@pytest.fixture
def some(message: Message) -> Callable[..., list[Message]]:
    def make(count: int, **changes) -> list[Message]:
        return [
            replace(message, message_id=f"m-{n}", legs=(Leg(Channel.EMAIL, f"a{n}@example.com"),), **changes)
            for n in range(count)
        ]

    return make


def contact(customer_id: str = "c-1", **changes) -> Contact:
    addresses = (Address(Channel.EMAIL, "new@example.com", preferred=True),)
    return replace(Contact(customer_id, "Ada", "en", "UTC", addresses, (), None, ()), **changes)


async def test_all_that_is_due_is_delivered_and_measured(deliverer, outgoing, courier, profile, delays, some):
    outgoing.waiting = some(30)

    await deliverer.run()

    assert set(outgoing.states().values()) == {MessageState.DELIVERED}
    assert len(outgoing.kept) == len(delays.measured) == 30
    assert courier.most_at_once == 4
    assert courier.rested == 1
    assert profile.asked == []


async def test_a_slow_message_does_not_hold_up_the_others(deliverer, outgoing, courier, some):
    slow = asyncio.Event()
    outgoing.waiting = some(3)
    deliver = courier.deliver

    async def deliver_slowly(claimed: Claimed, leg: Leg) -> Outcome:
        if leg.address == "a0@example.com":
            await slow.wait()
        return await deliver(claimed, leg)

    courier.deliver = deliver_slowly
    turn = asyncio.create_task(deliverer.run())
    await _until(lambda: len(outgoing.kept) == 2)
    outgoing.waiting = [replace(each, message_id=f"new-{each.message_id}") for each in some(2)][1:]
    deliverer.wake.set()
    await _until(lambda: len(outgoing.kept) == 3)
    assert not turn.done()
    slow.set()
    await turn

    assert len(outgoing.kept) == 4


async def test_it_is_woken_while_it_has_nothing_to_do(deliverer, outgoing, some, monkeypatch):
    monkeypatch.setattr(deliver_messages, "IDLE_SECONDS", 5.0)
    turn = asyncio.create_task(deliverer.run())
    await asyncio.sleep(0.05)
    assert not turn.done()
    outgoing.waiting = some(1)
    deliverer.wake.set()
    await _until(lambda: outgoing.kept)
    turn.cancel()


async def test_a_turn_ends_even_if_there_is_always_more(deliverer, outgoing, some, monkeypatch):
    monkeypatch.setattr(deliver_messages, "TURN_SECONDS", 0.1)
    outgoing.waiting = some(1)
    claim = outgoing.claim

    async def claim_more(lease: timedelta, size: int) -> Sequence[Claimed]:
        claimed = await claim(lease, size)
        outgoing.waiting += some(4)
        return claimed

    outgoing.claim = claim_more
    async with asyncio.timeout(2):
        await deliverer.run()

    assert deliverer._under_way == {}


async def test_failures_go_their_way(deliverer, outgoing, courier, delays, some, now):
    courier.outcomes = {
        "a0@example.com": Outcome(now, "SMTP 550", permanent=True),
        "a1@example.com": Outcome(now, "SMTP 451"),
    }
    outgoing.waiting = some(3)

    await deliverer.run()

    assert outgoing.states() == {
        "m-0": MessageState.FAILED,
        "m-1": MessageState.QUEUED,
        "m-2": MessageState.DELIVERED,
    }
    assert delays.measured == ["m-2"]


async def test_what_expired_is_given_up(deliverer, outgoing, courier, some, now):
    outgoing.waiting = some(1, expire_time=now)

    await deliverer.run()

    assert outgoing.states() == {"m-0": MessageState.SUPPRESSED}
    assert courier.delivered == []


async def test_those_that_waited_are_routed_anew_in_one_call(deliverer, outgoing, courier, profile, some, now):
    waited = [replace(each, customer_id=f"c-{each.message_id}", next_attempt_time=now) for each in some(4)]
    profile.contacts = {each.customer_id: contact(each.customer_id) for each in waited}
    outgoing.waiting = waited

    await deliverer.run()

    assert courier.delivered == ["new@example.com"] * 4
    assert profile.asked == [{each.customer_id for each in waited}]


async def test_what_changed_while_they_waited_holds(deliverer, outgoing, courier, profile, some, now):
    offer, asleep, unknown, chose_inbox = some(4, next_attempt_time=now)
    outgoing.waiting = [
        replace(offer, purpose=Purpose.MARKETING),
        replace(asleep, customer_id="c-asleep"),
        replace(unknown, customer_id="c-unknown"),
        replace(chose_inbox, customer_id="c-inbox"),
    ]
    withdrawn = MarketingConsent(None, granted=False, time=now)
    profile.contacts = {
        "c-1": contact(marketing_consents=(withdrawn,)),
        "c-asleep": contact("c-asleep", quiet_hours=QuietHours(time(11), time(13))),
        "c-inbox": contact("c-inbox", channels=(Channel.INBOX,)),
    }

    await deliverer.run()

    assert courier.delivered == []
    assert outgoing.states() == {
        "m-0": MessageState.SUPPRESSED,
        "m-1": MessageState.QUEUED,
        "m-2": MessageState.SUPPRESSED,
        "m-3": MessageState.DELIVERED,
    }


async def test_fresh_messages_go_out_even_if_profile_is_away(deliverer, outgoing, courier, profile, some, now):
    profile.away = True
    fresh, stale = some(2)
    outgoing.waiting = [replace(stale, next_attempt_time=now), fresh]

    with pytest.raises(ExceptionGroup, match="due again"):
        await deliverer.run()
    await deliverer.run()

    assert courier.delivered == ["a0@example.com"]
    assert outgoing.states() == {"m-0": MessageState.DELIVERED}


async def test_what_could_not_be_kept_is_kept_in_the_next_turn_and_not_sent_again(deliverer, outgoing, courier, some):
    outgoing.waiting = some(1)
    outgoing.fails = 1

    with pytest.raises(ConnectionError):
        await deliverer.run()
    await deliverer.run()

    assert courier.delivered == ["a0@example.com"]
    assert outgoing.states() == {"m-0": MessageState.DELIVERED}


async def test_what_comes_back_together_is_kept_together(deliverer, outgoing, courier, some):
    courier.gate.clear()
    outgoing.waiting = some(4)
    turn = asyncio.create_task(deliverer.run())
    await _until(lambda: courier.at_once == 4)
    courier.gate.set()
    await turn

    assert len(outgoing.rounds) < 4


async def test_a_turn_that_is_cut_off_leaves_nothing_running(deliverer, outgoing, courier, some):
    courier.gate.clear()
    outgoing.waiting = some(2)
    turn = asyncio.create_task(deliverer.run())
    await _until(lambda: courier.at_once == 2)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await asyncio.sleep(0)

    assert all(task.cancelled() or task.cancelling() for task in deliverer._under_way)


async def _until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not happened():
            await asyncio.sleep(0.001)
