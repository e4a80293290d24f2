"""Which signal tells a customer of a limit, and what is it called so that nobody is told twice?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.limits.events import ConsentTerms, EventKind
from usage_correlation.domain.limits.policies import LimitPolicy
from usage_correlation.domain.limits.standing import Stage, Standing
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal, SignalKind, SpendingLimitPassed, signal_id
from usage_correlation.domain.subscribers import Subscription

EVENT_OF = {Stage.NEAR: EventKind.NOTICED, Stage.REACHED: EventKind.REACHED, Stage.STOPPED: EventKind.STOPPED}


@dataclass(frozen=True, slots=True)
class Moments:
    """When what is signalled happened, arrived and was noted."""

    event: datetime
    arrive: datetime
    create: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What there is to say."""

    stage: Stage
    percent: int
    limit_nanos: int | None
    consent_terms: ConsentTerms | None = None
    evidence: Sequence[str] = ()


def notice_signal(
    subscription: Subscription, policy: LimitPolicy, standing: Standing, notice: Notice, moments: Moments
) -> Signal:
    """The signal: one for each period, round, stage and percentage."""
    what = (policy.id, standing.period.start_micros, standing.round, notice.stage, notice.percent)
    return Signal(
        id=signal_id(SignalKind.SPENDING_LIMIT, subscription.id, *what),
        kind=SignalKind.SPENDING_LIMIT,
        subscription=subscription.id,
        customer=subscription.customer,
        event_time=moments.event,
        arrive_time=moments.arrive,
        create_time=moments.create,
        evidence=tuple(notice.evidence[-MAX_EVIDENCE:]),
        detail=SpendingLimitPassed(
            policy=policy.id,
            stage=notice.stage,
            percent=notice.percent,
            limit_nanos=notice.limit_nanos,
            spent_nanos=nearest_nanos(standing.spent),
            currency=policy.terms.currency,
            tax_basis=policy.terms.tax_basis,
            period=standing.period,
            consent_terms=notice.consent_terms,
            template_prefix=policy.terms.templates,
        ),
    )
