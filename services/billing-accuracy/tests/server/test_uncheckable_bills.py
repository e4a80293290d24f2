"""Is a bill that can't be checked refused with the reason, and are the others checked all the same?"""

import pytest
from billing_messages import bill_message
from billing_samples import END, tariff_document, usage_line

from cxmesh.billing.v1 import bill_check_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason

PASS = bill_check_pb2.VERDICT_PASS


def rejected(answer: pb.CheckBillsResponse) -> list[tuple[int, str, str, str]]:
    return [
        (one.index, ErrorReason.Name(one.reason).removeprefix("ERROR_REASON_"), one.field, one.description)
        for one in answer.rejections
    ]


UNCHECKABLE = {
    "a plan that nobody knows": ("plans/gone", "subscription", "had plans/gone, which the catalogue doesn't know"),
    "a plan in euro": ("plans/euro", "total.currency_code", "USD: expected EUR, that of plans/euro"),
    "a plan to come": (
        "plans/later",
        "billing_period",
        "expected 2026-02-20T05:00:00+00:00 or later, when plans/later",
    ),
    "a share with others of whom nobody tells": (
        "plans/shares",
        "subscription",
        "its bills depend on how others use minutes, which is shared",
    ),
}


@pytest.mark.parametrize(("plan", "field", "why"), UNCHECKABLE.values(), ids=UNCHECKABLE)
async def test_a_bill_that_cannot_be_checked_is_refused_with_the_reason(world, plan: str, field: str, why: str) -> None:
    catalogue = world.peers.catalogue
    catalogue.sell("plans/euro", tariff_document("euro", currency="EUR"), retired=True)
    catalogue.sell("plans/later", tariff_document("later", since="2026-02-20"), retired=True)
    allowance = '{id: minutes, name: M, amount: "100", unit: minute, covers: [{line: voice.day}], shared: true}'
    catalogue.sell("plans/shares", f"{tariff_document('shares')}  allowances: [{allowance}]\n", retired=True)
    run, right = await world.run(), world.account()
    account = world.account(plan, customer="customers/secret")
    world.peers.profile.not_told.add("customers/secret")
    answer = await world.check(
        run, bill_message(account.bill(usage_line("voice.day", "1"))), bill_message(right.right_bill())
    )
    [(index, reason, said, description)] = rejected(answer)
    assert (index, reason, said) == (0, "INVALID_BILL", field)
    assert why in description
    assert [(one.index, one.verdict) for one in answer.outcomes] == [(1, PASS)]


async def test_a_bill_of_a_time_without_a_plan_is_refused(world) -> None:
    run = await world.run()
    early = world.account(plans=(("plans/standard", END),))
    never = world.account(plans=())
    bills = [bill_message(one.bill(usage_line("voice.day", "1"))) for one in (early, never)]
    found = rejected(await world.check(run, *bills))
    assert [one[:3] for one in found] == [(n, "INVALID_BILL", "billing_period") for n in range(2)]
    assert found[0][3].endswith(
        f"expected a time in which {early.name} had a plan; its first one began {END.isoformat()}"
    )
    assert found[1][3].endswith("; it never had one")


async def test_a_bill_in_another_currency_than_the_run_is_refused(world) -> None:
    account, run = world.account(), await world.run("EUR")
    [found] = rejected(await world.check(run, bill_message(account.right_bill())))
    assert found == (0, "INVALID_BILL", "total.currency_code", "USD: expected EUR, as the bill run has it")
    mixed = bill_message(account.right_bill())
    mixed.lines[2].amount.currency_code = "EUR"
    [found] = rejected(await world.check(await world.run(), mixed))
    assert found[1:] == ("INVALID_BILL", "lines[2].amount.currency_code", "'EUR': expected USD, as the total has")


async def test_usage_that_comes_to_more_than_can_be_kept_is_a_reason_not_a_crash(world) -> None:
    world.peers.catalogue.sell("plans/dear", tariff_document("dear", prices=("99999999999999",) * 4), retired=True)
    run, account, right = await world.run(), world.account("plans/dear"), world.account()
    answer = await world.check(
        run, bill_message(account.bill(usage_line("voice.day", "1"))), bill_message(right.right_bill())
    )
    [found] = rejected(answer)
    assert found[:3] == (0, "INVALID_BILL", "billing_period")
    assert "expected at most 1000000000000 USD" in found[3]
    assert [one.verdict for one in answer.outcomes] == [PASS]
