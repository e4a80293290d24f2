"""Which charge does a line of a file that `cxmesh ingest --wholesale-out` wrote mean, or why none?"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from cxmesh.billing.v1.wholesale_pb2 import WholesaleCharge
from cxmesh_cli.errors import FilesRefusedError

_MEMBERS: Final = {
    "source": "source",
    "record_id": "record_id",
    "sequence": "sequence",
    "partner": "sender",
    "subscription": "subscription",
    "event_time": "event_time",
    "item": "item",
    "amount": "amount",
    "currency_code": "currency",
    "refund": "is_refund",
}
"""Of a line, by field of WholesaleCharge."""
_CURRENCIES: Final = {"SDR": "XDR"}
"""TAP (GSMA TD.57) calls special drawing rights otherwise than ISO 4217."""
_NOBODYS: Final = "the event became no usage record; put its subscriber into --subscriptions and ingest the file again"
_EXPECTED: Final = "JSON Lines as `cxmesh ingest --wholesale-out` writes them"


@dataclass(frozen=True, slots=True)
class Line:
    """A charge and where it stands."""

    number: int
    """From 1."""
    charge: WholesaleCharge


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is no charge, or whose charge the service refused."""

    file: str
    line: int
    record_id: str
    """Empty where it could not be told."""
    reason: str
    """`unreadable`, `no_subscription`, or the service's own in lower case."""
    field: str
    """Member of the line; empty when the line as a whole is at fault."""
    description: str


def read_charges(stream: BinaryIO, file: str) -> Iterator[Line | Refusal]:
    """All lines but empty ones. Raises FilesRefusedError for a file that begins with no JSON object."""
    begun = False
    for number, raw in enumerate(stream, start=1):
        if not raw.strip():
            continue
        row = _row(raw)
        if row is None and not begun:
            raise FilesRefusedError(f"{file}, line {number} is no JSON object: expected {_EXPECTED}")
        begun = True
        if row is None:
            yield Refusal(file, number, "", "unreadable", "", "expected a JSON object")
        else:
            yield _read(row, file, number)


def member_of(field: str) -> str:
    """The member of a line that a field of WholesaleCharge was read from."""
    return _MEMBERS.get(field, field)


def _row(raw: bytes) -> dict[str, object] | None:
    try:
        row = json.loads(raw)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _read(row: dict[str, object], file: str, number: int) -> Line | Refusal:
    charge = WholesaleCharge()
    for field, member in _MEMBERS.items():
        value = row.get(member)
        try:
            if field == "event_time":
                charge.event_time.FromJsonString(str(value))
            elif field == "currency_code":
                charge.currency_code = _CURRENCIES.get(str(value), str(value))
            else:
                setattr(charge, field, _given(value))
        except (TypeError, ValueError) as error:
            shown = "nothing" if value is None else repr(value)
            record_id = row.get("record_id")
            name = record_id if isinstance(record_id, str) else ""
            return Refusal(file, number, name, "unreadable", member, f"{shown}: {error}")
    if not charge.subscription:
        return Refusal(file, number, charge.record_id, "no_subscription", "subscription", _NOBODYS)
    return Line(number, charge)


def _given(value: object) -> object:
    """Protobuf takes None for a field that isn't set; a line that lacks something is refused."""
    if value is None:
        raise ValueError(f"expected {_EXPECTED}")
    return value
