"""How do recorded charging data become usage records?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Literal

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from usage_adapters.charging.groups import RatingGroup, load_groups
from usage_adapters.charging.objects import Found, Objects
from usage_adapters.charging.requests import ChargingFault, Draft, Recorded, drafts, read_request
from usage_adapters.errors import OptionError
from usage_adapters.gathering import Item, gather
from usage_adapters.reading import Adapter, Chunk, Format, Mark, Options, Reason, Reject, Totals, kept, shown

NAME: Final = "charging-data"
_SOURCE: Final = "chf"
_WORDS: Final = (b'"invocationSequenceNumber"', b'"multipleUnitUsage"', b'"nfConsumerIdentification"')
_SURE: Final = 0.95
_MICROS: Final = 1_000_000


def sniff(head: bytes) -> float:
    """An object, or an array of them, that speaks of invocations and their units."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[")[:1] != b"{":
        return 0.0
    return _SURE if sum(word in head for word in _WORDS) > 1 else 0.0


def make(options: Options) -> Adapter:
    """Raises OptionError."""
    if options.subscriptions is None:
        expected = "a table of subscriptions by IMSI or MSISDN"
        raise OptionError("subscriptions", "charging data name subscribers by IMSI or MSISDN", expected=expected)
    content = json.dumps([options.source, options.mapping, sorted(options.subscriptions.items())])
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    groups = load_groups(options.mapping)
    return ChargingDataAdapter(options.source or _SOURCE, options.subscriptions, groups, fingerprint)


@dataclass(frozen=True, slots=True)
class ChargingDataAdapter:
    """Requests of one charging function."""

    source: str
    subscriptions: Mapping[str, str]
    groups: Mapping[int, RatingGroup]
    fingerprint: str = field(compare=False)

    @property
    def name(self) -> str:
        return NAME

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        return "record"

    @property
    def grows(self) -> bool:
        return False

    @property
    def has_totals(self) -> bool:
        return False

    def verify(self, content: BinaryIO) -> Totals:
        """There are no totals."""
        del content
        return {}

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        """The requests from `start` on."""
        yield from gather(self._items(content, start), start)

    def reread(self, raw: bytes, context: str) -> Chunk:
        """One request."""
        del context
        records, rejects = self._records(Found(raw, len(raw)), 0)
        return Chunk(records=records, places=[0] * len(records), raws=[raw] * len(records), rejects=rejects)

    def _items(self, content: BinaryIO, start: Mark) -> Iterator[Item]:
        for place, found in enumerate(Objects(content, start.offset), start=start.place + 1):
            records, rejects = self._records(found, place)
            yield Item(place, found.end, found.raw, tuple(records), tuple(rejects))

    def _records(self, found: Found, place: int) -> tuple[list[UsageRecord], list[Reject]]:
        records: list[UsageRecord] = []
        rejects: list[Reject] = []
        try:
            recorded = _read(found)
            subscription = self._subscription(recorded)
        except ChargingFault as fault:
            return [], [self._reject(fault, place, found)]
        for each in drafts(recorded, self.groups):
            if isinstance(each, Draft):
                records.append(self._record(each, subscription))
            else:
                rejects.append(self._reject(each, place, found))
        return records, rejects

    def _subscription(self, recorded: Recorded) -> str:
        if not recorded.identifiers:
            raise ChargingFault("subscription", "", "a subscriberIdentifier in every request", Reason.MISSING_VALUE)
        for each in recorded.identifiers:
            if each in self.subscriptions:
                return self.subscriptions[each].removeprefix("subscriptions/")
        value = recorded.identifiers[0]
        raise ChargingFault("subscription", value, "a subscriber that the table lists", Reason.NOT_IN_TABLE)

    def _record(self, draft: Draft, subscription: str) -> UsageRecord:
        seconds, micros = divmod(draft.start_micros, _MICROS)
        record = UsageRecord(
            source=self.source,
            record_id=draft.record_id,
            subscription=f"subscriptions/{subscription}",
            usage_type=draft.usage_type,
            quantity=draft.quantity,
            destination=draft.destination,
            visited_network=draft.visited_network,
            location_id=draft.cell,
        )
        record.start_time.seconds, record.start_time.nanos = seconds, micros * 1000
        return record

    def _reject(self, fault: ChargingFault, place: int, found: Found) -> Reject:
        raw, complete = kept(found.raw)
        return Reject(
            place, fault.reason, fault.field, shown(fault.value), f"expected {fault.expected}", self.source,
            raw=raw, raw_complete=complete and not found.too_long,
        )  # fmt: skip


def _read(found: Found) -> Recorded:
    if found.too_long:
        raise ChargingFault("", "", "a request of ordinary length", Reason.TOO_LONG)
    if not found.complete:
        raise ChargingFault("", "", "a whole JSON object: the file ends within this one", Reason.MALFORMED)
    return read_request(found.raw)


FORMATS: Final = (Format(NAME, "3GPP TS 32.291 charging data, JSON or JSON Lines", sniff, make),)
