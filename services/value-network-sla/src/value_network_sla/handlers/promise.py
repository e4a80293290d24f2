"""How do a partner and its promises come into the value network?"""

from dataclasses import replace

from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.partner import Partner
from value_network_sla.handlers.ports import Work


async def create_partner(work: Work, partner: Partner) -> Partner:
    """Raises AlreadyExists when the name is taken by another."""
    return await work.records.partners.add(replace(partner, create_time=work.now))


async def create_agreement(work: Work, agreement: Agreement) -> Agreement:
    """Raises PartnerNotFound, and AlreadyExists when the name is taken by another."""
    await work.records.partners.get(agreement.partner)
    return await work.records.agreements.add(replace(agreement, create_time=work.now))
