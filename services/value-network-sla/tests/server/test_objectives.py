"""Are documents taken in whole, kept in revisions, and are objectives judged by what is measured?"""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict

from cxmesh.sla.v1 import objective_pb2
from cxmesh.sla.v1 import objective_service_pb2 as pb
from mesh.api import moment_message
from mesh.rpc import RpcError

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_world import ACME, BEST, MINUTE, NOON, SPEED, TRACED, Police, speed

Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


@pytest.fixture
def police(network: Any) -> Police:
    return Police(network)


async def test_a_document_becomes_objectives_once(police: Police) -> None:
    first = await police.promise(SPEED + "---" + TRACED)
    assert [(each.name, each.revision) for each in first.objectives] == [
        ("objectives/line-speed", 1),
        ("objectives/open-line", 1),
    ]
    again = await police.promise(SPEED)
    assert list(again.unchanged) == ["objectives/line-speed"]
    assert not again.objectives


async def test_a_changed_document_is_another_revision_from_its_date_on(police: Police, refused: Refused) -> None:
    await police.promise()
    later = SPEED.replace("value: 30", "value: 50").replace("2026-01-01T00:00:00Z", "2026-03-05T10:00:00Z")
    assert [each.revision for each in (await police.promise(later)).objectives] == [2]
    for at, revision in ((NOON, 1), (NOON + timedelta(days=4), 1), (NOON + timedelta(days=5), 2)):
        request = pb.GetObjectiveRequest(name="objectives/line-speed", read_time=moment_message(at))
        assert (await police.objectives(ACME).GetObjective(request)).revision == revision
    await police.promise(TRACED)
    rolling = pb.ListObjectiveAttainmentsRequest(parent="objectives/open-line")
    error = await refused(police.objectives().ListObjectiveAttainments(rolling))
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_PERIODS")
    request = pb.ListObjectiveRevisionsRequest(parent="objectives/line-speed", page_size=1)
    page = await police.objectives().ListObjectiveRevisions(request)
    assert [each.revision for each in page.revisions] == [2]
    request.page_token = page.next_page_token
    assert [each.revision for each in (await police.objectives().ListObjectiveRevisions(request)).revisions] == [1]


async def test_a_text_that_is_wrong_is_refused_whole_with_every_place(police: Police, refused: Refused) -> None:
    wrong = SPEED.replace("op: gte", "op: eq").replace("duration: 1d", "duration: 1x")
    error = await refused(police.promise(TRACED + "---" + wrong))
    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_DOCUMENT_REFUSED")
    places = [violation.description for violation in error.field_violations]
    assert any("timeWindow[0].duration: 1x" in each and each.startswith("line ") for each in places)
    assert any("objectives[0].op: eq" in each for each in places)
    assert error.metadata["problems"] == str(len(places))
    assert not (await police.objectives().ListObjectives(pb.ListObjectivesRequest())).objectives


async def test_a_text_is_of_a_partner_that_is_there_and_stays_so(police: Police, refused: Refused) -> None:
    unknown = await refused(police.promise(SPEED.replace("acme-access", "nobody")))
    assert unknown.reason == "ERROR_REASON_PARTNER_NOT_FOUND"
    looked = await police.promise(validate_only=True)
    assert [each.revision for each in looked.objectives] == [1]
    error = await refused(police.attained())
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_OBJECTIVE_NOT_FOUND")
    await police.promise()
    taken = await refused(police.promise(SPEED.replace("acme-access", "best-content")))
    assert taken.status is grpc.StatusCode.ALREADY_EXISTS


async def test_attainment_follows_what_is_measured(police: Police) -> None:
    await police.promise()
    await police.measure(*(speed(number, 29 if number < 2 else 40) for number in range(100)))

    async def counted() -> Any:
        found = await police.attained()
        return found if found.event_count == 100 else None

    found = await police.when(counted)
    assert (found.good_count, found.attained_ppb, found.target_ppb) == (98, 980_000_000, 990_000_000)
    assert (found.error_budget_left_ppm, found.missed, found.final) == (-1_000_000, True, False)
    assert not found.HasField("credit")


