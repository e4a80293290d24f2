"""How do partners and agreements cross the wire?"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from cxmesh.sla.v1 import agreement_pb2
from mesh.api import moment_message
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.partner import Partner, PartnerRole
from value_network_sla.server.moments import (
    duration_of_ns,
    moment_from,
    money_message,
    ns_from,
    penalty_from,
    whole_seconds_from,
)
from value_network_sla.server.settlement_terms import (
    detail_from,
    detail_message,
    link_from,
    link_message,
    revenue_from,
    revenue_message,
)

PARTNER_NOT_WRITTEN: Final = frozenset({"name", "create_time"})
"""Fields of a partner that an update leaves as they are."""
_ROLE_PREFIX = "PARTNER_ROLE_"


def partner_from(message: agreement_pb2.Partner, partner_id: str, now: datetime) -> Partner:
    """A partner to be made, under the id that the caller chose."""
    addresses = tuple(sorted(message.server_addresses))
    return Partner(f"partners/{partner_id}", message.display_name, _role_from(message), now, addresses)


def partner_changed(partner: Partner, message: agreement_pb2.Partner) -> Partner:
    """The partner, as a message says that it is to be; its name and time stay."""
    return replace(
        partner,
        display_name=message.display_name,
        role=_role_from(message),
        server_addresses=tuple(sorted(message.server_addresses)),
    )


def _role_from(message: agreement_pb2.Partner) -> PartnerRole:
    return PartnerRole(agreement_pb2.PartnerRole.Name(message.role).removeprefix(_ROLE_PREFIX))


def partner_message(partner: Partner) -> agreement_pb2.Partner:
    """A partner as a message."""
    return agreement_pb2.Partner(
        name=partner.name,
        display_name=partner.display_name,
        role=agreement_pb2.PartnerRole.Value(_ROLE_PREFIX + partner.role.value),
        create_time=moment_message(partner.create_time),
        server_addresses=partner.server_addresses,
    )


def agreement_from(message: agreement_pb2.Agreement, agreement_id: str, now: datetime) -> Agreement:
    """An agreement to be made, under the id that the caller chose; raises InvalidValue."""
    penalty = message.breach_penalty if message.HasField("breach_penalty") else None
    return Agreement(
        name=f"agreements/{agreement_id}",
        partner=message.partner,
        service=message.service,
        operation=message.operation,
        latency_budget_ns=ns_from(message.latency_budget, "agreement.latency_budget"),
        objective_ppm=message.objective_ppm,
        window=whole_seconds_from(message.window, "agreement.window"),
        min_visits=message.min_visits,
        penalty=None if penalty is None else penalty_from(penalty, "agreement.breach_penalty"),
        effective_time=moment_from(message.effective_time, "agreement.effective_time"),
        create_time=now,
        link=link_from(message),
        revenue=revenue_from(message),
        evidence=detail_from(message),
    )


def agreement_message(agreement: Agreement) -> agreement_pb2.Agreement:
    """An agreement as a message."""
    return agreement_pb2.Agreement(
        name=agreement.name,
        partner=agreement.partner,
        service=agreement.service,
        operation=agreement.operation,
        latency_budget=duration_of_ns(agreement.latency_budget_ns),
        objective_ppm=agreement.objective_ppm,
        window=duration_of_ns(int(agreement.window.total_seconds()) * 1_000_000_000),
        min_visits=agreement.min_visits,
        breach_penalty=None if agreement.penalty is None else money_message(agreement.penalty),
        effective_time=moment_message(agreement.effective_time),
        create_time=moment_message(agreement.create_time),
        link_terms=link_message(agreement.link),
        revenue_terms=revenue_message(agreement.revenue),
        evidence_detail=detail_message(agreement.evidence),
    )
