"""What surrounds the deliverer: a store, couriers and a profile that do as they are told."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from mesh.testkit import FixedClock
from notification.domain.contacts import Channel, Contact
from notification.domain.messages import Message, MessageState, Outcome, RetryPolicy
from notification.domain.routes import Leg
from notification.errors import CustomerNotFound
from notification.handlers import deliver_messages
from notification.handlers.deliver_messages import Deliverer, Terms
from notification.handlers.ports import Claimed


class Outgoing:
    """Claims what is due and keeps what became of it."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.waiting: list[Message] = []
        self.kept: list[Message] = []
        self.rounds: list[int] = []
        self.fails = 0

    async def claim(self, lease: timedelta, size: int) -> Sequence[Claimed]:
        due = [each for each in self.waiting if each.due_time and each.due_time <= self.clock.now()][:size]
        self.waiting = [each for each in self.waiting if each not in due]
        return [Claimed(each, 1, object()) for each in due]

    async def conclude(self, concluded: Sequence[tuple[Claimed, Message]]) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the database is away")
        self.rounds.append(len(concluded))
        self.kept += [message for _, message in concluded]

    def states(self) -> dict[str, MessageState]:
        return {message.message_id: message.state for message in self.kept}


class Courier:
    """Takes everything, after a while, unless told otherwise."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.outcomes: dict[str, Outcome] = {}
        self.delivered: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = 0
        self.most_at_once = 0
        self.rested = 0

    async def deliver(self, claimed: Claimed, leg: Leg) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.at_once -= 1
        self.delivered.append(leg.address)
        return self.outcomes.get(leg.address, Outcome(self.clock.now()))

    async def rest(self) -> None:
        self.rested += 1


class Profile:
    """Knows these customers."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.asked: list[set[str]] = []
        self.away = False

    async def get(self, ids: Collection[str]) -> Mapping[str, Contact]:
        self.asked.append(set(ids))
        if self.away:
            raise ConnectionError("profile is away")
        for each in sorted(ids):
            if each not in self.contacts:
                raise CustomerNotFound(each)
        return {each: self.contacts[each] for each in ids}


class Delays:
    def __init__(self) -> None:
        self.measured: list[str] = []

    def delivered(self, message: Message) -> None:
        self.measured.append(message.message_id)


@pytest.fixture
def clock(now: datetime) -> FixedClock:
    return FixedClock(now)


@pytest.fixture
def outgoing(clock: FixedClock) -> Outgoing:
    return Outgoing(clock)


@pytest.fixture
def courier(clock: FixedClock) -> Courier:
    return Courier(clock)


@pytest.fixture
def profile() -> Profile:
    return Profile()


@pytest.fixture
def delays() -> Delays:
    return Delays()


@pytest.fixture
def deliverer(outgoing, courier, profile, delays, clock, monkeypatch) -> Deliverer:
    monkeypatch.setattr(deliver_messages, "IDLE_SECONDS", 0.02)
    policy = RetryPolicy(timedelta(seconds=30), timedelta(minutes=15), most_tries=3)
    terms = Terms(policy, timedelta(minutes=2), in_hand=4)
    return Deliverer(outgoing, profile, {Channel.EMAIL: courier}, terms, delays, clock)
