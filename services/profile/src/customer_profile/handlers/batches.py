"""Does a batch name the same thing twice?"""

from collections.abc import Iterable

from customer_profile.errors import InvalidValue


def check_distinct(ids: Iterable[str], field: str) -> None:
    """Raise InvalidValue for the first id that comes again; `field` is its name in each of `requests`."""
    seen: set[str] = set()
    for number, each in enumerate(ids):
        if each in seen:
            expected = "an id that no other request of the batch has"
            raise InvalidValue(f"requests[{number}].{field}", expected, value=each)
        seen.add(each)
