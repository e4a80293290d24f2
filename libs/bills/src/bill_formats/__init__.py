"""Bills as providers have them, read into cxmesh.billing.v1.Bill: TMF678 JSON, UBL (EN 16931) XML, CSV bill runs."""

from bill_formats.csv_run import read_csv_run
from bill_formats.formats import FORMATS, read_bills, sniff
from bill_formats.mapping import BillMapping, MappingError, load_mapping
from bill_formats.reading import BillReject, BillsRefused, ReadBill
from bill_formats.tmf678 import read_tmf678
from bill_formats.ubl import read_ubl

__all__ = [
    "FORMATS",
    "BillMapping",
    "BillReject",
    "BillsRefused",
    "MappingError",
    "ReadBill",
    "load_mapping",
    "read_bills",
    "read_csv_run",
    "read_tmf678",
    "read_ubl",
    "sniff",
]
