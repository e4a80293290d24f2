"""How are allowance policies kept?"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Row,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from usage_correlation.domain.allowance_policies import AllowancePolicy, AllowanceTerms
from usage_correlation.domain.policies import PolicyScope
from usage_correlation.store.kept_policies import PolicyTable
from usage_correlation.store.tables import metadata

ALLOWANCE_POLICY = Table(
    "allowance_policy",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("allowance_id", Text),
    Column("threshold_percents", ARRAY(SmallInteger), nullable=False),
    Column("threshold_quantities", ARRAY(BigInteger), nullable=False),
    Column("plan_id", Text),
    Column("subscription_id", Text),
    Column("paused", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Index("allowance_policy_by_subscription", "subscription_id"),
)


def _columns(policy: AllowancePolicy) -> Mapping[str, object]:
    terms = policy.terms
    return {
        "policy_id": policy.id,
        "display_name": terms.display_name,
        "allowance_id": terms.allowance,
        "threshold_percents": list(terms.threshold_percents),
        "threshold_quantities": list(terms.threshold_quantities),
        "plan_id": terms.scope.plan,
        "subscription_id": terms.scope.subscription,
        "paused": terms.paused,
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    }


def _policy(row: Row[Any]) -> AllowancePolicy:
    terms = AllowanceTerms(
        display_name=row.display_name,
        allowance=row.allowance_id,
        threshold_percents=tuple(row.threshold_percents),
        threshold_quantities=tuple(row.threshold_quantities),
        scope=PolicyScope(plan=row.plan_id, subscription=row.subscription_id),
        paused=row.paused,
    )
    return AllowancePolicy(row.policy_id, terms, row.create_time, row.update_time)


ALLOWANCE: Final = PolicyTable(ALLOWANCE_POLICY, _columns, _policy)
