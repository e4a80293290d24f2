"""Charging data that the tests share, and what they do with it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from charging_world import CHARGED
from google.protobuf import json_format
from google.type.interval_pb2 import Interval
from usage_samples import fresh
from usage_world import World

from cxmesh.usage.v1 import charging_service_pb2 as pb
from cxmesh.usage.v1.charging_data_pb2 import ChargingDataRequest, MultipleUnitInformation
from cxmesh.usage.v1.charging_service_pb2_grpc import ChargingServiceStub
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import ListUsageRecordsRequest

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
MEGABYTE = 10**6
HOME = {"mcc": "310", "mnc": "260"}
ABROAD = {"mcc": "262", "mnc": "01"}
DATA, MUSIC, FREE, UNKNOWN = 10, 20, 30, 99
_imsis = count(310_260_000_000_001)


def charging(world: World, as_: str = "service/operator") -> Any:  # Any: the async stub is known to the stubs alone
    return ChargingServiceStub(world.service.channel(as_))


async def subscriber(world: World, plan: str = CHARGED) -> tuple[str, str]:
    """A new subscription's id and its SUPI."""
    name, supi = world.profile.hold(plan, name=fresh("charged")), f"imsi-{next(_imsis)}"
    await assign(world, **{supi: name})
    return name, supi


async def assign(world: World, **whose: str) -> None:
    given = [
        pb.SubscriberIdentifier(identifier=each, subscription=f"subscriptions/{name}" if name else "")
        for each, name in whose.items()
    ]
    request = pb.BatchUpdateSubscriberIdentifiersRequest(subscriber_identifiers=given)
    await charging(world).BatchUpdateSubscriberIdentifiers(request)


def used(number: int, megabytes: float = 0, **more: Any) -> dict[str, Any]:  # Any: JSON
    return {"localSequenceNumber": number, "totalVolume": int(megabytes * MEGABYTE), **more}


def group(number: int = DATA, *containers: dict[str, Any], wanted: float | None = None) -> dict[str, Any]:  # Any: JSON
    """A rating group's part; `wanted` in megabytes, 0 for as many as is usual."""
    found: dict[str, Any] = {"ratingGroup": number, "usedUnitContainer": list(containers)}
    if wanted is not None:
        found["requestedUnit"] = {"totalVolume": int(wanted * MEGABYTE)} if wanted else {}
    return found


def document(
    sequence: int, *groups: dict[str, Any], supi: str = "", at: datetime = NOON, **more: Any
) -> dict[str, Any]:  # Any: JSON
    """A request about a PDU session, as its JSON."""
    found = {
        "nfConsumerIdentification": {"nFName": "smf-1", "nodeFunctionality": "SMF"},
        "invocationTimeStamp": at.isoformat(),
        "invocationSequenceNumber": sequence,
        "multipleUnitUsage": list(groups),
        "pDUSessionChargingInformation": {
            "chargingId": 4711,
            "pduSessionInformation": {"pduSessionID": 1, "dnnId": "internet", "servingCNPlmnId": HOME},
        },
        **more,
    }
    return {"subscriberIdentifier": supi, **found} if supi else found


def message(content: dict[str, Any]) -> ChargingDataRequest:  # Any: JSON
    return json_format.ParseDict(content, ChargingDataRequest())


async def create(world: World, content: dict[str, Any], as_: str = "service/operator") -> pb.ChargingDataAnswer:
    return await charging(world, as_).CreateChargingData(pb.CreateChargingDataRequest(charging_data=message(content)))


async def opened(world: World, wanted: float = 10, plan: str = CHARGED) -> tuple[str, str]:
    """A new subscriber's session with a quota: the subscription, and the session's name."""
    name, supi = await subscriber(world, plan)
    answer = await create(world, document(0, group(wanted=wanted), supi=supi))
    return name, answer.name


async def update(
    world: World, session: str, content: dict[str, Any], as_: str = "service/operator"
) -> pb.ChargingDataAnswer:
    request = pb.UpdateChargingDataRequest(name=session, charging_data=message(content))
    return await charging(world, as_).UpdateChargingData(request)


async def release(
    world: World, session: str, content: dict[str, Any], as_: str = "service/operator"
) -> pb.ChargingDataAnswer:
    request = pb.ReleaseChargingDataRequest(name=session, charging_data=message(content))
    return await charging(world, as_).ReleaseChargingData(request)


async def session_of(world: World, name: str, as_: str = "service/operator") -> pb.ChargingSession:
    return await charging(world, as_).GetChargingSession(pb.GetChargingSessionRequest(name=name))


def results(answer: pb.ChargingDataAnswer) -> list[tuple[int, str, float]]:
    """Rating group, result code and megabytes granted."""
    return [
        (each.rating_group, each.result_code, each.granted_unit.total_volume / MEGABYTE)
        for each in answer.charging_data.multiple_unit_information
    ]


def only(answer: pb.ChargingDataAnswer) -> MultipleUnitInformation:
    (found,) = answer.charging_data.multiple_unit_information
    return found


async def records_of(world: World, name: str) -> list[UsageRecord]:
    whole = Interval()
    whole.start_time.FromDatetime(NOON - timedelta(days=40))
    request = ListUsageRecordsRequest(parent=f"subscriptions/{name}", interval=whole, page_size=1000)
    return list((await world.stub().ListUsageRecords(request)).records)


async def quantities_of(world: World, name: str) -> list[float]:
    """Megabytes of each stored record."""
    return [each.quantity / MEGABYTE for each in await records_of(world, name)]
