"""Are peers asked in as few calls as they allow, and are their answers read whole?"""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import grpc
import numpy as np
import pytest
import yaml
from billing_peers import Peers, peers
from billing_samples import END, SINCE, START, Account, Call, day, tariff_document

from billing_accuracy.domain.usage import PlanPeriod
from billing_accuracy.server.catalogue import CatalogueClient
from billing_accuracy.server.peers import ProfileClient, UsageClient
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles
from mesh.testkit import Certificates


@pytest.fixture(scope="module")
async def around(certificates: Certificates) -> AsyncIterator[Peers]:
    async with peers(certificates) as found:
        yield found


@pytest.fixture
async def channel(certificates: Certificates, around: Peers) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    issued = certificates.issue("service/billing-accuracy")
    credentials = FollowedCertificates(TlsFiles(issued.certificate, issued.key, issued.ca)).current()
    found = {}
    for name, peer in (
        ("profile", around.profile),
        ("offer-decision", around.catalogue),
        ("usage-correlation", around.usage),
    ):
        peer.asked.clear()
        options = [("grpc.ssl_target_name_override", name)]
        found[name] = grpc.aio.secure_channel(peer.address, credentials.channel_credentials(), options)
    yield found
    for one in found.values():
        await one.close()


async def test_subscriptions_come_with_their_plans_and_unknown_ones_not_at_all(around: Peers, channel) -> None:
    moved = START + timedelta(days=3)
    around.hold(Account(plans=(("plans/standard", SINCE), ("plans/saver", moved)), name="subscriptions/s-1"))
    found = await ProfileClient(channel["profile"]).subscriptions({"subscriptions/s-1", "subscriptions/none"})
    assert list(found) == ["subscriptions/s-1"]
    assert found["subscriptions/s-1"].customer == "customers/c-s-1"
    assert found["subscriptions/s-1"].plan_periods == (
        PlanPeriod("plans/standard", SINCE, moved),
        PlanPeriod("plans/saver", moved, None),
    )


async def test_tariffs_are_those_in_force_and_those_on_sale_but_not_what_nobody_knows(around: Peers, channel) -> None:
    around.catalogue.sell("plans/old", tariff_document("old"), retired=True)
    around.catalogue.sell("plans/older", tariff_document("older"), retired=True)
    client = CatalogueClient(channel["offer-decision"])
    found = await client.tariffs({"plans/standard", "plans/old", "plans/gone", "plans/lost"})
    on_sale = {"plans/standard", "plans/saver", "plans/by-minute", "plans/exact", "plans/even"}
    assert found.keys() == on_sale | {"plans/old"}
    assert found["plans/old"].id == "old"
    assert (await client.tariffs({"plans/gone"})).keys() == on_sale


async def test_a_tariff_is_parsed_once_and_again_when_it_changes(around: Peers, channel) -> None:
    client = CatalogueClient(channel["offer-decision"])
    first = (await client.tariffs(()))["plans/standard"]
    assert (await client.tariffs(()))["plans/standard"] is first
    around.catalogue.sell("plans/standard", tariff_document(monthly="1.00"))
    assert (await client.tariffs(()))["plans/standard"].versions[0].recurring
    around.catalogue.sell("plans/standard", tariff_document())


async def test_more_plans_than_one_call_may_ask_for_are_asked_for_in_several(around: Peers, channel) -> None:
    names = {f"plans/many-{number}" for number in range(150)}
    for name in names:
        around.catalogue.sell(name, tariff_document(), retired=True)
    found = await CatalogueClient(channel["offer-decision"]).tariffs(names)
    assert names < found.keys()
    asked = [len(one.names) for one in around.catalogue.asked if hasattr(one, "names")]
    assert sorted(asked) == [50, 100]


async def test_plans_on_sale_are_listed_page_by_page(around: Peers, channel) -> None:
    names = {f"plans/sold-{number}" for number in range(120)}
    for name in names:
        around.catalogue.sell(name, tariff_document())
    found = await CatalogueClient(channel["offer-decision"]).tariffs(())
    assert names < found.keys()
    assert len(around.catalogue.asked) == 2


async def test_usage_comes_in_parts_and_reads_as_one_table(around: Peers, channel) -> None:
    micro = timedelta(microseconds=1)
    accounts = [Account((day(60 * n, n + 1), day(30, 1)), name=f"subscriptions/u-{n}") for n in range(1, 6)]
    accounts.append(Account((), name="subscriptions/u-0"))
    accounts.append(Account((Call(-micro, 1), Call(timedelta(0), 2), Call(END - START, 3)), name="subscriptions/u-9"))
    for account in accounts:
        around.usage.store(account)
    table = await UsageClient(channel["usage-correlation"]).between([one.name for one in accounts], START, END)
    [asked] = around.usage.asked
    assert asked.interval.start_time.ToDatetime(UTC) == START
    quantities = {name: table.columns.quantity[low:high].tolist() for name, (low, high) in table.ranges.items()}
    assert quantities == {
        **{f"subscriptions/u-{n}": [30, 60 * n] for n in range(1, 6)},
        "subscriptions/u-9": [2],
    }
    for low, high in table.ranges.values():
        starts = table.start_micros[low:high].tolist()
        assert starts == sorted(starts)


