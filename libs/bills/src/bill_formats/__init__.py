"""Bills as providers have them, read into cxmesh.billing.v1.Bill: TMF678 JSON, UBL (EN 16931) XML, CSV bill runs."""

from bill_formats.csv_run import CsvRun, read_csv_run
from bill_formats.mapping import MappingError, load_mapping
from bill_formats.reading import BillReject, BillsRefused, ReadBill
from bill_formats.sniffing import FORMATS, sniff
from bill_formats.tmf678 import Tmf678, read_tmf678
from bill_formats.ubl import Ubl, read_ubl

__all__ = [
    "FORMATS",
    "BillReject",
    "BillsRefused",
    "CsvRun",
    "MappingError",
    "ReadBill",
    "Tmf678",
    "Ubl",
    "load_mapping",
    "read_csv_run",
    "read_tmf678",
    "read_ubl",
    "sniff",
]
