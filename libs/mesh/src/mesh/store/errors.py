"""What can go wrong in the store, apart from the database itself?

StoreError
├── RequestIdReused     a request_id came back with another body
├── InvalidPageToken    a page_token that this list did not give out
├── EventTooLarge       an event that belongs in a table, not in a stream
├── SchemaIsNewer       the database was migrated by a later version of the service
└── MigrationBlocked    another migration holds the schema, and does not let go

The first two carry the field, the value and what was expected, for the caller's field violation.
"""


class StoreError(Exception):
    """Anything that the store refuses on its own account."""


class RequestIdReused(StoreError):  # noqa: N818 - says what happened
    """A request_id came back with another body: one of the two is a mistake of the caller."""

    field = "request_id"
    expected = "a new id for a new request, or exactly the first request again"

    def __init__(self, method: str, request_id: str) -> None:
        """`method` is the full name of the RPC."""
        self.value = request_id
        self.metadata = {"method": method, "request_id": request_id}
        super().__init__(
            f"request_id {request_id!r} was used for {method} before, with another body: expected {self.expected}"
        )


class InvalidPageToken(StoreError):  # noqa: N818 - says what happened
    """A page_token that this list, with these filters, did not give out."""

    field = "page_token"
    expected = "the next_page_token of the page before, with the same parent, filter and order"

    def __init__(self, token: str) -> None:
        """`token` as the caller sent it."""
        self.value = token
        super().__init__(f"page_token {token[:100]!r} does not belong to this list: expected {self.expected}")


class EventTooLarge(StoreError):  # noqa: N818 - says what happened
    """An event that belongs in a table, not in a stream."""

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        """Sizes in bytes."""
        super().__init__(
            f"event {event_type} takes {size} bytes, {limit} are allowed: publish a reference to the data instead"
        )


class SchemaIsNewer(StoreError):  # noqa: N818 - says what happened
    """The database was migrated by a later version of the service than this one."""

    def __init__(self, schema: str, revision: str) -> None:
        """`revision` is what the database says and this version does not know."""
        super().__init__(
            f"schema {schema!r} is at revision {revision!r}, which this version does not know: "
            "a later version migrated it; deploy that version or a later one"
        )


class MigrationBlocked(StoreError):  # noqa: N818 - says what happened
    """Another migration holds the schema, or a running statement holds a table, and does not let go."""