async def test_a_day_missed_earns_a_credit_is_a_violation_and_is_told_of(police: Police) -> None:
    await police.promise()
    yesterday = NOON - timedelta(days=1)
    await police.measure(*(speed(number, 29, at=yesterday) for number in range(20)))

    async def violations() -> Any:
        request = pb.ListServiceLevelViolationsRequest()
        return (await police.objectives(ACME).ListServiceLevelViolations(request)).sla_violations

    [violation] = await police.when(violations)
    shown = MessageToDict(violation)
    assert shown["sla"] == {"href": "objectives/line-speed", "description": "Speed of lines"}
    assert shown["relatedParty"] == [{"href": "partners/acme-access", "role": "supplier"}]
    assert shown["violation"]["referenceValue"] == "99"
    assert shown["violation"]["actualValue"] == "0"
    assert shown["violation"]["operator"] == ".ge"
    assert shown["violation"]["consequence"] == "service credit below 99 %: 10 % of the fee"
    assert (await police.attained(at=yesterday)).final
    request = pb.ListObjectiveAttainmentsRequest(parent="objectives/line-speed", page_size=2)
    page = await police.objectives(ACME).ListObjectiveAttainments(request)
    today, day = page.attainments
    assert (today.final, day.final, day.missed, day.event_count) == (False, True, True, 20)
    assert (day.credit.units, day.credit.currency_code) == (310, "EUR")
    request.page_token = page.next_page_token
    older = await police.objectives(ACME).ListObjectiveAttainments(request)
    assert [each.event_count for each in older.attainments] == [0, 0]
    assert [row.type for row in await police.network.rows("SELECT type FROM sla.outbox")].count(
        "cxmesh.sla.v1.ObjectiveMissed"
    ) == 1


async def test_what_is_excluded_afterwards_does_not_count_and_counts_again_when_that_is_taken_back(
    police: Police, refused: Refused
) -> None:
    await police.promise()
    await police.measure(*(speed(number, 29 if number < 5 else 40) for number in range(20)))

    def events(wanted: int) -> Callable[[], Awaitable[bool]]:
        async def counted() -> bool:
            return (await police.attained()).event_count == wanted

        return counted

    await police.when(events(20))
    rule = objective_pb2.ExclusionRule(
        kind=objective_pb2.EXCLUSION_KIND_CUSTOMER_FAULT,
        reason="own modem",
        start_time=moment_message(NOON - timedelta(hours=1)),
        end_time=moment_message(NOON + MINUTE),
        customer="customers/c1",
    )
    new = objective_pb2.Exclusion(partner="partners/acme-access", rule=rule)
    await police.objectives().CreateExclusion(pb.CreateExclusionRequest(exclusion_id="modem", exclusion=new))
    await police.when(events(15))
    new.rule.customer = ""
    taken = await refused(
        police.objectives().CreateExclusion(pb.CreateExclusionRequest(exclusion_id="modem", exclusion=new))
    )
    assert taken.status is grpc.StatusCode.ALREADY_EXISTS
    await police.objectives().CreateExclusion(pb.CreateExclusionRequest(exclusion_id="flood", exclusion=new))
    await police.when(events(0))
    assert (await police.attained()).excluded_minute_count == 60
    for name in ("exclusions/modem", "exclusions/flood"):
        await police.objectives().DeleteExclusion(pb.DeleteExclusionRequest(name=name))
    await police.when(events(20))
    error = await refused(police.objectives().DeleteExclusion(pb.DeleteExclusionRequest(name="exclusions/flood")))
    assert error.reason == "ERROR_REASON_EXCLUSION_NOT_FOUND"


WEEKLY = objective_pb2.WeeklyRecurrence(weekdays=[7], begin="02:00", duration=Duration(seconds=7200), time_zone="UTC")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"end_time": moment_message(NOON - MINUTE)}, "exclusion.rule.end_time"),
    ({"end_time": moment_message(NOON + timedelta(seconds=90))}, "exclusion.rule.end_time"),
    ({"start_time": moment_message(NOON + timedelta(seconds=1))}, "exclusion.rule.start_time"),
    ({"reason": ""}, "exclusion.rule.reason"),
    ({"kind": 0}, "exclusion.rule.kind"),
    ({"customer": "c1"}, "exclusion.rule.customer"),
    ({}, "exclusion.rule.end_time"),
    ({"weekly": {"time_zone": "Mars/Base"}}, "exclusion.rule.weekly.time_zone"),
    ({"weekly": {"duration": Duration(seconds=90)}}, "exclusion.rule.weekly.duration"),
    ({"weekly": {"begin": "25:00"}}, "exclusion.rule.weekly.begin"),
    ({"weekly": {"weekdays": [8]}}, "exclusion.rule.weekly.weekdays[0]"),
]


async def test_exclusions_that_cannot_be_are_refused(police: Police, refused: Refused) -> None:
    for fields, field in WRONG:
        error = await refused(police.objectives().CreateExclusion(_exclusion(fields)))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT
        assert field in {violation.field for violation in error.field_violations}
    await police.promise()
    request = _exclusion({"weekly": {}})
    request.exclusion.partner, request.exclusion.objective = "partners/best-content", "objectives/line-speed"
    error = await refused(police.objectives().CreateExclusion(request))
    assert error.reason == "ERROR_REASON_OBJECTIVE_NOT_FOUND"


