"""Is somebody told as soon as a budget burns, of whom, by what, and until when; and nobody else?"""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from cxmesh.sla.v1 import alert_pb2
from cxmesh.sla.v1 import alert_service_pb2 as pb
from cxmesh.sla.v1.session_pb2 import PARTY_KIND_PARTNER
from mesh.rpc import RpcError

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_world import ACME, BEST, MINUTE, SPEED, TRACED, Police, speed

Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


@pytest.fixture
def police(network: Any) -> Police:
    return Police(network)


async def burn(police: Police) -> Any:
    """Twenty bad measurements of the last minutes; the alerts that follow."""
    await police.promise(SPEED)
    await police.measure(*(speed(number, 1) for number in range(20)))
    return await police.when(police.firing)


async def test_sessions_that_burn_a_budget_are_told_with_share_customers_and_traces(
    police: Police, trace_of: Any, request_of: Any
) -> None:
    await police.promise(TRACED)
    for number in range(1, 13):
        slow = number > 6
        parts = trace_of(number).session(number * 10, 250 if slow else 20, 100, customer=f"customers/{number}")
        await police.network.send(parts, request_of)
    await police.network.closed(12)
    found = await police.when(police.firing)
    assert {each.condition for each in found} == {"fast-burn", "slow-burn", "day-burn", "budget-burn"}
    alert = next(each for each in found if each.condition == "fast-burn")
    assert (alert.partner, alert.objective, alert.service) == ("partners/acme-access", "objectives/open-line", "iptv")
    assert (alert.severity, alert.cause) == ("page", alert_pb2.ALERT_CAUSE_BURNING)
    assert alert.long_burn_milli == 50_000  # half of all visits, where one of a hundred may be bad
    assert [(share.party.partner, share.share_ppm) for share in alert.shares] == [("partners/acme-access", 1_000_000)]
    assert alert.affected_customer_count == 6
    assert set(alert.affected_customers) == {f"customers/{number}" for number in range(7, 13)}
    assert list(alert.evidence_traces) == [f"traces/{trace_of(number).id}" for number in range(12, 6, -1)]
    [own] = [each for each in await police.firing(ACME) if each.condition == "fast-burn"]
    assert not own.affected_customers
    assert own.affected_customer_count == 6
    assert [(share.party.kind, share.share_ppm) for share in own.shares] == [(PARTY_KIND_PARTNER, 1_000_000)]


async def test_a_session_that_is_corrected_is_counted_anew(police: Police, trace_of: Any, request_of: Any) -> None:
    await police.promise(TRACED)
    parts = trace_of(1).session(0, 20, 100)
    ours = {"service/operator": parts["service/operator"]}
    await police.network.send(ours, request_of)
    await police.network.closed(1)

    async def counted() -> bool:
        return (await police.attained("open-line")).event_count == 1

    await police.when(counted)
    await police.network.send({ACME: parts[ACME]}, request_of)

    async def closed_again() -> Any:
        rows = await police.network.rows("SELECT close_time > first_close_time AS again FROM sla.session")
        return rows[0].again

    await police.network.until(closed_again)
    await police.when(counted)
    assert (await police.attained("open-line")).good_count == 1


async def test_measurements_that_burn_a_budget_are_the_evidence(police: Police) -> None:
    alert = next(each for each in await burn(police) if each.condition == "fast-burn")
    assert await _page_by_page(police) == sorted(each.name for each in await police.firing())
    assert list(alert.evidence_measurements) == [f"probe/m-{number}" for number in range(10)]
    assert alert.affected_customer_count == 4
    assert not alert.evidence_traces


async def _page_by_page(police: Police) -> list[str]:
    found: list[str] = []
    request = pb.ListAlertsRequest(page_size=3)
    while not found or request.page_token:
        page = await police.alerts().ListAlerts(request)
        found += [alert.name for alert in page.alerts]
        request.page_token = page.next_page_token
    return sorted(found)


