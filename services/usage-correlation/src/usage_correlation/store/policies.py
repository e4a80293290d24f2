"""How are spend policies kept?"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Row

from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.store.kept_policies import PolicyTable
from usage_correlation.store.tables import SPEND_POLICY


def _columns(policy: SpendPolicy) -> Mapping[str, object]:
    terms = policy.terms
    return {
        "policy_id": policy.id,
        "display_name": terms.display_name,
        "limit_amount": Decimal(f"{nearest_nanos(terms.limit)}e-9"),
        "currency_code": terms.currency,
        "threshold_percents": list(terms.threshold_percents),
        "plan_id": terms.scope.plan,
        "subscription_id": terms.scope.subscription,
        "paused": terms.paused,
        "threshold_amounts": [Decimal(f"{nearest_nanos(amount)}e-9") for amount in terms.threshold_amounts],
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    }


def _policy(row: Row[Any]) -> SpendPolicy:
    terms = PolicyTerms(
        display_name=row.display_name,
        limit=Fraction(row.limit_amount),
        currency=row.currency_code,
        threshold_percents=tuple(row.threshold_percents),
        scope=PolicyScope(plan=row.plan_id, subscription=row.subscription_id),
        paused=row.paused,
        threshold_amounts=tuple(map(Fraction, row.threshold_amounts)),
    )
    return SpendPolicy(row.policy_id, terms, row.create_time, row.update_time)


SPEND: Final = PolicyTable(SPEND_POLICY, _columns, _policy)
