"""What does a signal about a spending limit say on the wire?"""

from cxmesh.usage.v1 import limit_policy_pb2, limit_state_pb2, signal_pb2
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from usage_correlation.domain.limits.events import ConsentTerms
from usage_correlation.domain.signals import SpendingLimitPassed
from usage_correlation.server.wire import LIMIT_POLICIES, money_of_nanos, spending_limit_name, timestamp


def spending_limit_passed(subscription: str, detail: SpendingLimitPassed) -> signal_pb2.SpendingLimitPassed:
    """The detail; `subscription` as `subscriptions/{subscription}`."""
    terms, limit = detail.consent_terms, detail.limit_nanos
    return signal_pb2.SpendingLimitPassed(
        limit_policy=f"{LIMIT_POLICIES}{detail.policy}",
        spending_limit=spending_limit_name(subscription, detail.policy),
        stage=signal_pb2.SpendingLimitStage.Value(f"SPENDING_LIMIT_STAGE_{detail.stage}"),
        percent=detail.percent,
        limit=None if limit is None else money_of_nanos(limit, detail.currency),
        spent=money_of_nanos(detail.spent_nanos, detail.currency),
        tax_basis=limit_policy_pb2.TaxBasis.Value(f"TAX_BASIS_{detail.tax_basis}"),
        period_start_time=timestamp(detail.period.start_micros),
        period_end_time=timestamp(detail.period.end_micros),
        consent_terms=None if terms is None else consent_terms_message(terms),
        template_prefix=detail.template_prefix,
    )


def consent_terms_message(terms: ConsentTerms) -> limit_state_pb2.ConsentTerms:
    """What a customer consents to."""
    following = terms.next_limit_nanos
    return limit_state_pb2.ConsentTerms(
        next_limit=None if following is None else money_of_nanos(following, terms.currency),
        price=money_of_nanos(terms.price_nanos, terms.currency),
        usage_type=UsageType.Value(f"USAGE_TYPE_{terms.service.upper()}"),
        quantity=terms.quantity,
        visited_network=terms.visited_network,
    )
