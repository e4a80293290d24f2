"""Is what partners charge for our roamers checked against what was agreed, and what customers are charged?"""

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
import yaml
from billing_samples import END, SINCE, START, Call, tariff_document
from google.type.interval_pb2 import Interval

from cxmesh.billing.v1 import wholesale_pb2
from cxmesh.billing.v1 import wholesale_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub
from mesh.rpc import error_from

Kind = wholesale_pb2.WholesaleDifferenceKind
NOON = timedelta(hours=12)


def agreed() -> str:
    """Calls home at 0.30 a minute, by the second, in SDR."""
    document = yaml.safe_load(tariff_document("iot", prices=("0.30", "0.30", "0.30", "0.30"), currency="XDR"))
    document["rounding"] = {}
    return yaml.safe_dump(document, sort_keys=False)


def period() -> Interval:
    interval = Interval()
    interval.start_time.FromDatetime(START)
    interval.end_time.FromDatetime(END)
    return interval


class Roaming:
    """A partner with a tariff, and a customer with a call of each number of minutes."""

    def __init__(self, world: Any, partner: str, *minutes: int) -> None:
        self.world = world
        self.partner = partner
        self.stub: Any = WholesaleServiceStub(world.service.channel())
        calls = [Call(NOON + timedelta(days=day), 60 * length) for day, length in enumerate(minutes)]
        self.account = world.account(calls=calls, plans=(("plans/standard", SINCE),))
        self.calls = calls

    def charge(self, number: int, amount: str, **fields: Any) -> wholesale_pb2.WholesaleCharge:
        """For the call of this number."""
        usual = {
            "source": "switch",
            "record_id": f"{self.account.name[14:]}-{number}",
            "sequence": 1,
            "partner": self.partner,
            "subscription": self.account.name,
            "item": "D",
            "amount": amount,
            "currency_code": "XDR",
        }
        message = wholesale_pb2.WholesaleCharge(**usual | fields)
        message.event_time.FromDatetime(START + NOON + timedelta(days=number))
        return message

    async def set_tariff(self, document: str = "") -> wholesale_pb2.InterOperatorTariff:
        tariff = wholesale_pb2.InterOperatorTariff(
            name=f"interOperatorTariffs/{self.partner}", tariff_document=document or agreed()
        )
        return await self.stub.SetInterOperatorTariff(pb.SetInterOperatorTariffRequest(inter_operator_tariff=tariff))

    async def record(self, *charges: wholesale_pb2.WholesaleCharge) -> pb.RecordWholesaleChargesResponse:
        return await self.stub.RecordWholesaleCharges(pb.RecordWholesaleChargesRequest(charges=charges))

    async def check(self, **fields: Any) -> pb.CheckWholesaleChargesResponse:
        rates = [wholesale_pb2.ConversionRate(currency_code="USD", rate="1.25")]
        usual = {"name": f"interOperatorTariffs/{self.partner}", "interval": period(), "rates": rates}
        return await self.stub.CheckWholesaleCharges(pb.CheckWholesaleChargesRequest(**usual | fields))


@pytest.fixture
async def roaming(world) -> Roaming:
    found = Roaming(world, uuid.uuid4().hex[:5].upper(), 10, 20, 30)
    await found.set_tariff()
    return found


def told(answer: pb.CheckWholesaleChargesResponse) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            Kind.Name(one.kind).removeprefix("WHOLESALE_DIFFERENCE_KIND_"),
            one.charged,
            one.expected,
            one.retail,
            one.difference,
        )
        for one in answer.differences
    ]


async def test_charges_as_agreed_that_customers_pay_for_differ_in_nothing(roaming: Roaming) -> None:
    # At home-rate 0.17 USD by day: 0.136 XDR a minute; so the partner charges little for once.
    await roaming.set_tariff(agreed().replace("'0.30'", "'0.10'"))
    await roaming.record(roaming.charge(0, "1"), roaming.charge(1, "2"), roaming.charge(2, "3"))
    answer = await roaming.check()
    assert (answer.event_count, list(answer.totals), told(answer)) == (3, [], [])


async def test_what_networks_agreed_on_in_their_own_currency_charges_nothing_of_values(roaming: Roaming) -> None:
    values = {(roaming.account.name, START + call.at): (4_990_000, "USD") for call in roaming.calls}
    roaming.world.peers.usage.values.update(values)
    await roaming.set_tariff(agreed().replace("'0.30'", "'0.10'"))
    await roaming.record(roaming.charge(0, "1"), roaming.charge(1, "2"), roaming.charge(2, "3"))
    assert told(await roaming.check()) == []


