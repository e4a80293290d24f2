"""Is what is shipped what the law says, and is nothing in it misread?"""

from dataclasses import fields, replace
from importlib.resources import files

import yaml
from limit_samples import limit_policy

from mesh.clock import SystemClock
from mesh.store import Store
from rating import Service
from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.limits.policies import Action, LimitScope, LimitTerms, Period, Place, TaxBasis
from usage_correlation.domain.policies import EVERYBODY
from usage_correlation.store.limits_policies import LimitPolicyStore, PostgresLimitPolicyWriter, shipped_policies


def test_the_shipped_policy_is_that_of_the_regulation() -> None:
    (shipped,) = shipped_policies().values()
    assert shipped.scope == LimitScope(services=(Service.DATA,), place=Place.ROAMING)
    assert (shipped.limit_nanos, shipped.currency, shipped.tax_basis) == (50 * NANOS, "EUR", TaxBasis.EXCLUDED)
    assert (shipped.period, shipped.action) == (Period.BILL_CYCLE, Action.STOP)
    assert (shipped.notice_percents, shipped.further_limits_nanos) == ((80,), (100 * NANOS,))
    assert (shipped.holder, shipped.opt_out_allowed, shipped.paused) == (EVERYBODY, True, False)


def test_every_line_of_the_shipped_document_means_something() -> None:
    known = {field.name for field in fields(LimitTerms)}
    for file in files("usage_correlation").joinpath("limit_policies").iterdir():
        assert yaml.safe_load(file.read_text("utf-8")).keys() <= known


async def test_what_staff_made_of_the_shipped_policy_stays(store: Store) -> None:
    clock = SystemClock()
    shipped = await LimitPolicyStore(store, clock).get("eu-data-roaming")
    assert shipped is not None
    paused = replace(shipped, terms=replace(shipped.terms, paused=True), revision=2)
    async with store.unit_of_work() as uow:
        await PostgresLimitPolicyWriter(uow.connection, clock).save(paused)
    assert await LimitPolicyStore(store, clock).get("eu-data-roaming") == paused


async def test_policies_come_back_as_they_went_in(store: Store) -> None:
    clock = SystemClock()
    scope = LimitScope((Service.SMS,), Place.ROAMING, ("eu", "world"), ("208",))
    policy = limit_policy("full", scope=scope, offered_limits_nanos=(1, 2), template_prefix="t", paused=True)
    async with store.unit_of_work() as uow:
        writer = PostgresLimitPolicyWriter(uow.connection, clock)
        assert await writer.add(policy)
        assert not await writer.add(policy)
    kept = LimitPolicyStore(store, clock)
    assert await kept.get("full") == policy
    assert policy in await kept.all()
    async with store.unit_of_work() as uow:
        await PostgresLimitPolicyWriter(uow.connection, clock).remove(policy)
    assert await kept.get("full") is None
