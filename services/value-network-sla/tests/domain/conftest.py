"""How do the domain's tests write spans and agreements?"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from apportioning.span import Span, SpanKind
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.money import Money

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000

MakeSpan = Callable[..., Span]


@pytest.fixture
def span() -> MakeSpan:
    """`span("a", "root", "partners/x", 10, 20)`; times are nanoseconds since the start of the tests' time."""

    def make(
        span_id: str,
        parent: str,
        sender: str,
        start: int,
        end: int,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        operation: str = "work",
        error: bool = False,
        session: str = "",
        customer: str = "",
    ) -> Span:
        return Span(
            span_id=span_id.encode(),
            parent_id=parent.encode(),
            sender=sender,
            operation=operation,
            kind=kind,
            start_ns=START_NS + start,
            end_ns=START_NS + end,
            error=error,
            session_service=session,
            customer=customer,
        )

    return make


@pytest.fixture
def call(span: MakeSpan) -> Callable[..., list[Span]]:
    """The two spans of a call to a partner: CLIENT `c-<name>` and, within it, SERVER `s-<name>`."""

    def make(
        name: str,
        parent: str,
        partner: str,
        start: int,
        end: int,
        *,
        caller: str = "services/head-end",
        gap: int = 0,
        error: bool = False,
        operation: str | None = None,
    ) -> list[Span]:
        operation = operation or partner
        client, server = SpanKind.CLIENT, SpanKind.SERVER
        return [
            span(f"c-{name}", parent, caller, start, end, kind=client, operation=operation),
            span(
                f"s-{name}",
                f"c-{name}",
                f"partners/{partner}",
                start + gap // 2,
                end - (gap - gap // 2),
                kind=server,
                operation=operation,
                error=error,
            ),
        ]

    return make


@pytest.fixture
def root(span: MakeSpan) -> Callable[..., Span]:
    def make(end: int, start: int = 0, *, error: bool = False) -> Span:
        return span(
            "root",
            "",
            "services/head-end",
            start,
            end,
            kind=SpanKind.SERVER,
            operation="watch",
            session="iptv",
            customer="customers/1",
            error=error,
        )

    return make


@pytest.fixture
def agreement() -> Callable[..., Agreement]:
    """An agreement of `partner` on the operation of the same name, in effect from the start."""

    def make(
        partner: str,
        budget: int,
        *,
        name: str | None = None,
        operation: str | None = None,
        service: str = "iptv",
        objective_ppm: int = 990_000,
        window: timedelta = timedelta(seconds=60),
        min_visits: int = 1,
        penalty: Money | None = None,
        effective_time: datetime = START,
        create_time: datetime = START,
    ) -> Agreement:
        return Agreement(
            name=f"agreements/{name or partner}",
            partner=f"partners/{partner}",
            service=service,
            operation=operation or partner,
            latency_budget_ns=budget,
            objective_ppm=objective_ppm,
            window=window,
            min_visits=min_visits,
            penalty=penalty,
            effective_time=effective_time,
            create_time=create_time,
        )

    return make


@pytest.fixture
def flat() -> Callable[[Sequence[Sequence[Span]]], list[Span]]:
    def make(groups: Sequence[Sequence[Span]]) -> list[Span]:
        return [each for group in groups for each in group]

    return make