async def test_an_alert_fires_once_and_is_over_when_the_budget_lasts_again(police: Police) -> None:
    await burn(police)
    police.network.clock.advance(timedelta(hours=1, minutes=30))

    async def resolved() -> Any:
        answer = await police.alerts().ListAlerts(pb.ListAlertsRequest(state=alert_pb2.ALERT_STATE_RESOLVED))
        return [each for each in answer.alerts if each.condition == "fast-burn"]

    [alert] = await police.when(resolved)
    assert alert.resolve_time.ToSeconds() > alert.fire_time.ToSeconds()
    told = [row.type for row in await police.network.rows("SELECT type FROM sla.outbox")]
    fired = await police.network.rows("SELECT name FROM sla.burn_alert")
    assert told.count("cxmesh.sla.v1.AlertChanged") >= len(fired) + 1
    assert (await police.alerts().GetAlert(pb.GetAlertRequest(name=alert.name))).state == alert.state


async def test_steady_good_alarms_nobody(police: Police) -> None:
    await police.promise(SPEED)
    await police.measure(*(speed(number, 1 if number == 7 else 40) for number in range(200)))

    async def counted() -> bool:
        return (await police.attained()).event_count == 200

    await police.when(counted)
    assert not await police.network.rows("SELECT 1 FROM sla.burn_alert")


async def test_a_watch_shows_every_change_once_across_reconnects(police: Police, refused: Refused) -> None:
    stream = police.alerts().WatchAlerts(pb.WatchAlertsRequest())
    begun = await stream.read()
    await burn(police)
    seen, cursor = await _read(stream, 4)
    assert {alert.state for alert in seen} == {alert_pb2.ALERT_STATE_FIRING}
    stream.cancel()
    police.network.clock.advance(timedelta(hours=1))
    again = police.alerts(ACME).WatchAlerts(pb.WatchAlertsRequest(cursor=cursor))
    [over, *_], _ = await _read(again, 1)
    assert over.state == alert_pb2.ALERT_STATE_RESOLVED
    again.cancel()
    replay = police.alerts().WatchAlerts(pb.WatchAlertsRequest(cursor=begun.cursor))
    repeated, _ = await _read(replay, 4)
    assert [alert.name for alert in repeated[:4]] == [alert.name for alert in seen]
    replay.cancel()
    for wrong in ("x", "1.", "1.999", "2.0", "1.-1", "1.00000000000000000000001"):
        error = await refused(police.alerts().WatchAlerts(pb.WatchAlertsRequest(cursor=wrong)).read())
        assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR")


async def _read(stream: Any, count: int) -> tuple[list[Any], str]:
    """So many alerts of a watch, or a few more, and the cursor after them."""
    found: list[Any] = []
    answer = pb.WatchAlertsResponse()
    while len(found) < count:
        answer = await stream.read()
        found += answer.alerts
    return found, answer.cursor


async def test_another_partner_sees_no_alert_and_no_change_of_one(police: Police, refused: Refused) -> None:
    watch = police.alerts(BEST).WatchAlerts(pb.WatchAlertsRequest())
    begun = await watch.read()
    alerts = await burn(police)
    moved = await watch.read()
    assert moved.cursor != begun.cursor
    assert not moved.alerts
    watch.cancel()
    for call in (
        police.alerts(BEST).GetAlert(pb.GetAlertRequest(name=alerts[0].name)),
        police.alerts(BEST).ListAlerts(pb.ListAlertsRequest(partner="partners/acme-access")),
    ):
        assert (await refused(call)).status is grpc.StatusCode.NOT_FOUND
    assert not await police.firing(BEST)
    assert len(await police.firing(ACME)) == len(alerts)


async def test_silence_is_told_where_it_is_watched(police: Police) -> None:
    policy = """  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: silence}
      spec:
        alertWhenNoData: true
        alertWhenBreaching: false
        conditions:
          - kind: AlertCondition
            metadata: {name: silent}
            spec: {severity: ticket, condition: {kind: burnrate, threshold: 1, lookbackWindow: 1h, alertAfter: 2m}}
---
apiVersion: cxmesh"""
    await police.promise(SPEED.replace("---\napiVersion: cxmesh", policy, 1))

    async def waits() -> Any:
        return await police.network.rows("SELECT 1 FROM sla.burn_alert WHERE state = 'PENDING'")

    await police.when(waits)
    assert not await police.firing()
    police.network.clock.advance(3 * MINUTE)
    [alert] = await police.when(police.firing)
    assert (alert.condition, alert.cause) == ("silent", alert_pb2.ALERT_CAUSE_NO_DATA)
    await police.measure(speed(0, 1))

    async def over() -> bool:
        return not await police.firing()

    await police.when(over)
