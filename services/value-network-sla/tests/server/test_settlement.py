"""What does a period come to, who can object to it, and can everybody work it out again?"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from policing_world import NOON, Police, speed
from settlement_world import (
    ACCESS,
    CONTENT,
    OPERATOR,
    START,
    Settling,
    cents,
    emptied,
    euros,
    income,
    period,
    value_network,
)
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from apportioning.evidence.canonical import canonical
from apportioning.evidence.recompute import recompute
from apportioning.evidence.signing import read_signed
from cxmesh.sla.v1 import apportioning_service_pb2 as network_pb2
from cxmesh.sla.v1 import evidence_service_pb2 as evidence_pb2
from cxmesh.sla.v1 import settlement_pb2, settlement_terms_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as service_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as sla_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
_OF_ACCESS = "statements/acme-access.1772366400"


@pytest.fixture
async def settling(lasting_network: Any, empty_every_table: str, agreement_of: Callable[..., Any]) -> Settling:
    """An empty service with two partners and an agreement of each."""
    return await emptied(lasting_network, empty_every_table, agreement_of)


async def _contest(settling: Settling, name: str = "c-1", line: int = 1, as_: str = ACCESS, **fields: Any) -> Any:
    request = service_pb2.OpenContestRequest(
        contest_id=name,
        statement=f"{_OF_ACCESS}.1",
        line=line,
        reason=settlement_pb2.CONTEST_REASON_EXCLUSION,
        explanation="We had announced maintenance.",
        evidence=["ticket 4711"],
        **fields,
    )
    return await settling.settlement(as_).OpenContest(request)


async def test_a_statement_says_what_was_delivered_and_what_is_owed(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    statement = await settling.issue()
    assert (statement.name, statement.sequence, statement.corrects) == (f"{_OF_ACCESS}.1", 1, "")
    (summary,) = statement.agreements
    assert (summary.agreement, summary.session_count, summary.affected_session_count) == ("agreements/access", 20, 10)
    assert (summary.visit_count, summary.good_count, summary.attained_ppm) == (20, 10, 500_000)
    assert (summary.breach_count, summary.objective_ppm, summary.share_ppm) == (1, 900_000, 875_000)
    assert summary.lateness.ToMilliseconds() == 3_500
    (line,) = statement.lines
    assert (line.number, line.agreement, cents(line.amount)) == (1, "agreements/access", -10_000)
    assert line.kind == settlement_pb2.STATEMENT_LINE_KIND_PENALTY
    assert line.breach == "breaches/access.1772366400"
    assert [cents(net) for net in statement.net] == [-10_000]
    assert [(total.kind, cents(total.amount)) for total in statement.totals] == [(line.kind, -10_000)]
    assert (statement.claim_end_time.seconds - statement.issue_time.seconds) == timedelta(days=60).total_seconds()
    assert await settling.settlement(ACCESS).GetStatement(service_pb2.GetStatementRequest(name=statement.name)) == (
        statement
    )


async def test_a_statement_is_frozen_and_refused_again_until_something_changes(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.watch(trace_of, request_of)
    first = await settling.issue()
    error = await refused(settling.issue())
    assert error.reason == "ERROR_REASON_STATEMENT_NOT_DUE"
    assert "nothing has changed" in error.message
    for change in ("UPDATE sla.statement_line SET amount = 0", "DELETE FROM sla.audit_entry"):
        with pytest.raises(IntegrityError, match="never changed"):
            async with settling.network.service.runtime.store.unit_of_work() as uow:
                await uow.connection.execute(text(change))
    assert await settling.settlement().GetStatement(service_pb2.GetStatementRequest(name=first.name)) == first


async def test_late_spans_are_stated_by_a_further_statement(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of, count=6)  # 3 of 6 late: in breach
    first = await settling.issue()
    assert [cents(net) for net in first.net] == [-10_000]
    for number in range(7, 60):
        await settling.network.send(trace_of(number).session(number * 10, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(59)

    async def withdrawn() -> bool:
        answer = await settling.network.sla().ListBreaches(sla_pb2.ListBreachesRequest())
        return not answer.breaches

    await settling.network.until(withdrawn)
    second = await settling.issue()
    assert (second.name, second.sequence, second.corrects) == (f"{_OF_ACCESS}.2", 2, first.name)
    assert [(line.kind, cents(line.amount)) for line in second.lines] == [(first.lines[0].kind, 10_000)]
    assert second.agreements[0].visit_count == 59
    assert recompute((await settling.bundle(second.lines[0].evidence))["bundle"]).holds


async def test_a_preview_keeps_nothing(settling: Settling, trace_of: Any, request_of: MakeRequest) -> None:
    await settling.watch(trace_of, request_of)
    request = service_pb2.PreviewStatementRequest(partner="partners/acme-access", period=period())
    seen = await settling.settlement(ACCESS).PreviewStatement(request)
    assert (seen.name, seen.lines[0].evidence, cents(seen.net[0])) == ("", "", -10_000)
    listed = await settling.settlement().ListStatements(service_pb2.ListStatementsRequest())
    assert list(listed.statements) == []


async def test_what_cannot_be_stated_yet_is_refused_with_the_reason(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.network.send(trace_of(1).session(0, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(1)
    error = await refused(settling.issue(end=300 * 86_400))
    assert "goes on" in error.message
    await settling.settled()
    await settling.issue()
    assert "overlaps" in (await refused(settling.issue(first=-60, end=60))).message
    for bounds in ({"first": 60, "end": 60}, {"first": 0, "end": 400 * 86_400}):
        assert (await refused(settling.issue("acme-access", **bounds))).reason == "ERROR_REASON_INVALID_VALUE"
    assert (await refused(settling.issue(partner="nobody"))).reason == "ERROR_REASON_PARTNER_NOT_FOUND"


async def test_statements_are_listed_latest_period_first(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue(first=-60, end=0)
    await settling.issue()
    await settling.issue(partner="best-content")
    request = service_pb2.ListStatementsRequest(page_size=2)
    first = await settling.settlement().ListStatements(request)
    request.page_token = first.next_page_token
    second = await settling.settlement().ListStatements(request)
    assert [each.name for each in (*first.statements, *second.statements)] == [
        f"{_OF_ACCESS}.1",
        "statements/acme-access.1772366340.1",
        "statements/best-content.1772366400.1",
    ]
    assert not second.next_page_token


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


async def test_a_contest_is_opened_answered_resolved_and_settled(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    contest = await _contest(settling)
    assert (contest.state, contest.partner) == (settlement_pb2.CONTEST_STATE_OPEN, "partners/acme-access")
    assert (await refused(_contest(settling, "c-2"))).reason == "ERROR_REASON_CONTEST_STATE"
    answer = service_pb2.AnswerContestRequest(name=contest.name, answer="Maintenance began later.")
    answered = await settling.settlement().AnswerContest(answer)
    assert (answered.state, answered.answer) == (settlement_pb2.CONTEST_STATE_ANSWERED, "Maintenance began later.")
    resolve = service_pb2.ResolveContestRequest(
        name=contest.name, outcome=settlement_pb2.CONTEST_STATE_PARTLY_UPHELD, resolution="Half.", amount=euros(100)
    )
    assert (await refused(settling.settlement().ResolveContest(resolve))).reason == "ERROR_REASON_INVALID_VALUE"
    resolve.amount.CopyFrom(euros(50))
    resolved = await settling.settlement().ResolveContest(resolve)
    assert (resolved.state, cents(resolved.adjustment)) == (settlement_pb2.CONTEST_STATE_PARTLY_UPHELD, 5_000)
    assert (await refused(settling.settlement().AnswerContest(answer))).reason == "ERROR_REASON_CONTEST_STATE"
    second = await settling.issue()
    assert [(line.kind, cents(line.amount)) for line in second.lines] == [
        (settlement_pb2.STATEMENT_LINE_KIND_ADJUSTMENT, 5_000)
    ]
    settled = await settling.settlement(ACCESS).GetContest(service_pb2.GetContestRequest(name=contest.name))
    assert settled.settled_by == second.name
    assert (await refused(settling.issue())).reason == "ERROR_REASON_STATEMENT_NOT_DUE"
    assert (await refused(_contest(settling))).reason == "ERROR_REASON_ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("outcome", "cents_back"),
    [(settlement_pb2.CONTEST_STATE_UPHELD, 10_000), (settlement_pb2.CONTEST_STATE_REJECTED, 0)],
)
async def test_a_line_is_taken_back_wholly_or_stands(
    settling: Settling, trace_of: Any, request_of: MakeRequest, outcome: Any, cents_back: int
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    resolve = service_pb2.ResolveContestRequest(name="contests/c-1", outcome=outcome, resolution="So be it.")
    resolved = await settling.settlement().ResolveContest(resolve)
    assert (resolved.state, cents(resolved.adjustment)) == (outcome, cents_back)
    pending = await settling.settlement().ListContests(service_pb2.ListContestsRequest(pending_only=True))
    assert list(pending.contests) == []


async def test_a_contest_that_is_withdrawn_is_over_and_the_line_may_be_contested_again(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    request = service_pb2.WithdrawContestRequest(name="contests/c-1")
    withdrawn = await settling.settlement(ACCESS).WithdrawContest(request)
    assert withdrawn.state == settlement_pb2.CONTEST_STATE_WITHDRAWN
    await _contest(settling, "c-2")
    listed = await settling.settlement(ACCESS).ListContests(service_pb2.ListContestsRequest())
    assert [contest.name for contest in listed.contests] == ["contests/c-1", "contests/c-2"]


async def test_a_contest_after_the_time_to_claim_is_refused(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    settling = Settling(network)
    await settling.watch(trace_of, request_of)
    await settling.issue()
    assert (await refused(_contest(settling, line=2))).reason == "ERROR_REASON_INVALID_VALUE"
    settling.network.clock.advance(timedelta(days=61))
    error = await refused(_contest(settling))
    assert error.reason == "ERROR_REASON_CONTEST_STATE"
    assert "too late" in error.message


async def test_every_step_is_in_the_audit_log_and_the_log_is_one_chain(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    await settling.settlement().AnswerContest(service_pb2.AnswerContestRequest(name="contests/c-1", answer="No."))
    await settling.settlement(ACCESS).WithdrawContest(service_pb2.WithdrawContestRequest(name="contests/c-1"))
    request = service_pb2.ListAuditEntriesRequest(partner="partners/acme-access", page_size=3)
    first = await settling.settlement(ACCESS).ListAuditEntries(request)
    request.page_token = first.next_page_token
    entries = [*first.entries, *(await settling.settlement(ACCESS).ListAuditEntries(request)).entries]
    assert [(each.action, each.actor) for each in entries] == [
        ("STATEMENT_ISSUED", "services/operator"),
        ("CONTEST_OPENED", "partners/acme-access"),
        ("CONTEST_ANSWERED", "services/operator"),
        ("CONTEST_WITHDRAWN", "partners/acme-access"),
    ]
    previous = "00" * 32
    for number, entry in enumerate(entries, start=1):
        assert (entry.number, entry.previous_digest) == (number, previous)
        content = {
            "previous": previous,
            "partner": entry.partner,
            "number": number,
            "subject": entry.subject,
            "action": entry.action,
            "actor": entry.actor,
            "time": entry.entry_time.ToDatetime().isoformat(timespec="microseconds") + "+00:00",
        }
        detail = entry.detail.encode()
        expected = canonical(content).replace(b'{"action"', b'{"action"', 1)
        whole = expected[:-1].replace(b',"number"', b',"detail":' + detail + b',"number"', 1) + b"}"
        assert entry.digest == hashlib.sha256(whole).hexdigest()
        previous = entry.digest


async def test_the_same_request_again_gives_the_same_statement(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    request = service_pb2.IssueStatementRequest(
        partner="partners/acme-access", period=period(), request_id="b0b3a7f6-0c0e-4c43-9d0e-1b9a6f1f2a3b"
    )
    first = await settling.settlement().IssueStatement(request)
    assert await settling.settlement().IssueStatement(request) == first


async def test_evidence_of_sessions_breaches_and_lines_is_signed_and_comes_out_as_stated(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    statement = await settling.issue()
    key = await settling.evidence(ACCESS).GetEvidenceKey(evidence_pb2.GetEvidenceKeyRequest())
    session = f"evidence/session.{trace_of(4).id}"
    await settling.network.until(_is_kept(settling, session))
    for name in (session, "evidence/breach.access.1772366400", statement.lines[0].evidence):
        for caller in (OPERATOR, ACCESS):
            answer = await settling.evidence(caller).GetEvidence(evidence_pb2.GetEvidenceRequest(name=name))
            signed = read_signed(answer.document)
            assert signed.key_id == answer.key_id == key.key_id
            assert signed.is_signed_by(key.public_key_pem)
            report = recompute(signed.bundle)
            assert report.holds, [check for check in report.checks if not check.holds]
            assert "customers/" not in answer.document
            assert caller == OPERATOR or "best-content" not in answer.document


def _is_kept(settling: Settling, name: str) -> Callable[[], Awaitable[object]]:
    async def kept() -> object:
        await settling.network.service.runtime.store.retrying(_nothing)
        rows = await settling.network.rows("SELECT name FROM sla.evidence")
        return any(row.name == name for row in rows)

    return kept


async def _nothing(_uow: object) -> None:
    return None


async def test_evidence_shows_a_partner_no_more_than_its_agreement_allows(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    access = agreement_of("acme-access", "OpenLine", 50)
    access.effective_time.seconds = 1_700_000_001
    access.evidence_detail = settlement_terms_pb2.EVIDENCE_DETAIL_OWN_ONLY
    await settling.agree("access-2", access)
    await settling.watch(trace_of, request_of)
    name = f"evidence/session.{trace_of(4).id}"
    await settling.network.until(_is_kept(settling, name))
    narrow = (await settling.bundle(name, ACCESS))["bundle"]
    wide = (await settling.bundle(name, CONTENT))["bundle"]
    assert {span["sender"] for span in narrow["spans"]} == {"partners/acme-access"}
    assert len(wide["spans"]) == 5
    assert recompute(narrow).holds
    assert recompute(wide).holds


async def test_the_provider_can_be_late_itself_by_an_agreed_or_a_learned_budget(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    for number in range(1, 5):
        await settling.network.send(trace_of(number).session(number, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(4)
    learn = network_pb2.LearnProviderBudgetsRequest(service="iptv", interval=period(), min_sessions=2)
    learned = await settling.apportioning().LearnProviderBudgets(learn)
    (budget,) = learned.provider_budgets
    assert (learned.session_count, budget.operation, budget.learned) == (4, "watch", True)
    assert budget.latency_budget.ToMilliseconds() == 190
    made = await settling.apportioning().CreateValueNetwork(value_network("iptv-1", provider_budgets=[budget]))
    assert made.provider_budgets == [budget]
    await settling.network.send(trace_of(5).session(100, access_ms=90, content_ms=150), request_of)
    await settling.network.closed(5)
    session = await settling.network.sla().GetSession(sla_pb2.GetSessionRequest(name=f"sessions/{trace_of(5).id}"))
    assert [(share.party.kind, share.lateness.ToMilliseconds()) for share in session.shares] == [(1, 40), (2, 30)]


async def test_a_value_network_chooses_the_policy_from_its_time_on(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    policy = network_pb2.APPORTIONING_POLICY_LAST_CAUSE
    pair = {"within": {"operation": "watch"}, "one": {"operation": "x"}, "other": {"operation": "y"}}
    new = value_network("iptv-1", policy=policy, concurrent_calls=[pair])
    made = await settling.apportioning().CreateValueNetwork(new)
    assert made == await settling.apportioning().CreateValueNetwork(new)
    assert made == await settling.apportioning().GetValueNetwork(
        network_pb2.GetValueNetworkRequest(name="valueNetworks/iptv-1")
    )
    later = value_network("iptv-2", effective_time={"seconds": START + 1})
    await settling.apportioning().CreateValueNetwork(later)
    listed = await settling.apportioning().ListValueNetworks(network_pb2.ListValueNetworksRequest(service="iptv"))
    assert [each.name for each in listed.value_networks] == ["valueNetworks/iptv-1", "valueNetworks/iptv-2"]
    for number, begin in ((1, 0), (2, 2_000)):
        await settling.network.send(trace_of(number).session(begin, access_ms=400, content_ms=300), request_of)
    await settling.network.closed(2)
    shares = []
    for number in (1, 2):
        request = sla_pb2.GetSessionRequest(name=f"sessions/{trace_of(number).id}")
        session = await settling.network.sla().GetSession(request)
        shares.append([share.lateness.ToMilliseconds() for share in session.shares])
    assert shares == [[450], [350, 100]]
