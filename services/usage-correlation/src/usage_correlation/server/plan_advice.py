"""How do advice on plans, and what planned usage would cost, cross the wire?"""

from collections.abc import Iterable, Mapping
from typing import Final

from cxmesh.usage.v1 import plan_advice_pb2 as messages
from cxmesh.usage.v1 import plan_advice_service_pb2 as pb
from rating import MONEY, Service
from usage_correlation.domain.plan_advice.advice import Advice, PlanOption, UsedAllowance
from usage_correlation.domain.plan_advice.trips import DailyUse
from usage_correlation.errors import InvalidValue
from usage_correlation.handlers.plan_advice.advise_plans import Answer
from usage_correlation.handlers.plan_advice.estimate_cost import CostEstimate, CostEstimates, Planned
from usage_correlation.server.consumption import exact_text
from usage_correlation.server.records import USAGE_TYPES
from usage_correlation.server.wire import PLANS, SUBSCRIPTIONS, micros_from, money, timestamp

_SERVICES: Final[Mapping[int, Service]] = {number: Service(name) for name, number in USAGE_TYPES.items()}
_MOST_RECORDS: Final = 1000


def advice_message(answer: Answer) -> messages.PlanAdvice:
    """Advice, or why there is none."""
    if not isinstance(answer, Advice):
        subscription, why = answer
        state = messages.PlanAdviceState.Value(f"PLAN_ADVICE_STATE_{why}")
        return messages.PlanAdvice(name=f"{SUBSCRIPTIONS}{subscription}/planAdvice", state=state)
    return messages.PlanAdvice(
        name=f"{SUBSCRIPTIONS}{answer.subscription}/planAdvice",
        state=messages.PLAN_ADVICE_STATE_READY,
        current_plan=f"{PLANS}{answer.plan}",
        best_plan=f"{PLANS}{answer.best.plan}",
        options=[_option_message(option, answer.currency) for option in answer.options],
        cycle_count=len(answer.cycles),
        start_time=timestamp(answer.cycles[0].start_micros),
        end_time=timestamp(answer.cycles[-1].end_micros),
        record_count=answer.record_count,
        unpriced_plans=[f"{PLANS}{plan}" for plan in answer.left_out],
    )


def _option_message(option: PlanOption, currency: str) -> messages.PlanOption:
    return messages.PlanOption(
        plan=f"{PLANS}{option.plan}",
        total=money(option.total, currency),
        recurring=money(option.recurring, currency),
        usage=money(option.usage, currency),
        saving=money(option.saving, currency),
        allowances=_allowance_messages(option.allowances, currency),
    )


def _allowance_messages(used: Iterable[UsedAllowance], currency: str) -> list[messages.AllowanceUse]:
    return [
        messages.AllowanceUse(
            allowance=each.allowance,
            display_name=each.name,
            unit=currency if each.unit == MONEY else each.unit,
            amount=exact_text(each.amount),
            used=exact_text(each.used),
        )
        for each in used
    ]


def planned_from(request: pb.EstimateCostRequest) -> Planned:
    """What a caller plans; the proto's own rules are kept already. Raises InvalidValue."""
    return Planned(
        start_micros=micros_from(request.start_time, "start_time") if request.HasField("start_time") else None,
        days=request.day_count,
        visited_network=request.visited_network,
        country=request.country_code,
        daily=tuple(_daily(use, f"daily_usage[{place}]") for place, use in enumerate(request.daily_usage)),
        plans=tuple(plan.removeprefix(PLANS) for plan in request.plans),
    )


def _daily(use: pb.DailyUsage, field: str) -> DailyUse:
    found = DailyUse(_SERVICES[use.usage_type], use.quantity, use.record_count, use.destination)
    if found.count > use.quantity:
        raise InvalidValue(f"{field}.record_count", use.record_count, f"at most its quantity, {use.quantity}")
    if found.count > _MOST_RECORDS:
        raise InvalidValue(f"{field}.quantity", use.quantity, f"at most {_MOST_RECORDS} records a day")
    if "\0" in use.destination:
        raise InvalidValue(f"{field}.destination", "text with NUL", "text without NUL characters")
    return found


def estimates_message(found: CostEstimates) -> pb.EstimateCostResponse:
    """What planned usage would cost."""
    return pb.EstimateCostResponse(
        current_plan=f"{PLANS}{found.current_plan}",
        estimates=[_estimate_message(each, found.currency) for each in found.estimates],
        record_count=found.records,
        visited_networks=found.networks,
    )


def _estimate_message(estimate: CostEstimate, currency: str) -> messages.CostEstimate:
    dearest = estimate.dearest
    return messages.CostEstimate(
        plan=f"{PLANS}{estimate.plan}",
        basis=messages.EstimateBasis.Value(f"ESTIMATE_BASIS_{estimate.basis}"),
        usage=money(dearest.usage, currency),
        lowest_usage=money(estimate.lowest, currency),
        recurring=money(estimate.recurring, currency),
        total=money(estimate.total, currency),
        allowances=_allowance_messages(dearest.allowances, currency),
        lines=[
            messages.EstimateLine(
                charge_code=line.charge_code,
                quantity=line.quantity,
                covered_quantity=line.covered,
                amount=money(line.amount, currency),
            )
            for line in dearest.lines
        ],
    )
