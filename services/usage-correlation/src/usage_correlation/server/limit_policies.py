"""How do limit policies cross the wire?"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from google.type.money_pb2 import Money

from cxmesh.usage.v1 import limit_policy_pb2 as pb
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from mesh.api import merged
from rating import Service
from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.limits.policies import (
    Action,
    LimitPolicy,
    LimitScope,
    LimitTerms,
    Period,
    Place,
    TaxBasis,
)
from usage_correlation.domain.policies import PolicyScope
from usage_correlation.errors import InvalidValue
from usage_correlation.server.wire import (
    LIMIT_POLICIES,
    PLANS,
    SUBSCRIPTIONS,
    amount_from,
    money_of_nanos,
    timestamp,
)

NOT_WRITTEN: Final = ("name", "revision", "create_time", "update_time")
"""Fields that a caller may send back as they were read."""
_PLACES: Final = {
    Place.ANYWHERE: pb.LIMIT_PLACE_UNSPECIFIED,
    Place.ROAMING: pb.LIMIT_PLACE_ROAMING,
    Place.HOME: pb.LIMIT_PLACE_HOME,
}
_BASES: Final = {each: pb.TaxBasis.Value(f"TAX_BASIS_{each}") for each in TaxBasis}
_PERIODS: Final = {each: pb.LimitPeriod.Value(f"LIMIT_PERIOD_{each}") for each in Period}
_ACTIONS: Final = {each: pb.LimitAction.Value(f"LIMIT_ACTION_{each}") for each in Action}
_PLACE_OF: Final = {number: each for each, number in _PLACES.items()}
_BASIS_OF: Final = {number: each for each, number in _BASES.items()}
_PERIOD_OF: Final = {number: each for each, number in _PERIODS.items()}
_ACTION_OF: Final = {number: each for each, number in _ACTIONS.items()}
_USAGE_TYPES: Final = {each: UsageType.Value(f"USAGE_TYPE_{each.upper()}") for each in Service}
_SERVICE_OF: Final = {number: each for each, number in _USAGE_TYPES.items()}


def basis_message(basis: TaxBasis) -> pb.TaxBasis.ValueType:
    """A tax basis."""
    return _BASES[basis]


def service_from(number: int) -> Service | None:
    """What is used; None when unspecified."""
    return next((each for each, known in _USAGE_TYPES.items() if known == number), None)


def scope_message(scope: LimitScope) -> pb.LimitScope:
    """Which usage counts."""
    return pb.LimitScope(
        usage_types=[_USAGE_TYPES[service] for service in scope.services],
        place=_PLACES[scope.place],
        roaming_zones=scope.roaming_zones,
        visited_networks=scope.visited_networks,
    )


def policy_message(policy: LimitPolicy) -> pb.LimitPolicy:
    """A limit policy."""
    terms = policy.terms
    message = pb.LimitPolicy(
        name=f"{LIMIT_POLICIES}{policy.id}",
        display_name=terms.display_name,
        scope=scope_message(terms.scope),
        limit=money_of_nanos(terms.limit_nanos, terms.currency),
        tax_basis=_BASES[terms.tax_basis],
        period=_PERIODS[terms.period],
        notice_percents=terms.notice_percents,
        action=_ACTIONS[terms.action],
        further_limits=_moneys(terms.further_limits_nanos, terms.currency),
        offered_limits=_moneys(terms.offered_limits_nanos, terms.currency),
        opt_out_allowed=terms.opt_out_allowed,
        price_quantity=terms.price_quantity,
        template_prefix=terms.template_prefix,
        legal_basis=terms.legal_basis,
        paused=terms.paused,
        revision=policy.revision,
        create_time=timestamp(policy.create_time),
        update_time=timestamp(policy.update_time),
    )
    if terms.holder.plan is not None:
        message.plan = f"{PLANS}{terms.holder.plan}"
    if terms.holder.subscription is not None:
        message.subscription = f"{SUBSCRIPTIONS}{terms.holder.subscription}"
    return message


def terms_from(message: pb.LimitPolicy) -> LimitTerms:
    """What a caller asks for; the proto's own rules are kept already. Raises InvalidValue."""
    currency = message.limit.currency_code
    return LimitTerms(
        display_name=message.display_name,
        scope=LimitScope(
            services=tuple(_SERVICE_OF[number] for number in message.scope.usage_types),
            place=_PLACE_OF[message.scope.place],
            roaming_zones=tuple(message.scope.roaming_zones),
            visited_networks=tuple(message.scope.visited_networks),
        ),
        limit_nanos=nearest_nanos(amount_from(message.limit)),
        currency=currency,
        tax_basis=_BASIS_OF[message.tax_basis],
        period=_PERIOD_OF[message.period],
        action=_ACTION_OF[message.action],
        holder=PolicyScope(
            plan=message.plan.removeprefix(PLANS) if message.HasField("plan") else None,
            subscription=message.subscription.removeprefix(SUBSCRIPTIONS) if message.HasField("subscription") else None,
        ),
        notice_percents=tuple(message.notice_percents),
        further_limits_nanos=_nanos(message.further_limits, currency, "limit_policy.further_limits"),
        offered_limits_nanos=_nanos(message.offered_limits, currency, "limit_policy.offered_limits"),
        opt_out_allowed=message.opt_out_allowed,
        price_quantity=message.price_quantity,
        template_prefix=message.template_prefix,
        legal_basis=message.legal_basis,
        paused=message.paused,
    )


def changed(policy: LimitPolicy, sent: pb.LimitPolicy, paths: Collection[str]) -> LimitTerms:
    """A policy's terms with the values sent at `paths`. Raises RpcError when what is left breaks the proto's rules."""
    return terms_from(merged(policy_message(policy), sent, paths, inside="limit_policy"))


def _moneys(amounts: Iterable[int], currency: str) -> Sequence[Money]:
    return [money_of_nanos(nanos, currency) for nanos in amounts]


def _nanos(amounts: Iterable[Money], currency: str, field: str) -> tuple[int, ...]:
    found = []
    for number, amount in enumerate(amounts):
        if amount.currency_code != currency:
            expected = f"{currency}, as the limit"
            raise InvalidValue(f"{field}[{number}].currency_code", amount.currency_code[:80], expected)
        found.append(nearest_nanos(amount_from(amount)))
    return tuple(found)
