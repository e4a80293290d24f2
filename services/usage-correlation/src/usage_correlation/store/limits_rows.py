"""How do standings, events and stops lie in their rows?"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import ConsentTerms, EventKind, Facts, LimitEvent, LimitStop
from usage_correlation.domain.limits.policies import LimitScope
from usage_correlation.domain.limits.standing import NEVER, LimitState, Standing
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.handlers.limits.ports import Held, Kept

_TERMS: Final = TypeAdapter(ConsentTerms)
_FACTS: Final = TypeAdapter(Facts)
_SCOPE: Final = TypeAdapter(LimitScope)

Document = Mapping[str, Any]
"""A row as JSON; Any: of several types."""


def held_columns(held: Held) -> dict[str, Any]:
    """What a row is found by."""
    return {"shard": held.shard, "subscription_key": held.subscription, "policy_id": held.policy}


def standing_row(kept: Kept) -> Document:
    """A standing."""
    standing = kept.standing
    scale = lcm(standing.spent.denominator, standing.not_charged.denominator)
    return held_columns(kept.held) | {
        "period_start_time": _moment(standing.period.start_micros),
        "period_end_time": _moment(standing.period.end_micros),
        "state": standing.state,
        # As text: JSON numbers of this length are not safe with every reader.
        "spent": str(int(standing.spent * scale)),
        "not_charged": str(int(standing.not_charged * scale)),
        "scale": str(scale),
        "consents": standing.consents,
        "consents_in_period": standing.consents_in_period,
        "round": standing.round,
        "percent": standing.percent,
        "stop_time": None if standing.stop_micros is None else _moment(standing.stop_micros),
        "open_from_time": None if standing.open_from_micros == NEVER else _moment(standing.open_from_micros),
        "consent_terms": None if kept.consent_terms is None else _TERMS.dump_python(kept.consent_terms, mode="json"),
    }


def kept_from(row: Row[Any]) -> Kept:
    """A standing as kept."""
    return Kept(
        Held(row.shard, row.subscription_key, row.policy_id),
        Standing(
            period=BillCycle(to_micros(row.period_start_time), to_micros(row.period_end_time)),
            state=LimitState(row.state),
            spent=Fraction(int(row.spent), int(row.scale)),
            not_charged=Fraction(int(row.not_charged), int(row.scale)),
            consents=row.consents,
            consents_in_period=row.consents_in_period,
            round=row.round,
            percent=row.percent,
            stop_micros=None if row.stop_time is None else to_micros(row.stop_time),
            open_from_micros=NEVER if row.open_from_time is None else to_micros(row.open_from_time),
        ),
        None if row.consent_terms is None else _TERMS.validate_python(row.consent_terms),
    )


def event_row(held: Held, event: LimitEvent) -> Document:
    """An event, before it has its number."""
    period = event.period
    return held_columns(held) | {
        "kind": event.kind,
        "period_start_time": None if period is None else _moment(period.start_micros),
        "period_end_time": None if period is None else _moment(period.end_micros),
        "event_time": event.event_time.isoformat(),
        "record_time": event.record_time.isoformat(),
        "facts": _FACTS.dump_python(event.facts, mode="json", exclude_defaults=True),
    }


def event_from(row: Row[Any]) -> LimitEvent:
    """An event as kept."""
    has_period = row.period_start_time is not None
    return LimitEvent(
        kind=EventKind(row.kind),
        policy=row.policy_id,
        period=BillCycle(to_micros(row.period_start_time), to_micros(row.period_end_time)) if has_period else None,
        event_time=row.event_time,
        record_time=row.record_time,
        facts=_FACTS.validate_python(row.facts),
        sequence=row.sequence,
    )


def stop_row(kept: Kept, stop: LimitStop) -> Document:
    """A stop of a standing's round."""
    return held_columns(kept.held) | {
        "period_start_time": _moment(kept.standing.period.start_micros),
        "round": kept.standing.round,
        "start_time": _moment(stop.start_micros),
        "effective_time": _moment(stop.effective_micros),
        "end_time": _moment(stop.end_micros),
        "scope": _SCOPE.dump_python(stop.scope, mode="json"),
    }


def stop_from(row: Row[Any]) -> LimitStop:
    """A stop as kept."""
    return LimitStop(
        subscription=row.subscription_id,
        policy=row.policy_id,
        scope=_SCOPE.validate_python(row.scope),
        start_micros=to_micros(row.start_time),
        effective_micros=to_micros(row.effective_time),
        end_micros=to_micros(row.end_time),
    )


def moment_or_none(micros: int | None) -> datetime | None:
    """A bound of an interval."""
    return None if micros is None else from_micros(micros)


def _moment(micros: int) -> str:
    return from_micros(micros).isoformat()
