"""In which format is a file of bills, and how is it read?"""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

from bill_formats.csv_run import read_csv_run
from bill_formats.mapping import BillMapping
from bill_formats.reading import Read
from bill_formats.tmf678 import read_tmf678
from bill_formats.ubl import read_ubl

FORMATS: Final = {
    "tmf678": "TM Forum CustomerBill with AppliedCustomerBillingRates, JSON (TMF678 v4 and v5)",
    "ubl": "UBL 2.1 Invoice of EN 16931, XML",
    "csv": "a row a line of a bill, by a mapping",
}
_READERS: Final[Mapping[str, Callable[[BinaryIO, BillMapping], Iterator[Read]]]] = {
    "tmf678": read_tmf678,
    "ubl": read_ubl,
    "csv": read_csv_run,
}
_HEAD: Final = 4096


def sniff(stream: BinaryIO) -> str:
    """The format's name; the stream stands where it stood."""
    start = stream.tell()
    head = stream.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(start)
    if head[:1] in (b"{", b"["):
        return "tmf678"
    return "ubl" if head[:1] == b"<" else "csv"


def read_bills(stream: BinaryIO, name: str, mapping: BillMapping | None = None) -> Iterator[Read]:
    """Bills and rejects in the order of the file. `name`: one of FORMATS. Raises BillsRefused, MappingError."""
    return _READERS[name](stream, mapping or BillMapping())
