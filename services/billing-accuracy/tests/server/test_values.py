"""Are records' own prices read from the usage service, and bills checked by them?"""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from billing_messages import bill_message, money
from billing_samples import START, Account, day, tariff_document, usage_line

from cxmesh.billing.v1 import bill_check_pb2

PASS, HOLD = bill_check_pb2.VERDICT_PASS, bill_check_pb2.VERDICT_HOLD
TEN = timedelta(hours=10)


def holder(world: Any, *values: tuple[int, str]) -> Account:
    """A subscription with a call of a minute a day, of which the first have prices of their own."""
    world.peers.catalogue.sell("plans/share", tariff_document("share", percentage="25"))
    account = world.account("plans/share", calls=[day(60, number) for number in range(3)])
    for number, value in enumerate(values):
        world.peers.usage.values[account.name, START + TEN + timedelta(days=number)] = value
    return account


async def test_right_bills_pass_and_wrong_ones_are_held_whatever_stands_in_one_part(world: Any) -> None:
    accounts = [
        holder(world),
        holder(world, (4_990_000, "USD"), (10_000_000, "USD")),
        holder(world, (0, "USD")),
        holder(world),
        holder(world, (1_000_000, "USD")),
    ]
    amounts = ["0.51", "4.26", "0.51", "0.51", "0.76"]
    run = await world.run()
    bills = [
        bill_message(account.bill(usage_line("voice.day", amount, 3, 180)))
        for account, amount in zip(accounts, amounts, strict=True)
    ]
    assert {one.verdict for one in (await world.check(run, *bills)).outcomes} == {PASS}
    wrong = bill_message(accounts[1].bill(usage_line("voice.day", "15.50", 3, 180)))
    check = await world.checked(await world.run(), wrong)
    assert check.verdict == HOLD
    assert check.expected_total == money("4.26")
    assert sum(Fraction(one.difference.units) + Fraction(one.difference.nanos, 10**9) for one in check.findings) == (
        Fraction("11.24")
    )


async def test_a_value_in_another_currency_is_told_as_a_record_without_a_price(world: Any) -> None:
    account = holder(world, (4_990_000, "EUR"))
    check = await world.checked(await world.run(), bill_message(account.bill(usage_line("voice.day", "0.34", 2, 120))))
    [finding] = check.findings
    assert check.expected_total == money("0.34")
    assert list(finding.evidence_records) == [f"switch/{account.name[14:]}-0"]
