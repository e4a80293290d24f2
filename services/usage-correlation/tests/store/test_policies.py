"""Are spend policies kept as they are, and does everybody hear of a change?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from usage_samples import fresh

from mesh.clock import FixedClock
from mesh.store import Store
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import ChangeStore
from usage_correlation.store.kept_policies import PolicyStore, PostgresPolicyWriter
from usage_correlation.store.policies import SPEND

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLOCK = FixedClock(NOW)


def policy(scope: PolicyScope | None = None, limit: Fraction = Fraction(50)) -> SpendPolicy:
    terms = PolicyTerms("Fifty", limit, "EUR", (80, 100), scope or PolicyScope())
    return SpendPolicy(fresh("p"), terms, NOW, NOW)


async def add(store: Store, made: SpendPolicy) -> bool:
    async with store.unit_of_work() as uow:
        return await PostgresPolicyWriter(uow.connection, SPEND, CLOCK).add(made)


async def test_a_policy_is_read_as_it_was_written_to_the_last_digit(store: Store) -> None:
    made = policy(limit=Fraction(9_223_372_036_854_775_807_999_999_999, 10**9))
    assert await add(store, made)
    assert await PolicyStore(store, SPEND).get(made.id) == made


async def test_a_name_is_taken_once(store: Store) -> None:
    made = policy()
    assert await add(store, made)
    assert not await add(store, replace(made, update_time=NOW + timedelta(days=1)))
    assert await PolicyStore(store, SPEND).get(made.id) == made


async def test_policies_for_one_subscription_are_kept_apart_from_the_general_ones(store: Store) -> None:
    name = fresh("s")
    own, gold = policy(PolicyScope(subscription=name)), policy(PolicyScope(plan="gold"))
    await add(store, own)
    await add(store, gold)
    policies = PolicyStore(store, SPEND)
    assert await policies.of_subscriptions([name, "other"]) == {name: [own]}
    assert await policies.of_subscriptions([]) == {}
    general = await policies.general()
    assert gold in general
    assert own not in general


async def test_pages_go_by_name(store: Store) -> None:
    made = [policy() for _ in range(3)]
    for each in made:
        await add(store, each)
    ids = sorted(each.id for each in made)
    policies = PolicyStore(store, SPEND)
    found = [each.id for each in await policies.page(ids[0], 1000)]
    assert found == sorted(found)
    assert ids[0] not in found
    assert set(ids[1:]) <= set(found)


async def test_every_change_is_noted_for_those_whom_it_touches(store: Store) -> None:
    log, name = ChangeStore(store, CLOCK), fresh("s")
    made = policy()
    own = replace(made, terms=replace(made.terms, scope=PolicyScope(subscription=name)))
    general, alone = (ChangeKind.POLICY, made.id), (ChangeKind.SUBSCRIPTION, name)
    version = (await log.since(-1)).version
    await add(store, made)
    for act, expected in (
        (lambda writer: writer.save(made, own), {general, alone}),
        (lambda writer: writer.save(own, own), {alone}),
        (lambda writer: writer.remove(own), {alone}),
    ):
        version = (await log.since(version)).version
        async with store.unit_of_work() as uow:
            writer = PostgresPolicyWriter(uow.connection, SPEND, CLOCK)
            assert await writer.lock(made.id) is not None
            await act(writer)
        assert (await log.since(version)).changed == expected
    assert await PolicyStore(store, SPEND).get(made.id) is None
