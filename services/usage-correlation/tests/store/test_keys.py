"""Has every name one key, whoever asks at the same time?"""

import asyncio

from mesh.store import Store
from usage_correlation.domain.totals import ChargeName
from usage_correlation.store.keys import KeyStore


async def test_a_name_keeps_its_key(store: Store) -> None:
    first = await KeyStore(store).of_subscriptions(["a", "b"])
    again = await KeyStore(store).of_subscriptions(["b", "a", "c"])
    assert {name: again[name] for name in "ab"} == first
    assert len(set(again.values())) == 3


async def test_only_names_with_a_key_are_known(store: Store) -> None:
    keys = await KeyStore(store).of_subscriptions(["known"])
    assert await KeyStore(store).known_subscriptions(["known", "never seen"]) == keys


async def test_many_who_make_the_same_names_at_once_agree(store: Store) -> None:
    names = [f"source-{number}" for number in range(200)]
    stores = [KeyStore(store) for _ in range(6)]
    answers = await asyncio.gather(
        *(each.of_sources(names if number % 2 else names[::-1]) for number, each in enumerate(stores))
    )
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == len(names)


async def test_charges_are_told_apart_by_plan_code_and_currency(store: Store) -> None:
    charges = [ChargeName("p", "day", "EUR"), ChargeName("p", "day", "USD"), ChargeName("q", "day", "EUR")]
    keys = await KeyStore(store).of_charges(charges)
    assert len({keys[charge] for charge in charges}) == 3
    assert await KeyStore(store).of_charges(charges) == keys


async def test_keys_are_names_again(store: Store) -> None:
    keys = KeyStore(store)
    made = await keys.of_sources(["x", "y"])
    assert await keys.source_names([made["y"], made["x"], made["y"]]) == ["y", "x", "y"]


async def test_what_is_remembered_is_not_asked_for_again(store: Store) -> None:
    keys = KeyStore(store)
    made = await keys.of_sources(["remembered"])
    async with store.unit_of_work() as uow:
        await uow.connection.exec_driver_sql("DELETE FROM usage.source WHERE source = 'remembered'")
    assert await keys.of_sources(["remembered"]) == made
