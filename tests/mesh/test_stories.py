"""Do the three stories come true, told by six processes on real PostgreSQL and Redis?"""

from __future__ import annotations

import sys

import pytest
from rich.console import Console

from cxmesh.notification.v1.message_pb2 import MESSAGE_STATE_DELIVERED
from cxmesh.offer.v1.decision_pb2 import Decision, Recovery
from cxmesh.profile.v1.customer_pb2 import CHANNEL_EMAIL
from cxmesh_cli.demo.bills import money
from cxmesh_cli.demo.client import MeshClient
from cxmesh_cli.demo.provision import FAULT_CREDIT
from cxmesh_cli.demo.run import SERVICES_IN_A_FULL_TRACE, Teller, services_of, tell
from cxmesh_cli.demo.summary import Results, as_document, percentile
from cxmesh_cli.instance.home import Home
from cxmesh_cli.mailbox import read_mailbox
from cxmesh_cli.topology import SERVICES
from tests.mesh.trace_tree import tree_of

pytestmark = pytest.mark.mesh
SUBSCRIBERS = 150
_EDGES = [
    ("cxmesh: record usage", "usage-correlation: cxmesh.usage.v1.UsageService/RecordUsage"),
    ("usage-correlation: cxmesh.usage.v1.UsageService/RecordUsage", "usage-correlation: send usage"),
    ("usage-correlation: send usage", "offer-decision: process usage"),
    ("offer-decision: process usage", "offer-decision: cxmesh.profile.v1.ProfileService/BatchGetCustomers"),
    (
        "offer-decision: cxmesh.profile.v1.ProfileService/BatchGetCustomers",
        "profile: cxmesh.profile.v1.ProfileService/BatchGetCustomers",
    ),
    (
        "offer-decision: cxmesh.usage.v1.UsageService/ComparePlans",
        "usage-correlation: cxmesh.usage.v1.UsageService/ComparePlans",
    ),
    (
        "offer-decision: cxmesh.billing.v1.BillingAccuracyService/ListBillChecks",
        "billing-accuracy: cxmesh.billing.v1.BillingAccuracyService/ListBillChecks",
    ),
    (
        "offer-decision: cxmesh.sla.v1.ValueNetworkSlaService/ListCustomerBreaches",
        "value-network-sla: cxmesh.sla.v1.ValueNetworkSlaService/ListCustomerBreaches",
    ),
    ("offer-decision: process usage", "offer-decision: send offer"),
    ("offer-decision: send offer", "notification: process offer"),
    ("notification: process offer", "notification: cxmesh.profile.v1.ProfileService/BatchGetCustomers"),
    ("notification: process offer", "notification: deliver email"),
    ("notification: process offer", "notification: send notification"),
    ("notification: send notification", "offer-decision: process notification"),
]
"""Parent and child: the way of a signal from the record to the e-mail, and back as an outcome."""


@pytest.fixture(scope="module")
def results(client: MeshClient) -> Results:
    """The demo's own stories, for fewer subscribers."""
    return tell(client, SUBSCRIBERS, Teller(Console(file=sys.stderr)))


def test_every_record_is_taken_in_once(results: Results):
    assert results.ingested.duplicates == 0
    assert not results.ingested.rejected
    assert results.ingested.accepted > SUBSCRIBERS * 250


def test_every_signal_is_decided_once_and_told_by_email_and_inbox(results: Results, home: Home):
    assert results.signals
    assert len(results.shock.decisions) == len(results.signals)
    for decision in results.shock.acting:
        message = results.shock.messages[decision.name]
        delivered = {attempt.channel for attempt in message.attempts if attempt.succeeded}
        assert CHANNEL_EMAIL in delivered
        assert message.state == MESSAGE_STATE_DELIVERED
        recipient = message.name.split("/")[1] + "@example.net"
        assert read_mailbox(home.mail, recipient), f"no mail for {recipient}"


def test_a_warning_names_what_was_spent_and_the_plan_that_is_cheaper(results: Results):
    with_plan = [one for one in results.shock.acting if one.HasField("plan_recommendation")]
    assert with_plan
    decision = with_plan[0]
    body = results.shock.messages[decision.name].body
    parameters = decision.message_request.parameters
    assert all(parameters[name] in body for name in ("spent", "limit", "recommended_plan", "saving"))
    assert decision.plan_recommendation.saving.units >= 1


