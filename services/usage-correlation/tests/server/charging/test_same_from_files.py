"""Does recorded charging data give the very records that charging stored when the requests were made?

Both read the requests on their own: charging with the refusals and answers of a call, the adapter of files with rejects
by row and column. Here they must agree, container by container.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxmesh.usage.v1.charging_data_pb2 import ChargingDataRequest
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from rating import Service
from usage_adapters.charging.groups import load_groups
from usage_adapters.charging.requests import ChargingFault, drafts, read_request
from usage_correlation.domain.charging.containers import reported
from usage_correlation.domain.charging.rating_groups import load_rating_groups
from usage_correlation.domain.charging.sessions import record_id
from usage_correlation.server.charging_data import request_from

SESSION = "ref-1"
GROUPS = """
format: cxmesh-rating-groups/1
rating_groups:
  - {rating_group: 20, service: content, destination: music}
  - {rating_group: 30, service: voice}
  - {rating_group: 40, service: sms}
"""
NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
NETWORKS = [{"mcc": "310", "mnc": "260"}, {"mcc": "262", "mnc": "01"}, {"mcc": "208", "mnc": "01"}]
Row = tuple[str, str, int, int, str, str, str]


def moments() -> st.SearchStrategy[str]:
    return st.integers(0, 86_400).map(lambda seconds: (NOON - timedelta(seconds=seconds)).isoformat())


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:  # Any: JSON
    """Any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def locations() -> st.SearchStrategy[dict[str, Any]]:  # Any: JSON
    network = st.sampled_from(NETWORKS)
    cell = some(plmnId=network, nrCellId=st.sampled_from(["000000001", "000000002"]))
    return some(nrLocation=some(tai=some(plmnId=network, tac=st.just("0001")), ncgi=cell))


def units() -> dict[str, st.SearchStrategy[Any]]:  # Any: JSON
    volume = st.integers(0, 10**9)
    return {
        "time": st.integers(0, 40_000_000),
        "totalVolume": volume,
        "uplinkVolume": volume,
        "downlinkVolume": volume,
        "serviceSpecificUnits": st.integers(0, 9),
    }


def containers() -> st.SearchStrategy[dict[str, Any]]:  # Any: JSON
    more = some(timeofFirstUsage=moments(), userLocationInformation=locations())
    return some(**units(), triggerTimestamp=moments(), pDUContainerInformation=more)


def groups() -> st.SearchStrategy[list[dict[str, Any]]]:  # Any: JSON
    def numbered(found: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        rows = found.get("usedUnitContainer", [])
        return found | {"usedUnitContainer": [row | {"localSequenceNumber": n} for n, row in enumerate(rows, 1)]}

    one = st.fixed_dictionaries(
        {"ratingGroup": st.sampled_from([10, 20, 30, 40])},
        optional={"usedUnitContainer": st.lists(containers(), max_size=3), "requestedUnit": some(**units())},
    )
    return st.lists(one.map(numbered), max_size=3, unique_by=lambda each: int(each["ratingGroup"]))


def kinds() -> st.SearchStrategy[dict[str, Any]]:  # Any: JSON
    session = some(hPlmnId=st.sampled_from(NETWORKS), servingCNPlmnId=st.sampled_from(NETWORKS))
    pdu = some(chargingId=st.just(1), pduSessionInformation=session, userLocationinfo=locations())
    number = st.sampled_from(["tel:+431234567", "sip:ada@example.net", "12125550100", ""])
    ims = some(
        calledPartyAddress=number,
        roleOfNode=st.sampled_from(["ORIGINATING_ROLE", "TERMINATING_ROLE"]),
        userLocationInfo=locations(),
    )
    recipient = some(recipientGPSI=st.sampled_from(["msisdn-491511234567", "msisdn-1"]))
    sms = some(numberofMessagesSent=st.integers(0, 3), recipientInfo=st.lists(recipient, max_size=2))
    return st.one_of(
        st.builds(dict, pDUSessionChargingInformation=pdu),
        st.builds(dict, iMSChargingInformation=ims),
        st.builds(dict, sMSChargingInformation=sms),
    )


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:  # Any: JSON
    made = {
        "subscriberIdentifier": "imsi-310260000000001",
        "nfConsumerIdentification": {"nFName": "smf-1", "nodeFunctionality": "SMF"},
        "invocationTimeStamp": draw(moments()),
        "invocationSequenceNumber": draw(st.integers(0, 5)),
        "multipleUnitUsage": draw(groups()),
        **draw(kinds()),
    }
    if draw(st.booleans()):
        made |= {"oneTimeEvent": True, "oneTimeEventType": draw(st.sampled_from(["IEC", "PEC"]))}
    return made


def as_charged(content: dict[str, Any]) -> list[Row | None]:  # Any: JSON
    """The records that charging stores; None for a container that it refuses."""
    message = json_format.ParseDict(content, ChargingDataRequest())
    request = request_from(message, "create")
    found = reported(request, load_rating_groups(GROUPS))
    rows: dict[tuple[int, int], Row | None] = {(each.rating_group, each.number): None for each, _ in found.refused}
    for each in found.containers:
        name = record_id(SESSION, request.sequence, each.id)
        rows[each.id.rating_group, each.id.number] = (
            name, Service(each.service), each.start_micros, each.quantity, each.destination, each.visited_network,
            each.cell,
        )  # fmt: skip
    return _in_order(rows, content)


def as_recorded(content: dict[str, Any]) -> list[Row | None]:  # Any: JSON
    """The records of a file with the request."""
    recorded = read_request(json.dumps({"request": content, "chargingDataRef": SESSION}).encode())
    rows: list[Row | None] = []
    for draft in drafts(recorded, load_groups(GROUPS)):
        if isinstance(draft, ChargingFault):
            rows.append(None)
        else:
            kind = UsageType.Name(draft.usage_type).removeprefix("USAGE_TYPE_").lower()
            rows.append(
                (draft.record_id, kind, draft.start_micros, draft.quantity, draft.destination, draft.visited_network,
                 draft.cell)
            )  # fmt: skip
    return rows


def _in_order(rows: dict[tuple[int, int], Row | None], content: dict[str, Any]) -> list[Row | None]:  # Any: JSON
    found: list[Row | None] = []
    for group in content["multipleUnitUsage"]:
        number = group["ratingGroup"]
        mine = sorted(key for key in rows if key[0] == number)
        found += [rows[key] for key in mine]
    return found


@given(content=requests())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_request_gives_the_same_records_from_a_file_as_from_a_call(content: dict[str, Any]) -> None:  # Any: JSON
    assert as_recorded(content) == as_charged(content)
