"""What goes into the table `message` comes out of it, and is claimed by one process at a time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from mesh.store import Store
from notification.domain.contacts import Channel
from notification.domain.messages import Attempt, MessageState, read
from notification.domain.routes import INBOX, Leg, Purpose
from notification.handlers.ports import Records
from notification.store.records import records_on

LEASE = timedelta(minutes=2)
HOUR = timedelta(hours=1)


async def test_messages_come_back_as_they_went_in(records: Records, message, now):
    full = replace(
        message,
        message_id="full",
        state=MessageState.READ,
        legs=(Leg(Channel.EMAIL, "zoë@example.com", tries=2, failed=True), INBOX),
        attempts=(Attempt(Channel.EMAIL, False, now, 'SMTP 550 "no"'), Attempt(Channel.INBOX, True, now, "")),
        next_attempt_time=now,
        read_time=now,
    )
    bare = replace(message, customer_id="c-2", event_time=None, decision_time=None, decision="")

    new = await records.messages.add([full, bare])

    assert set(new) == {("c-1", "full"), ("c-2", "m-1")}
    assert await records.messages.get(("c-1", "full")) == full
    assert await records.messages.lock([("c-2", "m-1"), ("c-9", "x")]) == {("c-2", "m-1"): bare}
    assert await records.messages.get(("c-2", "full")) is None


async def test_a_message_that_is_known_is_left_alone(records: Records, message):
    await records.messages.add([message])

    new = await records.messages.add([replace(message, body="other"), replace(message, message_id="m-2")])

    assert list(new) == [("c-1", "m-2")]
    assert await records.messages.get(("c-1", "m-1")) == message
    assert await records.messages.add([]) == []


async def test_changes_are_written(records: Records, message, now):
    await records.messages.add([message, replace(message, message_id="m-2")])
    changed = replace(
        message,
        state=MessageState.DELIVERED,
        legs=(),
        routed_time=now + LEASE,
        attempts=(Attempt(Channel.EMAIL, True, now, ""),),
    )

    await records.messages.save([changed])

    assert await records.messages.get(("c-1", "m-1")) == changed
    assert await records.messages.get(("c-1", "m-2")) == replace(message, message_id="m-2")


async def test_pages_are_newest_first(records: Records, message, now):
    await records.messages.add(
        [
            replace(
                message, customer_id=customer, message_id=name, create_time=now + timedelta(hours=hour), state=state
            )
            for customer, name, hour, state in (
                ("c-1", "a", 0, MessageState.READ),
                ("c-1", "b", 0, MessageState.QUEUED),
                ("c-1", "c", 2, MessageState.READ),
                ("c-2", "d", 1, MessageState.READ),
                ("c-2", "a", 0, MessageState.READ),
            )
        ]
    )

    async def names(customer_id=None, state=None, before=None, size=9) -> str:
        found = await records.messages.page(customer_id, state, before, size)
        return " ".join(f"{each.customer_id[2:]}{each.message_id}" for each in found)

    assert await names() == "1c 2d 2a 1b 1a"
    assert await names(size=2) == "1c 2d"
    assert await names(before=(now + timedelta(hours=1), "c-2", "d")) == "2a 1b 1a"
    assert await names(before=(now, "c-1", "b")) == "1a"
    assert await names("c-1") == "1c 1b 1a"
    assert await names("c-1", MessageState.READ) == "1c 1a"
    assert await names("c-1", before=(now, "c-1", "b")) == "1a"
    assert await names("c-3") == ""


async def test_what_is_due_is_claimed_urgent_ones_first(records: Records, message, now):
    def one(name: str, purpose: Purpose, minutes: int):
        return replace(message, message_id=name, purpose=purpose, create_time=now + timedelta(minutes=minutes))

    offers = [one(f"offer-{number}", Purpose.MARKETING, -60) for number in range(5)]
    service = [one("service-1", Purpose.SERVICE, -1), one("service-2", Purpose.SERVICE, -5)]
    urgent = [one("urgent", Purpose.URGENT_SERVICE, 0), one("later", Purpose.URGENT_SERVICE, 1)]
    await records.messages.add([*offers, *service, *urgent])

    claimed = await records.messages.claim(now, now + LEASE, 4)

    assert [each.message.message_id[:7] for each in claimed] == ["urgent", "service", "service", "offer-0"]
    assert [each.claim for each in claimed] == [1] * 4
    rest = await records.messages.claim(now, now + LEASE, 10)
    assert [each.message.message_id[:5] for each in rest] == ["offer"] * 4
    assert await records.messages.claim(now, now + LEASE, 10) == []


async def test_a_claim_ends_with_its_lease(records: Records, message, now):
    await records.messages.add([message])
    (first,) = await records.messages.claim(now, now + LEASE, 1)

    (second,) = await records.messages.claim(now + LEASE, now + 2 * LEASE, 1)

    assert (first.claim, second.claim) == (1, 2)
    assert await records.messages.still_claimed([first]) == {}
    assert await records.messages.still_claimed([second]) == {("c-1", "m-1"): message}


async def test_what_was_read_meanwhile_is_seen_at_the_end_of_a_claim(records: Records, message, now):
    await records.messages.add([message])
    (claimed,) = await records.messages.claim(now, now + LEASE, 1)
    await records.messages.save([read(message, now)])

    assert await records.messages.still_claimed([claimed]) == {("c-1", "m-1"): read(message, now)}


async def test_what_is_at_its_end_is_not_claimed(records: Records, message, now):
    ends = [MessageState.DELIVERED, MessageState.READ, MessageState.FAILED, MessageState.SUPPRESSED]
    await records.messages.add([replace(message, message_id=state, state=state) for state in ends])

    assert await records.messages.claim(now + timedelta(days=30), now, 10) == []


async def test_two_processes_never_claim_the_same(store: Store, message, now):
    async with store.unit_of_work() as uow:
        await records_on(uow.connection).messages.add(
            [replace(message, customer_id="shared", message_id=f"m-{n}") for n in range(10)]
        )

    async with store.unit_of_work() as one, store.unit_of_work() as other:
        first = await records_on(one.connection).messages.claim(now, now + LEASE, 6)
        second = await records_on(other.connection).messages.claim(now, now + LEASE, 6)

    names = [each.message.message_id for each in (*first, *second)]
    assert (len(first), len(second)) == (6, 4)
    assert len(set(names)) == 10


@pytest.mark.parametrize("sampled", [True, False])
async def test_the_trace_in_which_a_message_was_written_comes_back(records: Records, message, now, sampled: bool):
    written_in = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(int(sampled)))
    with trace.use_span(NonRecordingSpan(written_in)):
        await records.messages.add([message])

    (claimed,) = await records.messages.claim(now, now + LEASE, 1)

    assert claimed.origin == written_in
