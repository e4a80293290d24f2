"""Story 1, bill shock: usage crosses a threshold, and the customer hears of it with the plan that would be cheaper."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from cxmesh.notification.v1.message_pb2 import Message, MessageState
from cxmesh.notification.v1.notification_service_pb2 import ListMessagesRequest
from cxmesh.offer.v1.decision_pb2 import Decision, Recovery
from cxmesh.offer.v1.offer_decision_service_pb2 import ListDecisionsRequest
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.signal_pb2 import Signal
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_VOICE, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import ListSignalsRequest, RecordUsageRequest, RecordUsageResponse
from cxmesh_cli.demo.calls import Calls
from cxmesh_cli.demo.client import TIMEOUT_SECONDS, MeshClient, Trace, every
from cxmesh_cli.demo.subscribers import Band, Subscriber
from cxmesh_cli.errors import CallError

BATCH_RECORDS: Final = 1000
IN_FLIGHT: Final = 4
TRACED_EVERY: Final = 10
"""Every so many batches one is traced from end to end."""
PAGE: Final = 1000
SETTLE_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.25

_FINAL: Final = frozenset(
    {
        MessageState.MESSAGE_STATE_DELIVERED,
        MessageState.MESSAGE_STATE_READ,
        MessageState.MESSAGE_STATE_FAILED,
        MessageState.MESSAGE_STATE_SUPPRESSED,
    }
)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of the records."""

    accepted: int
    duplicates: int
    rejected: Counter[str]
    """By reason."""
    seconds: float
    traces: tuple[Trace, ...]
    """Of the batches that were traced."""

    @property
    def records_per_second(self) -> float:
        """Durable, counted, and their signals committed."""
        return self.accepted / self.seconds


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the mesh made of a kind of trigger: one decision each, a message for those that act."""

    decisions: tuple[Decision, ...]
    messages: dict[str, Message]
    """By decision."""

    @property
    def acting(self) -> list[Decision]:
        """Decisions to tell the customer."""
        return [one for one in self.decisions if one.verdict == Decision.VERDICT_ACT]

    @property
    def granted(self) -> list[Decision]:
        """Decisions whose credit is on the customer's account."""
        return [one for one in self.decisions if _credit(one) == Recovery.CREDIT_STATE_GRANTED]

    @property
    def pending(self) -> int:
        """Credits on their way to an account."""
        return sum(_credit(one) == Recovery.CREDIT_STATE_PENDING for one in self.decisions)


def send_usage(
    mesh: MeshClient, subscribers: Sequence[Subscriber], calls: Calls, advance: Callable[[int], None]
) -> Ingested:
    """All records in the order of their arrival, several batches under way, some of them traced."""
    counts, rejected, traces = Counter[str](), Counter[str](), list[Trace]()
    under_way: deque[tuple[grpc.Future[RecordUsageResponse], Trace | None]] = deque()

    def take(call: grpc.Future[RecordUsageResponse], trace: Trace | None) -> None:
        answer = call.result()
        if trace is not None:
            trace.end()
            traces.append(trace)
        counts["accepted"] += answer.accepted_count
        counts["duplicates"] += answer.duplicate_count
        rejected.update(ErrorReason.Name(rejection.reason) for rejection in answer.rejections)
        advance(answer.accepted_count + answer.duplicate_count + len(answer.rejections))

    started = time.perf_counter()
    for number, request in enumerate(usage_requests(subscribers, calls)):
        trace = Trace() if number % TRACED_EVERY == 0 else None
        metadata = trace.metadata if trace else None
        under_way.append((mesh.usage.RecordUsage.future(request, timeout=TIMEOUT_SECONDS, metadata=metadata), trace))
        if len(under_way) >= IN_FLIGHT:
            take(*under_way.popleft())
    while under_way:
        take(*under_way.popleft())
    seconds = time.perf_counter() - started
    mesh.export_roots("record usage", traces)
    return Ingested(counts["accepted"], counts["duplicates"], rejected, seconds, tuple(traces))


