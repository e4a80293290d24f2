"""How do rated records and counters cross the wire?"""

from fractions import Fraction

from cxmesh.usage.v1 import consumption_pb2 as pb
from rating import Charge, Rating, format_amount
from usage_correlation.handlers.consumption.count_usage import AllowanceCount, SpendCount, UsageCounts
from usage_correlation.handlers.consumption.list_rated_usage import RatedRecord
from usage_correlation.server.records import USAGE_TYPES, record_message
from usage_correlation.server.wire import LIMIT_POLICIES, PLANS, POLICIES, money, timestamp


def exact_text(amount: Fraction) -> str:
    """A decimal where the amount is one, else a fraction such as 17/6000."""
    return format_amount(amount, 0)


def rated_message(rated: RatedRecord) -> pb.RatedUsage:
    """A record with its price."""
    message = pb.RatedUsage(record=record_message(rated.record), plan=f"{PLANS}{rated.plan}" if rated.plan else "")
    if not isinstance(rated.rating, Rating):
        # Not the error's own words: they may hold the destination, which is personal and stands in the record.
        field = getattr(rated.rating, "field", "").removesuffix("_micros") or "destination"
        message.unrated_reason = f"no price at present, by its {field}" if rated.plan else "no plan was in force"
        return message
    message.amount.CopyFrom(money(rated.rating.amount, rated.currency))
    message.exact_amount = exact_text(rated.rating.amount)
    message.charges.extend(map(_charge_message, rated.rating.charges))
    if rated.rating.cut_off is not None:
        message.cut_off = rated.rating.cut_off
    message.exact_charged_amount = exact_text(rated.charged)
    message.uncharged.extend(
        pb.UnchargedPart(
            charge_code=each.charge_code,
            exact_amount=exact_text(each.amount),
            limit_policy=f"{LIMIT_POLICIES}{each.policy}",
        )
        for each in rated.uncharged
    )
    return message


def _charge_message(charge: Charge) -> pb.RatedCharge:
    message = pb.RatedCharge(
        charge_code=charge.line,
        start_time=timestamp(charge.start),
        quantity=charge.quantity,
        zone=charge.zone or "",
        band=charge.band or "",
        roaming_zone=charge.roaming or "",
        tariff_version_time=timestamp(charge.version),
        connection_fee=_unless_nothing(charge.connection_fee),
        value=_unless_nothing(charge.value),
        capped=_unless_nothing(charge.capped),
        is_free=charge.is_free,
        is_from_fallback=charge.from_fallback,
        exact_amount=exact_text(charge.exact),
        amount=exact_text(charge.amount),
        explanation=charge.explain(),
        portions=[
            pb.ChargePortion(
                increment_count=portion.count,
                increment=portion.increment,
                price=exact_text(portion.price),
                covered_quantity=portion.covered,
            )
            for portion in charge.portions
        ],
        covers=[
            pb.AllowanceCover(
                allowance=cover.allowance,
                quantity=cover.units,
                price=_unless_nothing(cover.price),
                block_count=cover.blocks,
                block_price=_unless_nothing(cover.block_price),
            )
            for cover in charge.covers
        ],
        credits=[
            pb.AllowanceCredit(allowance=credit.allowance, amount=exact_text(credit.amount))
            for credit in charge.credits
        ],
    )
    if charge.cycle is not None:
        use = charge.cycle
        message.cycle_price.CopyFrom(
            pb.CyclePriceUse(model=use.price.model, quantity_before=use.before, quantity_after=use.after)
        )
    return message


def _unless_nothing(amount: Fraction) -> str:
    return exact_text(amount) if amount else ""


def counter_messages(counts: UsageCounts) -> list[pb.UsageCounter]:
    """Spending, then allowances."""
    spend = [pb.UsageCounter(spend=_spend_message(each)) for each in counts.spend]
    return spend + [pb.UsageCounter(allowance=_allowance_message(each)) for each in counts.allowances]


def _spend_message(count: SpendCount) -> pb.SpendCounter:
    return pb.SpendCounter(
        spent=money(count.spent, count.currency),
        exact_spent=exact_text(count.spent),
        record_count=count.records,
        policies=[
            pb.SpendPolicyStanding(
                spend_policy=f"{POLICIES}{policy.id}",
                limit=money(policy.terms.limit, policy.terms.currency),
                percent_reached=percent,
            )
            for policy, percent in count.policies
        ],
    )


def _allowance_message(count: AllowanceCount) -> pb.AllowanceCounter:
    bucket = count.bucket
    return pb.AllowanceCounter(
        plan=f"{PLANS}{count.plan}",
        allowance=bucket.allowance,
        display_name=count.name,
        unit=count.unit,
        amount=exact_text(bucket.amount),
        used=exact_text(bucket.used),
        left=exact_text(bucket.left),
        start_time=timestamp(bucket.valid_from),
        end_time=timestamp(bucket.valid_until),
        is_rolled_over=count.rolled_over,
        is_shared=count.shared,
        usage_types=[USAGE_TYPES[service] for service in count.services],
    )
