"""Which objectives are told by traces, without reading all of them for every batch of sessions?"""

from value_network_sla.domain.policing.objective import ObjectiveBook, book_of
from value_network_sla.handlers.policing.ports import ObjectiveParts


class KnownObjectives:
    """The book, read again when what is kept is not what it was.

    To read 500 objectives takes 27 ms, most of it to understand their definitions, and sessions are closed four times
    a second. To ask whether one has changed takes 0.7 ms. It is asked in the transaction that uses the book, so that a
    revision holds for all sessions that are closed once it is committed, in every replica.
    """

    def __init__(self) -> None:
        self._version: str | None = None
        self._book = book_of(())

    async def book(self, parts: ObjectiveParts) -> ObjectiveBook:
        """The objectives that are told by traces, as this transaction sees them."""
        # Asked first: should one be added in between, the book is newer than its version and is read once more.
        version = await parts.version()
        if version != self._version:
            self._book, self._version = await parts.book(), version
        return self._book