async def test_what_is_off_is_told_with_what_it_should_be(roaming: Roaming) -> None:
    await roaming.record(
        roaming.charge(0, "3.5"),
        roaming.charge(1, "5.00"),
        roaming.charge(1, "0.50", sequence=2, item="L"),
        roaming.charge(2, "9.00"),
        roaming.charge(7, "4.00", record_id="nobody-knows"),
    )
    answer = await roaming.check()
    assert answer.event_count == 4
    assert told(answer) == [
        ("RETAIL_BELOW_COST", "9", "9", "4.08", "4.92"),
        ("NO_USAGE", "4", "", "", "4"),
        ("RETAIL_BELOW_COST", "5.5", "6", "2.72", "2.78"),
        ("RETAIL_BELOW_COST", "3.5", "3", "1.36", "2.14"),
        ("OVERCHARGE", "3.5", "3", "1.36", "0.5"),
        ("UNDERCHARGE", "5.5", "6", "2.72", "-0.5"),
    ]
    totals = [(Kind.Name(one.kind)[26:], one.count, one.difference, one.currency_code) for one in answer.totals]
    assert totals == [
        ("OVERCHARGE", 1, "0.5", "XDR"),
        ("UNDERCHARGE", 1, "-0.5", "XDR"),
        ("RETAIL_BELOW_COST", 3, "9.84", "XDR"),
        ("NO_USAGE", 1, "4", "XDR"),
    ]


async def test_a_refund_is_taken_off(roaming: Roaming) -> None:
    await roaming.record(roaming.charge(0, "5"), roaming.charge(0, "2", sequence=2, refund=True))
    kinds = [one[0] for one in told(await roaming.check())]
    assert "OVERCHARGE" not in kinds


async def test_usage_for_which_nothing_is_charged_is_told(roaming: Roaming) -> None:
    await roaming.record(roaming.charge(0, "3"), roaming.charge(1, "6"))
    found = [one for one in told(await roaming.check()) if one[0] == "NO_CHARGE"]
    assert found == [("NO_CHARGE", "0", "9", "4.08", "-9")]


async def test_other_currencies_and_usage_without_a_price_are_told(roaming: Roaming) -> None:
    document = yaml.safe_load(agreed())
    document["versions"][0]["zones"] = [{"id": "home", "prefixes": ["7"]}, {"id": "abroad", "prefixes": ["4"]}]
    await roaming.set_tariff(yaml.safe_dump(document, sort_keys=False))
    await roaming.record(roaming.charge(0, "3", currency_code="EUR"), roaming.charge(1, "6"))
    kinds = [one[0] for one in told(await roaming.check())]
    assert {"OTHER_CURRENCY", "NO_PRICE"} <= set(kinds)


async def test_charges_are_kept_once_and_bad_ones_hold_up_no_other(roaming: Roaming) -> None:
    good, bad = roaming.charge(0, "3"), roaming.charge(1, "-6")
    first = await roaming.record(good, bad, good)
    assert (first.accepted_count, first.duplicate_count) == (1, 1)
    [rejection] = first.rejections
    assert (rejection.index, rejection.field) == (1, "amount")
    assert rejection.reason == ErrorReason.ERROR_REASON_INVALID_CHARGE
    again = await roaming.record(good, roaming.charge(0, "4"))
    assert (again.accepted_count, again.duplicate_count) == (0, 1)
    assert again.rejections[0].reason == ErrorReason.ERROR_REASON_CHARGE_CONFLICT


async def test_a_tariff_is_kept_as_it_was_set(roaming: Roaming) -> None:
    request = pb.GetInterOperatorTariffRequest(name=f"interOperatorTariffs/{roaming.partner}")
    first = await roaming.stub.GetInterOperatorTariff(request)
    assert first.tariff_document == agreed()
    roaming.world.clock.advance(timedelta(minutes=1))
    assert await roaming.set_tariff() == first


@pytest.mark.parametrize("document", ["format: nothing", ""], ids=["no tariff", "with allowances"])
async def test_a_document_that_prices_no_single_records_is_refused(roaming: Roaming, document: str) -> None:
    if not document:
        wrong = yaml.safe_load(agreed())
        covers = [{"line": "voice.day"}]
        wrong["versions"][0]["allowances"] = [
            {"id": "a", "name": "A", "unit": "minute", "amount": "5", "covers": covers}
        ]
        document = yaml.safe_dump(wrong, sort_keys=False)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await roaming.set_tariff(document)
    assert error_from(caught.value).reason == "ERROR_REASON_INVALID_VALUE"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rates": []}, "a rate for USD, the currency of plans/standard"),
        ({"rates": [wholesale_pb2.ConversionRate(currency_code="USD", rate="0")]}, "a number above zero"),
        ({"interval": Interval()}, "both bounds of the interval"),
    ],
    ids=["no rate", "a rate of nothing", "no interval"],
)
async def test_what_cannot_be_checked_is_refused(roaming: Roaming, fields: dict[str, Any], message: str) -> None:
    await roaming.record(roaming.charge(0, "3"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await roaming.check(**fields)
    assert message in error_from(caught.value).message


async def test_a_partner_without_a_tariff_is_not_found(roaming: Roaming) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await roaming.check(name="interOperatorTariffs/NONE0")
    assert error_from(caught.value).reason == "ERROR_REASON_INTER_OPERATOR_TARIFF_NOT_FOUND"
