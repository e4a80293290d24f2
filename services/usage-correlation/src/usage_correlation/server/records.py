"""How do usage records cross the wire, and which break their own rules?"""

from collections.abc import Mapping, Sequence
from typing import Final

from google.type.money_pb2 import Money
from protovalidate import Validator, Violation

from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from cxmesh.usage.v1.usage_service_pb2 import RecordRejection, RecordUsageResponse
from rating import SERVICE_CODES, Service
from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.moments import MICROS, in_range
from usage_correlation.domain.refusals import BatchOutcome, Reason, Refusal
from usage_correlation.domain.usage import StoredRecord, UsageBatch
from usage_correlation.domain.values import Value
from usage_correlation.server.wire import SUBSCRIPTIONS, is_valid, money_of_micros, timestamp

USAGE_TYPES: Final[Mapping[str, UsageType.ValueType]] = {
    service: UsageType.Value(f"USAGE_TYPE_{service.name}") for service in Service
}
"""By the name under which a type is kept."""
_SERVICE_CODES: Final = {USAGE_TYPES[service]: code for service, code in SERVICE_CODES.items()}
_NO_SERVICE: Final = -1
"""In place of a type that breaks its rule; such a record goes no further."""
_NANOS_IN_MICRO: Final = 1000
_TEXTS: Final = ("record_id", "destination", "location_id")


class RecordRules:
    """The rules in the proto of UsageRecord, and those of protobuf and PostgreSQL that a proto can't state."""

    def __init__(self) -> None:
        self._validator = Validator()
        self._validator.collect_violations(UsageRecord())  # compiles them now, not in the first call

    def sort(self, records: Sequence[UsageRecord]) -> tuple[UsageBatch, dict[int, Refusal]]:
        """The sound records in columns, and by position why the others are refused."""
        collect = self._validator.collect_violations
        refusals = {
            position: _broken_rule(violations[0])
            for position, record in enumerate(records)
            if (violations := collect(record))
        }
        batch, is_possible = _columns(list(range(len(records))), records)
        if not is_possible:
            for position, record in enumerate(records):
                if position not in refusals and (impossible := _impossible(record)) is not None:
                    refusals[position] = impossible
        if not refusals:
            return batch, refusals
        positions = [position for position in range(len(records)) if position not in refusals]
        return _columns(positions, [records[position] for position in positions])[0], refusals


def _columns(positions: list[int], records: Sequence[UsageRecord]) -> tuple[UsageBatch, bool]:
    """The records field by field, and whether none of them breaks a rule that no proto can state.

    That is looked at over all of them together, for nearly always none does.
    """
    starts = [record.start_time for record in records]
    seconds, nanos = [start.seconds for start in starts], [start.nanos for start in starts]
    is_possible = not records or (
        min(nanos) >= 0 and max(nanos) < NANOS and min(seconds) >= 0 and in_range(max(seconds) * MICROS)
    )
    prefix, code = len(SUBSCRIPTIONS), _SERVICE_CODES.get
    batch = UsageBatch(
        positions=positions,
        sources=[record.source for record in records],
        record_ids=[record.record_id for record in records],
        subscriptions=[record.subscription[prefix:] for record in records],
        services=[code(record.usage_type, _NO_SERVICE) for record in records],
        starts=[
            second * MICROS + nano // _NANOS_IN_MICRO if nano else second * MICROS
            for second, nano in zip(seconds, nanos, strict=True)
        ],
        quantities=[record.quantity for record in records],
        destinations=[record.destination for record in records],
        visited_networks=[record.visited_network for record in records],
        location_ids=[record.location_id for record in records],
        values=_values(records),
    )
    texts = (batch.record_ids, batch.destinations, batch.location_ids)
    return batch, is_possible and not any("\0" in "".join(column) for column in texts)


def _values(records: Sequence[UsageRecord]) -> list[Value | None]:
    """Their own prices; none when no record has one."""
    values = [_value_of(record.value) if record.HasField("value") else None for record in records]
    return values if any(values) else []


def _value_of(money: Money) -> Value:
    return Value(money.units * MICROS + money.nanos // _NANOS_IN_MICRO, money.currency_code)


def _broken_rule(violation: Violation) -> Refusal:
    """The rule that a field breaks, with the field's value unless that is personal."""
    elements = list(violation.proto.field.elements) if violation.proto.field is not None else []
    path = ".".join(element.field_name for element in elements)
    rule = violation.proto.message or violation.proto.rule_id
    descriptor = UsageRecord.DESCRIPTOR
    personal = bool(elements) and descriptor.fields_by_name[elements[0].field_name].GetOptions().debug_redact
    value = violation.field_value
    if isinstance(value, Money):
        value = f"{value.units} units and {value.nanos} nanos of {value.currency_code!r}"
    shown = isinstance(value, str | int) and not personal
    return Refusal(Reason.INVALID_RECORD, path, f"{str(value)[:80]}: {rule}" if shown else rule)


def _impossible(record: UsageRecord) -> Refusal | None:
    start = record.start_time
    if not is_valid(start) or not in_range(start.seconds * MICROS):
        description = f"{start.seconds} s {start.nanos} ns: must be a moment in the years 1970 to 9998"
        return Refusal(Reason.INVALID_RECORD, "start_time", description)
    for field in _TEXTS:
        if "\0" in getattr(record, field):
            return Refusal(Reason.INVALID_RECORD, field, "must not hold NUL characters")
    return None


def response_of(outcome: BatchOutcome) -> RecordUsageResponse:
    """The answer to RecordUsage."""
    rejections = [
        RecordRejection(
            index=position,
            reason=ErrorReason.Value(f"ERROR_REASON_{refusal.reason}"),
            field=refusal.field,
            description=refusal.description,
        )
        for position, refusal in sorted(outcome.refusals.items())
    ]
    return RecordUsageResponse(
        accepted_count=outcome.accepted, duplicate_count=outcome.duplicates, rejections=rejections
    )


def record_message(record: StoredRecord) -> UsageRecord:
    """A stored record."""
    value = record.value
    return UsageRecord(
        source=record.source,
        record_id=record.record_id,
        subscription=f"{SUBSCRIPTIONS}{record.subscription}",
        usage_type=USAGE_TYPES[record.usage_type],
        start_time=timestamp(record.start_micros),
        quantity=record.quantity,
        destination=record.destination,
        visited_network=record.visited_network,
        location_id=record.location_id,
        value=None if value is None else money_of_micros(value.micros, value.currency),
    )