def test_signals_come_at_eighty_and_a_hundred_percent_of_the_limit(results: Results):
    for signal in results.signals:
        crossed = signal.spend_threshold
        assert crossed.percent in {80, 100}
        assert crossed.spent.units * 100 >= crossed.limit.units * crossed.percent
        assert signal.evidence_records


def test_right_bills_pass_and_half_cents_are_notes(results: Results):
    assert not results.right_run.held
    assert results.right_run.run.report.bill_count == SUBSCRIBERS
    assert results.right_run.run.report.record_count == results.ingested.accepted
    assert results.right_run.rounding_notes == results.right_run.run.report.noted_count


def test_exactly_the_seeded_errors_are_found_held_and_explained(results: Results):
    assert results.comparison.seeded
    assert not results.comparison.missed
    assert not results.comparison.invented
    assert {check.bill for check in results.wrong_run.held} == {one.bill for one in results.comparison.seeded}
    for check in results.wrong_run.held:
        assert all(finding.explanation for finding in check.findings)
        assert check.proposed_correction


def test_whose_bill_is_held_hears_of_it(results: Results):
    assert len(results.held.acting) == len(results.wrong_run.held)
    assert set(results.held.messages) == {one.name for one in results.held.acting}


def test_the_slow_partners_are_named_with_shares_that_sum_to_the_whole(results: Results):
    for breach in results.blame.breaches:
        assert breach.partner in {"partners/fastedge", "partners/citylink"}
        assert sum(share.share_ppm for share in breach.shares) == 1_000_000
        assert breach.evidence_sessions
    worst = max(results.blame.evidence.shares, key=lambda share: share.share_ppm)
    assert worst.party.partner == "partners/fastedge"
    lateness = results.blame.evidence.lateness.ToNanoseconds()
    assert sum(share.lateness.ToNanoseconds() for share in results.blame.evidence.shares) == lateness


def test_customers_who_were_hit_are_told_once(results: Results):
    told = [decision.customer for decision in results.told.acting]
    assert sorted(told) == sorted(results.blame.viewing.slow_customers)
    silent = [one for one in results.told.decisions if one.verdict == Decision.VERDICT_STAY_SILENT]
    assert all(one.reasons[0].code == "silence.fatigue" for one in silent)


def test_customers_who_were_hit_are_credited_once_and_told_so(results: Results):
    credited = {one.customer: one.recovery for one in results.told.acting}
    assert set(credited) == set(results.blame.viewing.slow_customers)
    assert all(one.credit_state == Recovery.CREDIT_STATE_GRANTED for one in credited.values())
    assert all(one.credit == money(FAULT_CREDIT) for one in credited.values())
    assert len(results.told.granted) == len(credited)
    assert all("USD 2.00" in message.body for message in results.told.messages.values())
    document = as_document(results)
    assert document["credits"] == {  # type: ignore[index,call-overload]  # a JSON object
        "customers": len(credited),
        "usd": f"{len(credited) * FAULT_CREDIT:.2f}",
    }


def test_the_time_from_a_record_to_its_message_is_measured(results: Results):
    assert len(results.shock_seconds) == len(results.shock.acting)
    assert 0 < percentile(results.shock_seconds, 50) <= percentile(results.shock_seconds, 99)


def test_the_results_are_readable_by_a_script(results: Results):
    document = as_document(results)
    assert document["wrong_run"]["errors_missed"] == 0  # type: ignore[index,call-overload]  # a JSON object


def test_one_trace_follows_a_record_through_every_service(results: Results, client: MeshClient):
    assert {service.name for service in SERVICES} <= services_of(client, results.trace_id)
    tree = tree_of(client, results.trace_id)
    assert not tree.orphans, "every span's parent is there"
    assert tree.roots == ["cxmesh: record usage"]
    missing = [edge for edge in _EDGES if edge not in tree.edges]
    assert not missing
    assert len(services_of(client, results.trace_id)) == SERVICES_IN_A_FULL_TRACE + 1  # and the command itself
