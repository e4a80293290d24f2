"""What is a customer told of a spending limit?"""

from collections.abc import Iterator
from datetime import UTC, timedelta
from fractions import Fraction
from typing import Final
from urllib.parse import urlencode

from google.type.money_pb2 import Money

from cxmesh.usage.v1 import signal_pb2
from cxmesh.usage.v1.limit_state_pb2 import ConsentTerms
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from offer_decision.domain.amounts import CURRENCIES, decimals_of
from offer_decision.domain.campaigns import Purpose, TriggerKind
from offer_decision.domain.decisions import Trigger
from offer_decision.domain.occasions import Mandate, Occasion
from offer_decision.domain.wording import amount_text
from offer_decision.server.amounts import amount_of
from rating import format_amount

_INSTANT: Final = timedelta(microseconds=1)
_NANOS: Final = 10**9
_LIMIT_POLICIES: Final = "limitPolicies/"
_SUBSCRIPTIONS: Final = "subscriptions/"

_NEAR, _REACHED, _STOPPED, _OPEN = (
    signal_pb2.SPENDING_LIMIT_STAGE_NEAR,
    signal_pb2.SPENDING_LIMIT_STAGE_REACHED,
    signal_pb2.SPENDING_LIMIT_STAGE_STOPPED,
    signal_pb2.SPENDING_LIMIT_STAGE_OPEN,
)
_TEMPLATES: Final = {_NEAR: "near", _REACHED: "reached", _STOPPED: "stopped", _OPEN: "open"}
_WITHOUT_LIMIT: Final = {_STOPPED: "last", _OPEN: "unlimited"}
"""Where a consent opens, or has opened, without a further limit."""
_NOTICE: Final = "the customer must be told of a spending limit, at any hour"
_CONFIRMATION: Final = "the customer asked for more, and is told that it is open"

# What is read alike in every language: base units of a service in one of what people count in.
_UNITS: Final = {
    UsageType.USAGE_TYPE_DATA: (1_000_000, "MB"),
    UsageType.USAGE_TYPE_VOICE: (60, "min"),
    UsageType.USAGE_TYPE_SMS: (1, "SMS"),
    UsageType.USAGE_TYPE_MMS: (1, "MMS"),
}
_PLAIN: Final = (1, "")


def of_limit(signal: signal_pb2.Signal) -> Occasion:
    """A limit is near, was reached, or is open again. Raises ValueError for a stage that a newer contract has."""
    detail = signal.spending_limit
    if detail.stage not in _TEMPLATES:
        raise ValueError(f"got a spending limit at stage {detail.stage}, expected one of {sorted(_TEMPLATES)}")
    period_end = detail.period_end_time.ToDatetime(UTC)
    is_notice = detail.stage != _OPEN
    subscription = signal.subscription.removeprefix(_SUBSCRIPTIONS)
    policy = detail.limit_policy.removeprefix(_LIMIT_POLICIES)
    return Occasion(
        trigger=Trigger(
            kind=TriggerKind.SPENDING_LIMIT,
            resource=signal.name,
            event_time=signal.event_time.ToDatetime(UTC),
            customer=signal.customer,
            subscription=signal.subscription,
        ),
        threshold_percent=detail.percent,
        parameters=dict(_parameters(detail)),
        # The period ends as the next day begins; customers know the last day.
        days={"period_end": period_end - _INSTANT},
        action_path=f"/spending-limits?{urlencode({'subscription': subscription, 'policy': policy})}",
        expire_time=period_end,
        mandate=Mandate(
            template=f"templates/{detail.template_prefix}-{_template(detail)}",
            purpose=Purpose.URGENT_SERVICE if is_notice else Purpose.SERVICE,
            reason=_NOTICE if is_notice else _CONFIRMATION,
        ),
    )


def _template(detail: signal_pb2.SpendingLimitPassed) -> str:
    has_limit = detail.HasField("limit") if detail.stage == _OPEN else detail.consent_terms.HasField("next_limit")
    return _TEMPLATES[detail.stage] if has_limit else _WITHOUT_LIMIT.get(detail.stage, _TEMPLATES[detail.stage])


def _parameters(detail: signal_pb2.SpendingLimitPassed) -> Iterator[tuple[str, str]]:
    yield "percent", str(detail.percent)
    yield "spent", amount_text(amount_of(detail.spent))
    if detail.HasField("limit"):
        yield "limit", amount_text(amount_of(detail.limit))
    if detail.HasField("consent_terms"):
        terms = detail.consent_terms
        yield "price", price_text(terms.price)
        yield "price_unit", unit_text(terms)
        if terms.HasField("next_limit"):
            yield "next_limit", amount_text(amount_of(terms.next_limit))


def price_text(price: Money) -> str:
    """With all its digits: who agrees to a price agrees to all of it. E.g. "EUR 0.0035"; raises ValueError."""
    if price.currency_code not in CURRENCIES:
        raise ValueError(f"got a price in {price.currency_code!r}, expected a currency code of ISO 4217")
    amount = Fraction(price.units * _NANOS + price.nanos, _NANOS)
    return f"{price.currency_code} {format_amount(amount, decimals_of(price.currency_code))}"


def unit_text(terms: ConsentTerms) -> str:
    """What the price is for, e.g. "1 MB"."""
    size, unit = _UNITS.get(terms.usage_type, _PLAIN)
    return f"{format_amount(Fraction(terms.quantity, size), 0)} {unit}".rstrip()