def _exclusion(fields: dict[str, Any]) -> pb.CreateExclusionRequest:
    usual: dict[str, Any] = {
        "kind": objective_pb2.EXCLUSION_KIND_MAINTENANCE,
        "reason": "work",
        "start_time": moment_message(NOON),
    }
    if "weekly" in fields:
        weekly = {"weekdays": [7], "begin": "02:00", "duration": Duration(seconds=60), "time_zone": "UTC"}
        fields = {"weekly": objective_pb2.WeeklyRecurrence(**weekly | fields["weekly"])}
    rule = objective_pb2.ExclusionRule(**usual | fields)
    new = objective_pb2.Exclusion(partner="partners/acme-access", rule=rule)
    return pb.CreateExclusionRequest(exclusion_id="x", exclusion=new)


async def test_an_sla_has_the_shape_of_tmf623(police: Police) -> None:
    await police.promise()
    found = await police.objectives(ACME).ListServiceLevelAgreements(pb.ListServiceLevelAgreementsRequest())
    [sla] = found.slas
    shown = MessageToDict(sla)
    assert {key: shown[key] for key in ("id", "href", "name", "version", "approved", "state")} == {
        "id": "line-speed",
        "href": "objectives/line-speed",
        "name": "Speed of lines",
        "version": "1",
        "approved": True,
        "state": "active",
    }
    assert shown["validityPeriod"] == {"startDateTime": "2026-01-01T00:00:00Z"}
    promise, threshold = shown["rule"]
    assert (promise["operator"], promise["referenceValue"], promise["unit"]) == (".ge", "99", "%")
    assert threshold == {
        "id": "threshold",
        "metric": "download_mbps",
        "unit": "Mbit/s",
        "operator": ".ge",
        "referenceValue": "30",
    }


async def test_another_partner_finds_nothing_and_may_change_nothing(police: Police, refused: Refused) -> None:
    await police.promise(SPEED + "---" + TRACED)
    await police.measure(*(speed(number, 1, at=NOON - timedelta(days=1)) for number in range(20)))
    rule = objective_pb2.ExclusionRule(kind=1, reason="work", start_time=moment_message(NOON), weekly=WEEKLY)
    mine = objective_pb2.Exclusion(partner="partners/acme-access", rule=rule)
    await police.objectives().CreateExclusion(pb.CreateExclusionRequest(exclusion_id="x", exclusion=mine))
    theirs, name = police.objectives(BEST), "objectives/line-speed"
    for call in (
        theirs.GetObjective(pb.GetObjectiveRequest(name=name)),
        theirs.ListObjectiveRevisions(pb.ListObjectiveRevisionsRequest(parent=name)),
        theirs.GetObjectiveAttainment(pb.GetObjectiveAttainmentRequest(name=name)),
        theirs.ListObjectiveAttainments(pb.ListObjectiveAttainmentsRequest(parent=name)),
        theirs.ListObjectives(pb.ListObjectivesRequest(partner="partners/acme-access")),
        theirs.ListExclusions(pb.ListExclusionsRequest(partner="partners/acme-access")),
        theirs.ListServiceLevelAgreements(pb.ListServiceLevelAgreementsRequest(partner="partners/acme-access")),
        theirs.ListServiceLevelViolations(pb.ListServiceLevelViolationsRequest(partner="partners/acme-access")),
    ):
        assert (await refused(call)).status is grpc.StatusCode.NOT_FOUND
    assert not (await theirs.ListObjectives(pb.ListObjectivesRequest())).objectives
    assert not (await theirs.ListExclusions(pb.ListExclusionsRequest())).exclusions
    assert not (await theirs.ListServiceLevelAgreements(pb.ListServiceLevelAgreementsRequest())).slas
    assert not (await theirs.ListServiceLevelViolations(pb.ListServiceLevelViolationsRequest())).sla_violations
    for partner in (ACME, BEST):
        own = police.objectives(partner)
        for call in (
            own.ImportObjectives(pb.ImportObjectivesRequest(document=SPEED)),
            own.CreateExclusion(pb.CreateExclusionRequest(exclusion_id="y", exclusion=mine)),
            own.DeleteExclusion(pb.DeleteExclusionRequest(name="exclusions/x")),
        ):
            assert (await refused(call)).status is grpc.StatusCode.PERMISSION_DENIED
    own_list = await police.objectives(ACME).ListObjectives(pb.ListObjectivesRequest())
    assert [each.name for each in own_list.objectives] == ["objectives/line-speed", "objectives/open-line"]
    assert len((await police.objectives(ACME).ListExclusions(pb.ListExclusionsRequest())).exclusions) == 1
