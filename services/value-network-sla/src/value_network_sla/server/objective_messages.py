"""How do objectives, terms and exclusions cross the wire?"""

from collections.abc import Mapping
from datetime import time, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration

from cxmesh.sla.v1 import objective_pb2 as pb
from mesh.api import moment_message
from value_network_sla.domain.credits import CreditTier
from value_network_sla.domain.policing.budget import Budgeting
from value_network_sla.domain.policing.burn import BurnCondition
from value_network_sla.domain.policing.decimals import exact_text
from value_network_sla.domain.policing.exclusions import (
    DeclaredExclusion,
    Exclusion,
    ExclusionKind,
    Weekly,
    is_whole_minutes,
)
from value_network_sla.domain.policing.objective import AgreementTerms, Indicator, Objective, Source
from value_network_sla.domain.policing.openslo.reader import is_zone
from value_network_sla.domain.policing.windows import RollingWindow, Window
from value_network_sla.errors import InvalidValue
from value_network_sla.server.moments import moment_from, money_message, whole_seconds_from

_METHODS: Final[Mapping[Budgeting, pb.BudgetingMethod.ValueType]] = {
    Budgeting.OCCURRENCES: pb.BUDGETING_METHOD_OCCURRENCES,
    Budgeting.TIMESLICES: pb.BUDGETING_METHOD_TIMESLICES,
    Budgeting.RATIO_TIMESLICES: pb.BUDGETING_METHOD_RATIO_TIMESLICES,
}
_SOURCES: Final[Mapping[Source, pb.IndicatorSource.ValueType]] = {
    Source.TRACES: pb.INDICATOR_SOURCE_TRACES,
    Source.MEASUREMENTS: pb.INDICATOR_SOURCE_MEASUREMENTS,
}
_KIND_PREFIX: Final = "EXCLUSION_KIND_"
_MINUTE: Final = timedelta(minutes=1)


def objective_message(objective: Objective) -> pb.Objective:
    """An objective as it is kept."""
    by_slices = objective.target.method is not Budgeting.OCCURRENCES
    return pb.Objective(
        name=objective.name,
        revision=objective.revision,
        partner=objective.partner,
        service=objective.service,
        display_name=objective.display_name,
        description=objective.description,
        indicator=_indicator(objective.indicator),
        budgeting_method=_METHODS[objective.target.method],
        target=exact_text(objective.target.target),
        slice_target=exact_text(objective.target.slice_target) if by_slices else "",
        slice_window=_duration(objective.slice) if by_slices else None,
        window=_window(objective.window),
        conditions=map(_condition, objective.conditions),
        terms=None if objective.terms is None else _terms(objective.terms),
        minimum_sample=objective.minimum_sample,
        effective_time=moment_message(objective.effective_time),
        create_time=moment_message(objective.create_time),
    )


def exclusion_message(declared: DeclaredExclusion) -> pb.Exclusion:
    """A declared exclusion."""
    return pb.Exclusion(
        name=declared.name,
        partner=declared.partner,
        objective=declared.objective,
        rule=_rule(declared.exclusion),
        create_time=moment_message(declared.create_time),
    )


def exclusion_from(message: pb.ExclusionRule, field: str) -> Exclusion:
    """What is not to be counted; raises InvalidValue."""
    start = moment_from(message.start_time, f"{field}.start_time")
    end = moment_from(message.end_time, f"{field}.end_time") if message.HasField("end_time") else None
    weekly = _weekly_from(message.weekly, f"{field}.weekly") if message.HasField("weekly") else None
    for moment, name in ((start, "start_time"), (end, "end_time")):
        if moment is not None and not is_whole_minutes(moment):
            raise InvalidValue(f"{field}.{name}", moment.isoformat(), "a whole minute")
    if end is None and weekly is None:
        raise InvalidValue(f"{field}.end_time", "nothing", "an end, for it does not come again weekly")
    if end is not None and end <= start:
        raise InvalidValue(f"{field}.end_time", end.isoformat(), "a time after start_time")
    kind = ExclusionKind[pb.ExclusionKind.Name(message.kind).removeprefix(_KIND_PREFIX)]
    return Exclusion(kind, message.reason, start, end, weekly, message.measured_resource, message.customer)