async def test_no_usage_is_an_empty_table(around: Peers, channel) -> None:
    table = await UsageClient(channel["usage-correlation"]).between(["subscriptions/none"], START, END)
    assert (len(table.columns), dict(table.ranges)) == (0, {})


async def test_more_subscriptions_than_one_call_may_ask_for_are_read_in_several(around: Peers, channel) -> None:
    names = [f"subscriptions/many-{number:05}" for number in range(10_001)]
    around.usage.store(Account((day(60),), name=names[-1]))
    table = await UsageClient(channel["usage-correlation"]).between(names, START, END)
    assert [len(one.subscriptions) for one in around.usage.asked] == [10_000, 1]
    assert dict(table.ranges) == {names[-1]: (0, 1)}


async def test_records_of_one_moment_have_turns_by_source_and_id(around: Peers, channel) -> None:
    names = [f"subscriptions/turn-{number}" for number in range(3)]
    for name, source in zip(names, ("c-switch", "a-switch", "b-switch"), strict=True):
        around.usage.store(Account((day(60), day(30, int(name[-1]) + 1)), name=name))
        around.usage.sources[name] = source
    table = await UsageClient(channel["usage-correlation"]).in_turn(names, START, END)
    rows = table.event_order(np.arange(6))
    assert [names[row // 2] for row in rows[:3]] == [names[1], names[2], names[0]]
    assert [row % 2 for row in rows.tolist()] == [0, 0, 0, 1, 1, 1]


async def test_all_subscriptions_of_a_customer_are_listed_page_by_page(around: Peers, channel) -> None:
    for number in range(1001):
        around.hold(Account((), name=f"subscriptions/of-{number:04}", customer="customers/large"))
    around.hold(Account((), name="subscriptions/alone", customer="customers/small"))
    around.profile.not_told.add("customers/secret")
    client = ProfileClient(channel["profile"])
    asked = {"customers/large", "customers/small", "customers/secret", "customers/nobody"}
    found = await client.households(asked, 1001)
    assert {name: len(held) for name, held in found.items()} == {
        "customers/large": 1001,
        "customers/small": 1,
        "customers/nobody": 0,
    }
    assert (await client.households(asked, 1000)).keys() == {"customers/small", "customers/nobody"}


async def test_plans_are_asked_for_again_only_when_they_may_have_changed(around: Peers, channel) -> None:
    stamp = 1

    async def current() -> int:
        return stamp

    around.catalogue.sell("plans/retired", tariff_document("retired"), retired=True)
    client = CatalogueClient(channel["offer-decision"], current)
    first = await client.tariffs({"plans/standard", "plans/retired"})
    asked = len(around.catalogue.asked)
    around.catalogue.sell("plans/standard", tariff_document("standard", prices=("9", "9", "9", "9")))
    try:
        assert await client.tariffs({"plans/standard", "plans/retired"}) == first
        assert "plans/retired" not in await client.tariffs({"plans/standard"})
        assert len(around.catalogue.asked) == asked
        stamp = 2
        assert (await client.tariffs({"plans/standard"}))["plans/standard"] != first["plans/standard"]
    finally:
        around.catalogue.sell("plans/standard", tariff_document())


async def test_a_plan_that_is_new_is_found_before_it_is_announced(around: Peers, channel) -> None:
    async def current() -> int:
        return 1

    client = CatalogueClient(channel["offer-decision"], current)
    await client.tariffs(())
    around.catalogue.sell("plans/brand-new", tariff_document("brand-new"))
    assert "plans/brand-new" in await client.tariffs({"plans/brand-new"})


async def test_a_tariff_comes_with_the_rates_of_its_fallback(around: Peers, channel) -> None:
    world = tariff_document("world", prices=("2", "2", "2", "2"))
    local = yaml.safe_load(tariff_document("local"))
    local["fallback"] = "world"
    local["versions"][0]["rates"] = local["versions"][0]["rates"][:3]
    around.catalogue.sell("plans/world", world, retired=True)
    around.catalogue.sell("plans/local", yaml.safe_dump(local, sort_keys=False), retired=True)
    found = await CatalogueClient(channel["offer-decision"]).tariffs({"plans/local"})
    assert "plans/world" not in found
    version = found["plans/local"].versions[-1]
    assert version.fallback is not None
    assert {rate.line for rate in version.fallback.rates} >= {"voice.international"}
