"""Which services are there, and in what is each one's usage counted?"""

from enum import StrEnum


class Service(StrEnum):
    """What a record is usage of."""

    VOICE = "voice"
    SMS = "sms"
    DATA = "data"
    MMS = "mms"
    CONTENT = "content"
    IPTV = "iptv"


SERVICES = tuple(Service)
"""Every service; a service's index here is its code in columns."""
SERVICE_CODES = {service: code for code, service in enumerate(SERVICES)}
BASE_UNIT = {
    Service.VOICE: "second",
    Service.SMS: "message",
    Service.DATA: "byte",
    Service.MMS: "message",
    Service.CONTENT: "event",
    Service.IPTV: "event",
}
"""What a record's `quantity` counts."""
UNIT_SIZES: dict[str, dict[str, int]] = {
    "second": {"second": 1, "minute": 60, "hour": 3600},
    "byte": {
        "byte": 1,
        "kilobyte": 10**3,
        "megabyte": 10**6,
        "gigabyte": 10**9,
        "kibibyte": 2**10,
        "mebibyte": 2**20,
        "gibibyte": 2**30,
    },
    "message": {"message": 1},
    "event": {"event": 1},
}
"""The words that a document may use for so many base units."""