def _weekly_from(message: pb.WeeklyRecurrence, field: str) -> Weekly:
    duration = whole_seconds_from(message.duration, f"{field}.duration")
    if duration % _MINUTE:
        raise InvalidValue(f"{field}.duration", str(duration), "whole minutes")
    if not is_zone(message.time_zone):
        raise InvalidValue(f"{field}.time_zone", message.time_zone, "the name of a zone of the IANA database")
    hour, minute = map(int, message.begin.split(":"))
    return Weekly(frozenset(day - 1 for day in message.weekdays), time(hour, minute), duration, message.time_zone)


def _rule(exclusion: Exclusion) -> pb.ExclusionRule:
    weekly = exclusion.weekly
    return pb.ExclusionRule(
        kind=pb.ExclusionKind.Value(_KIND_PREFIX + exclusion.kind.value),
        reason=exclusion.reason,
        start_time=moment_message(exclusion.start),
        end_time=moment_message(exclusion.end),
        weekly=None if weekly is None else _weekly(weekly),
        measured_resource=exclusion.resource,
        customer=exclusion.customer,
    )


def _weekly(weekly: Weekly) -> pb.WeeklyRecurrence:
    return pb.WeeklyRecurrence(
        weekdays=sorted(day + 1 for day in weekly.weekdays),
        begin=weekly.begin.strftime("%H:%M"),
        duration=_duration(weekly.duration),
        time_zone=ZoneInfo(weekly.zone).key,
    )


def _indicator(indicator: Indicator) -> pb.ObjectiveIndicator:
    return pb.ObjectiveIndicator(
        name=indicator.name,
        source=_SOURCES[indicator.source],
        inputs=[pb.IndicatorInput(role=each.role.value, metric=each.metric) for each in indicator.inputs],
        comparison="" if indicator.op is None else indicator.op.value,
        bound=_text(indicator.bound),
        operation=indicator.operation,
        measured_resource=indicator.resource,
    )


def _window(window: Window) -> pb.ObjectiveWindow:
    if isinstance(window, RollingWindow):
        return pb.ObjectiveWindow(rolling=_duration(window.duration))
    calendar = pb.CalendarWindow(duration=str(window.duration), start=window.start.isoformat(), time_zone=window.zone)
    return pb.ObjectiveWindow(calendar=calendar)


def _condition(condition: BurnCondition) -> pb.BurnCondition:
    return pb.BurnCondition(
        name=condition.name,
        severity=condition.severity,
        threshold=exact_text(condition.threshold),
        long_window=_duration(condition.long),
        short_window=_duration(condition.short),
        alert_after=_duration(condition.alert_after),
        minimum_events=condition.minimum_events,
        when_breaching=condition.when_breaching,
        when_no_data=condition.when_no_data,
        when_resolved=condition.when_resolved,
    )


def _terms(terms: AgreementTerms) -> pb.AgreementTerms:
    credit = terms.credits
    return pb.AgreementTerms(
        name=terms.name,
        fee=None if credit.fee is None else money_message(credit.fee),
        credit_tiers=map(_tier, credit.tiers),
        cap_fee_share=_text(credit.cap_fee_share),
        cap_amount=None if credit.cap_amount is None else money_message(credit.cap_amount),
        claim_window=None if credit.claim_window is None else _duration(credit.claim_window),
        exclusions=map(_rule, terms.exclusions),
    )


def _tier(tier: CreditTier) -> pb.CreditTier:
    if tier.amount is not None:
        return pb.CreditTier(below=exact_text(tier.below), amount=money_message(tier.amount))
    return pb.CreditTier(below=exact_text(tier.below), fee_share=_text(tier.fee_share))


def _text(value: Fraction | None) -> str:
    return "" if value is None else exact_text(value)


def _duration(length: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(length)
    return message
