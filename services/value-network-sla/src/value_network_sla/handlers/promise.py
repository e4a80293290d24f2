"""How do a partner and its promises come into the value network?"""

from collections.abc import Callable
from dataclasses import replace

from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.partner import Partner
from value_network_sla.handlers.ports import Work


async def create_partner(work: Work, partner: Partner) -> Partner:
    """Raises AlreadyExists when the name is taken by another."""
    return await work.records.partners.add(replace(partner, create_time=work.now))


async def update_partner(work: Work, name: str, change: Callable[[Partner], Partner]) -> Partner:
    """Raises PartnerNotFound. Two changes at a time come one after the other."""
    changed = change(await work.records.partners.get(name, lock=True))
    await work.records.partners.save(changed)
    return changed


async def create_agreement(work: Work, agreement: Agreement) -> Agreement:
    """Raises PartnerNotFound, also for the owner of the way there, and AlreadyExists when the name is taken."""
    await work.records.partners.get(agreement.partner)
    if agreement.link is not None and agreement.link.owner:
        await work.records.partners.get(agreement.link.owner)
    return await work.records.agreements.add(replace(agreement, create_time=work.now))
