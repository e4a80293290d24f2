"""What does an adapter promise: what it makes of a file, how rejects are told, where reading goes on after a break?

A file's *content* is its bytes after decompression; every offset counts in it. An adapter turns content into *chunks*
of at most CHUNK_ROWS rows, in the order of the file. Each chunk says where reading may begin again after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Final, Literal, Protocol

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord

CHUNK_ROWS: Final = 1000
"""The most rows of a chunk, and the most records that RecordUsage takes."""
CHUNK_BYTES: Final = 4 * 1024 * 1024
"""A chunk ends, too, when its raw rows come to this much: what bounds memory when rows are long."""
RECORD_BYTES: Final = 256 * 1024
"""A longer record is rejected without being held in memory."""
RAW_BYTES: Final = 64 * 1024
"""So much is kept of a record that is longer than RECORD_BYTES; the rest stays in the provider's file."""
VALUE_CHARACTERS: Final = 200
"""So much of a refused value is shown."""

Totals = Mapping[str, str]
"""Control totals by name, as they are shown: `{"records": "1204", "sum of duration": "86012"}`."""


class Reason(StrEnum):
    """Why a row is no record. Reasons that begin with ERROR_REASON_ are the service's own."""

    MALFORMED = "MALFORMED"
    """The row can't be taken apart: wrong number of columns, broken quoting, no JSON, broken BER."""
    ENCODING = "ENCODING"
    """The bytes are not in the declared encoding."""
    TOO_LONG = "TOO_LONG"
    """Longer than RECORD_BYTES."""
    MISSING_VALUE = "MISSING_VALUE"
    """A field that a record needs is empty or absent."""
    INVALID_VALUE = "INVALID_VALUE"
    """A field's value can't be read as what the field holds."""
    NOT_IN_TABLE = "NOT_IN_TABLE"
    """A value stands in no lookup table: an MSISDN without subscription, a usage type without meaning."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where reading may begin: before the first row, or after some chunk."""

    offset: int = 0
    """Bytes of content that are done with. The next read begins there."""
    rows: int = 0
    """Rows that were in them (see Chunk.rows)."""
    place: int = 0
    """Place of the last of them (see Adapter.place_name)."""
    state: str = ""
    """What the adapter itself must know there (names of columns, the file's header): JSON of its own."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not become a record, or that the service refused, and why."""

    place: int
    reason: str
    """A Reason, or the name of a cxmesh.usage.v1.ErrorReason."""
    field: str
    """Of UsageRecord (`start_time`); empty when the row as a whole is at fault."""
    value: str
    """What stood there, at most VALUE_CHARACTERS of it."""
    description: str
    """What was expected, in words."""
    source: str = ""
    record_id: str = ""
    """With `source` the record's identity, where it could still be told."""
    raw: bytes = b""
    """The row as it stands in the file, or its beginning."""
    raw_complete: bool = True
    """Whether `raw` is the whole row, so that it can be read again after repair."""


@dataclass(slots=True)
class Chunk:
    """Consecutive rows of a file: records in columns beside their places and raw bytes, and rows that are none."""

    end: Mark = field(default_factory=Mark)
    """Where reading goes on after this chunk."""
    records: list[UsageRecord] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """The place of each record."""
    raws: list[bytes] = field(default_factory=list)
    """The raw row of each record, for the case that the service refuses it. One raw row may give several records."""
    rejects: list[Reject] = field(default_factory=list)
    skipped: int = 0
    """Rows that are no usage on purpose, as a mapping says. Headers, comments and blank lines are no rows."""
    context: str = ""
    """What `reread` needs beside a raw row of this chunk (names of columns): JSON of the adapter's own."""

    @property
    def rows(self) -> int:
        return len(self.records) + len(self.rejects) + self.skipped


class Adapter(Protocol):
    """One format with its options, ready to read files. It keeps no state between calls."""

    @property
    def name(self) -> str:
        """As in `--format`: part of what identifies how far a file was read."""

    @property
    def fingerprint(self) -> str:
        """A digest of everything that decides what a row becomes: mapping, tables, options. May be empty."""

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        """What a place counts: lines or records from 1, or bytes from 0."""

    @property
    def grows(self) -> bool:
        """Whether a writer may append to a file of this format, so that reading goes on at its former end."""

    @property
    def has_totals(self) -> bool:
        """Whether `verify` must pass over the whole content before anything of it is sent."""

    def verify(self, content: BinaryIO) -> Totals:
        """Read the content from its start to its end and return the totals that it was reconciled with.

        Raises FileRefusedError when the file contradicts itself. Called before `read`, if `has_totals`.
        """

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        """The rest of the content, which stands at `start.offset`.

        Raises FileRefusedError when nothing more can be made of it; before the first chunk wherever that can be known.
        Memory is bounded whatever the content: nothing longer than RECORD_BYTES and a chunk or two is held.
        """

    def reread(self, raw: bytes, context: str) -> Chunk:
        """One raw row that was rejected before, perhaps repaired since, with the `context` of its chunk.

        Records and rejects in it have place 0. Raises FileRefusedError when the format has no rows of their own.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A format by name: how likely a file is of it, and how its adapter is made."""

    name: str
    summary: str
    """One line for `--help`."""
    sniff: Callable[[bytes], float]
    """Confidence from 0 to 1 that a file that begins with these bytes is of this format."""
    make: Callable[[Options], Adapter]
    """Raises OptionError for an option that is missing, MappingRefusedError for a mapping that can't be used."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who gives a file knows beside it."""

    source: str = ""
    """Who reported: UsageRecord.source, where the file does not say it."""
    time_zone: str = ""
    """IANA zone of times that name none."""
    country_code: str = ""
    """E.164 country code where the file was written: with it, destinations dialled nationally are completed."""
    subscriptions: Mapping[str, str] | None = None
    """Subscription ids by MSISDN, IMSI or account, as the format names its subscribers (see tables.py)."""
    mapping: str = ""
    """Text of a mapping file."""
    mapping_folder: str = ""
    """Where the tables that it names lie."""


def shown(value: str) -> str:
    """A value shortened for a report."""
    return value if len(value) <= VALUE_CHARACTERS else value[: VALUE_CHARACTERS - 1] + "…"


def kept(raw: bytes) -> tuple[bytes, bool]:
    """What a reject keeps of a raw row, and whether that is all."""
    return (raw, True) if len(raw) <= RECORD_BYTES else (raw[:RAW_BYTES], False)
