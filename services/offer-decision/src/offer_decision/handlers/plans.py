"""How does a plan come into the catalogue, and how does it change?"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from offer_decision.domain.plans import Plan, PlanState, check_past_unchanged, read_tariff
from offer_decision.errors import EtagMismatch
from offer_decision.handlers.ports import Work
from rating import Tariff


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What is written of a plan."""

    display_name: str
    description: str
    state: PlanState
    tariff_document: str


async def create_plan(work: Work, plan_id: str, facts: PlanFacts) -> Plan:
    """Raises InvalidTariff, PlanExists."""
    tariff, digest = await _read(plan_id, facts.tariff_document)
    plan = Plan(
        plan_id=plan_id,
        display_name=facts.display_name,
        description=facts.description,
        state=facts.state,
        tariff_document=facts.tariff_document,
        tariff_digest=digest,
        currency=tariff.currency,
        create_time=work.now,
        update_time=work.now,
        revision=1,
    )
    await work.records.plans.add(plan)
    work.announce.plan_changed(plan)
    return plan


async def update_plan(work: Work, plan_id: str, etag: str, change: Callable[[Plan], PlanFacts]) -> Plan:
    """Raises PlanNotFound, EtagMismatch, InvalidTariff, TariffVersionInForce. Without an etag the last writer wins."""
    before = await work.records.plans.get(plan_id, lock=True)
    if etag and etag != before.etag:
        raise EtagMismatch(plan_id)
    facts = change(before)
    plan = replace(
        before,
        display_name=facts.display_name,
        description=facts.description,
        state=facts.state,
        update_time=work.now,
        revision=before.revision + 1,
    )
    if facts.tariff_document != before.tariff_document:
        tariff, digest = await _read(plan_id, facts.tariff_document)
        check_past_unchanged(plan_id, (await _read(plan_id, before.tariff_document))[0], tariff, work.now)
        plan = replace(plan, tariff_document=facts.tariff_document, tariff_digest=digest, currency=tariff.currency)
    await work.records.plans.save(plan)
    work.announce.plan_changed(plan)
    return plan


async def _read(plan_id: str, document: str) -> tuple[Tariff, str]:
    """Off the event loop: a long document takes seconds, in which other calls are to be answered."""
    return await asyncio.to_thread(read_tariff, plan_id, document)