def all_signals(mesh: MeshClient) -> list[Signal]:
    """Every signal that was raised."""
    return list(
        every(
            lambda token: mesh.usage.ListSignals(
                ListSignalsRequest(page_size=PAGE, page_token=token), timeout=TIMEOUT_SECONDS
            ),
            lambda page: page.signals,
        )
    )


def await_reaction(mesh: MeshClient, triggers: set[str], expected: int) -> Reaction:
    """Wait for `expected` decisions on resources of these names, and for the end of what they led to.

    Which is a message each, and a credit of some: granted, or refused.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        decisions = [one for one in all_decisions(mesh) if one.trigger.resource in triggers]
        messages = {one.decision: one for one in _messages(mesh) if one.state in _FINAL}
        reaction = Reaction(
            tuple(decisions), {one.name: messages[one.name] for one in decisions if one.name in messages}
        )
        told = all(one.name in messages for one in reaction.acting)
        if len(decisions) >= expected and told and not reaction.pending:
            return reaction
        if time.monotonic() > deadline:
            raise CallError(
                f"the mesh did not come to rest in {SETTLE_SECONDS:.0f} s: {expected - len(decisions)} decisions, "
                f"{len(reaction.acting) - len(reaction.messages)} messages and {reaction.pending} credits are missing",
                hint="cxmesh status shows lag and parked events; cxmesh logs shows errors",
            )
        time.sleep(POLL_SECONDS)


def reaction_seconds(signals: Sequence[Signal], reaction: Reaction) -> list[float]:
    """From a record's arrival to the delivery of the message that it led to, for each delivered message."""
    arrived = {signal.name: signal.arrive_time.ToDatetime() for signal in signals}
    seconds = []
    for decision in reaction.acting:
        attempts = [attempt for attempt in reaction.messages[decision.name].attempts if attempt.succeeded]
        if attempts:
            delivered = attempts[0].time.ToDatetime()
            seconds.append((delivered - arrived[decision.trigger.resource]).total_seconds())
    return sorted(seconds)


def usage_requests(subscribers: Sequence[Subscriber], calls: Calls) -> Iterator[RecordUsageRequest]:
    """The calls as usage records, BATCH_RECORDS a request."""
    bands = [band.name.lower() for band in Band]
    names = [one.subscription for one in subscribers]
    sources = [f"msc-{one.area_code}" for one in subscribers]
    numbers = [one.number for one in subscribers]
    rows = zip(
        calls.subscriber.tolist(),
        calls.band.tolist(),
        calls.sequence.tolist(),
        calls.start_seconds.tolist(),
        calls.duration_seconds.tolist(),
        calls.destination,
        strict=True,
    )
    request = RecordUsageRequest()
    for who, band, sequence, start, duration, destination in rows:
        record = UsageRecord(
            source=sources[who],
            record_id=f"{numbers[who]}-{bands[band]}-{sequence}",
            subscription=names[who],
            usage_type=USAGE_TYPE_VOICE,
            quantity=duration,
            destination=destination,
        )
        record.start_time.seconds = start
        request.records.append(record)
        if len(request.records) == BATCH_RECORDS:
            yield request
            request = RecordUsageRequest()
    if request.records:
        yield request


def all_decisions(mesh: MeshClient) -> Iterator[Decision]:
    """Every decision that was made."""
    return every(
        lambda token: mesh.offers.ListDecisions(
            ListDecisionsRequest(page_size=PAGE, page_token=token), timeout=TIMEOUT_SECONDS
        ),
        lambda page: page.decisions,
    )


def _credit(decision: Decision) -> Recovery.CreditState.ValueType:
    return decision.recovery.credit_state


def _messages(mesh: MeshClient) -> Iterator[Message]:
    return every(
        lambda token: mesh.notification.ListMessages(
            ListMessagesRequest(parent="customers/-", page_size=PAGE, page_token=token), timeout=TIMEOUT_SECONDS
        ),
        lambda page: page.messages,
    )
