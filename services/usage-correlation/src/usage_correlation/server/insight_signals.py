"""What do the shipped signals say on the wire?"""

from cxmesh.usage.v1 import insight_pb2, signal_pb2
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from usage_correlation.domain.insights.details import (
    ChurnRisk,
    EarlyAdoption,
    InsightDetail,
    PlanMisfit,
    RoamingEntered,
    RoamingPrice,
    Silence,
    UnusedCapability,
    UnusualSpend,
    UsageStagnation,
)
from usage_correlation.server.wire import PLANS, money_of_nanos, timestamp


def say_insight(detail: InsightDetail, message: signal_pb2.Signal) -> None:
    """Put the detail into its field."""
    match detail:
        case RoamingEntered():
            message.roaming_entry.CopyFrom(_roaming_entered(detail))
        case PlanMisfit():
            message.plan_misfit.CopyFrom(_plan_misfit(detail))
        case ChurnRisk():
            message.churn_risk.CopyFrom(_churn_risk(detail))
        case UsageStagnation():
            message.stagnation.CopyFrom(_stagnation(detail))
        case EarlyAdoption():
            message.early_adopter.CopyFrom(
                insight_pb2.EarlyAdoption(
                    charge_code=detail.charge_code,
                    available_since=timestamp(detail.available_since_micros),
                    adopt_time=timestamp(detail.adopt_micros),
                    adopters_share=detail.adopters_share,
                )
            )
        case Silence():
            message.silence.CopyFrom(
                insight_pb2.Silence(
                    last_usage_time=timestamp(detail.last_usage_micros),
                    silent_days=detail.silent_days,
                    observed_days=detail.observed_days,
                    used_days=detail.used_days,
                )
            )
        case UnusedCapability():
            message.unused_capability.CopyFrom(
                insight_pb2.UnusedCapability(
                    tac=detail.tac,
                    model=detail.model,
                    capabilities=detail.capabilities,
                    unused_usage_type=_usage_type(detail.unused),
                    unused_since=timestamp(detail.since_micros),
                )
            )
        case UnusualSpend():
            message.unusual_spend.CopyFrom(_unusual_spend(detail))


def _roaming_entered(detail: RoamingEntered) -> insight_pb2.RoamingEntered:
    return insight_pb2.RoamingEntered(
        visited_network=detail.network,
        network_name=detail.network_name,
        country_code=detail.country,
        country_name=detail.country_name,
        previous_country_code=detail.previous_country,
        eu_roaming=detail.eu_roaming,
        plan=f"{PLANS}{detail.plan}",
        prices=[_roaming_price(price, detail.currency) for price in detail.prices],
        unpriced_usage_types=[_usage_type(service) for service in detail.unpriced],
        added_tax_percent=detail.added_tax_percent,
    )


def _roaming_price(price: RoamingPrice, currency: str) -> insight_pb2.RoamingPrice:
    fee = price.connection_fee_nanos
    return insight_pb2.RoamingPrice(
        usage_type=_usage_type(price.service),
        destination_zone=price.zone,
        time_band=price.band,
        quantity=price.quantity,
        price=None if price.price_nanos is None else money_of_nanos(price.price_nanos, currency),
        connection_fee=money_of_nanos(fee, currency) if fee else None,
        covered_by_allowance=price.covered,
    )


def _plan_misfit(detail: PlanMisfit) -> insight_pb2.PlanMisfit:
    saved = detail.current_nanos - detail.better_nanos
    return insight_pb2.PlanMisfit(
        current_plan=f"{PLANS}{detail.current_plan}",
        better_plan=f"{PLANS}{detail.better_plan}",
        start_time=timestamp(detail.stretch.start_micros),
        end_time=timestamp(detail.stretch.end_micros),
        cycle_count=detail.cycles,
        current_cost=money_of_nanos(detail.current_nanos, detail.currency),
        better_cost=money_of_nanos(detail.better_nanos, detail.currency),
        saved=money_of_nanos(saved, detail.currency),
        saved_percent=100 * saved / detail.current_nanos if detail.current_nanos else 100.0,
        record_count=detail.records,
    )


def _churn_risk(detail: ChurnRisk) -> insight_pb2.ChurnRisk:
    return insight_pb2.ChurnRisk(
        probability=detail.probability,
        reasons=[
            insight_pb2.ChurnReason(theme=reason.theme, weight=reason.weight, features=reason.features)
            for reason in detail.reasons
        ],
        model=detail.model,
        model_auc=detail.auc,
        cycle_start_time=timestamp(detail.cycle.start_micros),
        cycle_end_time=timestamp(detail.cycle.end_micros),
    )


def _stagnation(detail: UsageStagnation) -> insight_pb2.UsageStagnation:
    return insight_pb2.UsageStagnation(
        start_time=timestamp(detail.stretch.start_micros),
        end_time=timestamp(detail.stretch.end_micros),
        cycle_count=detail.cycles,
        charge_code=detail.charge_code,
        mean_quantity=detail.mean_quantity,
        largest_change_percent=detail.largest_change_percent,
        earlier_change_percent=detail.earlier_change_percent,
    )


def _unusual_spend(detail: UnusualSpend) -> insight_pb2.UnusualSpend:
    return insight_pb2.UnusualSpend(
        spent=money_of_nanos(detail.spent_nanos, detail.currency),
        usual=money_of_nanos(detail.usual_nanos, detail.currency),
        standard_deviation=money_of_nanos(detail.deviation_nanos, detail.currency),
        compared_cycle_count=detail.cycles,
        cycle_start_time=timestamp(detail.cycle.start_micros),
        cycle_end_time=timestamp(detail.cycle.end_micros),
    )


def _usage_type(service: str) -> UsageType.ValueType:
    return UsageType.Value(f"USAGE_TYPE_{service.upper()}")
