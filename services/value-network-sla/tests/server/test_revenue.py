"""What does each partner get of what was earned, or of a credit?"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from policing_world import NOON, Police, speed
from settlement_world import (
    ACCESS,
    START,
    Settling,
    cents,
    euros,
    income,
)

from apportioning.evidence.recompute import recompute
from cxmesh.sla.v1 import settlement_pb2, settlement_terms_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


async def test_income_is_shared_as_agreed_and_what_is_earned_twice_counts_once(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    terms: Any = settlement_terms_pb2
    later = {"effective_time": {"seconds": 1_700_000_001}}
    percentage = terms.RevenueTerms(currency_code="EUR", percentage={"ppm": 125_000})
    tiers = [{"above": euros(0), "ppm": 100_000}, {"above": euros(10), "ppm": 50_000}]
    access, content = agreement_of("acme-access", "OpenLine", 50), agreement_of("best-content", "GetStream", 200)
    for agreement in (access, content):
        agreement.effective_time.seconds = later["effective_time"]["seconds"]
    await settling.agree("access-2", access, revenue_terms=percentage)
    tiered = terms.RevenueTerms(currency_code="EUR", tiered={"tiers": tiers})
    await settling.agree("content-2", content, revenue_terms=tiered)
    await settling.network.send(trace_of(1).session(0, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(1)
    await settling.settled()
    session = f"sessions/{trace_of(1).id}"
    incomes = [
        income("a", euros(4), session),
        income("b", euros(11, 4)),
        income("of another session", euros(500), "sessions/" + "9" * 32),
        income("of another service", euros(500), service="voip"),
        income("of another period", euros(500), at=86_400),
    ]
    done = await settling.earn(*incomes)
    assert (done.recorded_count, done.known_count, len(done.errors)) == (5, 0, 0)
    again = await settling.earn(*incomes[:2], income("a", euros(5), session))
    assert (again.recorded_count, again.known_count) == (0, 2)
    assert [(error.index, error.field) for error in again.errors] == [(2, "incomes[2].income_id")]
    statement = await settling.issue()
    assert [(line.agreement, cents(line.amount)) for line in statement.lines] == [("agreements/access-2", 188)]
    other = await settling.issue(partner="best-content")
    assert [cents(line.amount) for line in other.lines] == [125]  # 10 % of 10 euros, 5 % of 5.04
    for made in (statement, other):
        report = recompute((await settling.bundle(made.lines[0].evidence))["bundle"])
        assert report.holds
        assert report.taken == []


async def test_percentages_that_come_to_the_whole_are_each_stated_by_their_own_agreement(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    access, content = agreement_of("acme-access", "OpenLine", 50), agreement_of("best-content", "GetStream", 200)
    for name, agreement, ppm in (("access-2", access, 500_000), ("content-2", content, 500_000)):
        agreement.effective_time.seconds = 1_700_000_001
        terms: Any = settlement_terms_pb2.RevenueTerms(
            currency_code="EUR", percentage=settlement_terms_pb2.PercentageRevenue(ppm=ppm)
        )
        await settling.agree(name, agreement, revenue_terms=terms)
    await settling.network.send(trace_of(1).session(0, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(1)
    await settling.settled()
    await settling.earn(income("a", euros(0, 2), f"sessions/{trace_of(1).id}"), income("b", euros(0, 1)))
    statements = [await settling.issue(), await settling.issue(partner="best-content")]
    # 1.5 cents each, half to even: the provider, who had 3 cents, is a cent short, and nobody is cut.
    assert [[cents(line.amount) for line in each.lines] for each in statements] == [[2], [2]]
    for statement in statements:
        assert recompute((await settling.bundle(statement.lines[0].evidence))["bundle"]).holds


async def test_a_credit_for_an_objective_missed_is_a_line_that_sums_up(network: Any, refused: Refused) -> None:
    settling, police = Settling(network), Police(network)
    await police.promise()
    yesterday = NOON - timedelta(days=1)
    await police.measure(*(speed(number, 29, at=yesterday) for number in range(20)))

    async def earned() -> Any:
        found = await police.attained(at=yesterday)
        return found.event_count == 20 and found.HasField("credit")

    await police.when(earned)
    day = {"first": -36 * 3600 - 3600, "end": -12 * 3600 - 3600}  # of Vienna
    statement = await settling.issue("acme-access", **day)
    (line,) = statement.lines
    assert (line.kind, cents(line.amount)) == (settlement_pb2.STATEMENT_LINE_KIND_CREDIT, -31_000)
    bundle = (await settling.bundle(line.evidence, ACCESS))["bundle"]
    assert bundle["inputs"]["credits"][0]["objective"] == "objectives/line-speed"
    assert recompute(bundle).holds
    assert (await refused(settling.issue("acme-access", **day))).reason == "ERROR_REASON_STATEMENT_NOT_DUE"


async def test_fixed_and_usage_based_parts(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    terms: Any = settlement_terms_pb2
    fixed = terms.RevenueTerms(currency_code="EUR", fixed={"amount": euros(30)})
    access, content = agreement_of("acme-access", "OpenLine", 50), agreement_of("best-content", "GetStream", 200)
    access.effective_time.seconds = START + 20  # a third of the period
    await settling.agree("access-2", access, revenue_terms=fixed)
    content.effective_time.seconds = 1_700_000_001
    price = {"currency_code": "EUR", "nanos": 2_500_000}  # a quarter of a cent
    usage = terms.RevenueTerms(currency_code="EUR", usage={"per_visit": price, "included_visits": 2})
    made = await settling.agree("content-2", content, revenue_terms=usage)
    assert made.revenue_terms == usage
    for number in range(1, 9):
        await settling.network.send(trace_of(number).session(number, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(8)
    await settling.settled()
    assert [cents(line.amount) for line in (await settling.issue()).lines] == [2_000]
    assert [cents(line.amount) for line in (await settling.issue(partner="best-content")).lines] == [2]
