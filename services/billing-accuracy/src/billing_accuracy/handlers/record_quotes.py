"""How are quotes taken in, each once?"""

from collections.abc import Sequence

from billing_accuracy.domain.quotes import Quote
from billing_accuracy.errors import EntryProblem
from billing_accuracy.handlers.ports import EntryKey, Quotes
from billing_accuracy.handlers.record_entries import EntriesOutcome, outcome_of

Read = tuple[Quote, bytes]
"""A quote and a digest of its content."""


async def record_quotes(quotes: Quotes, read: Sequence[Read | EntryProblem]) -> EntriesOutcome:
    """Keep what is new; the same again is a duplicate, and the same key with other content is refused."""
    first: dict[EntryKey, Read] = {}
    keyed: list[tuple[EntryKey, bytes] | EntryProblem] = []
    for one in read:
        if isinstance(one, EntryProblem):
            keyed.append(one)
        else:
            key = (one[0].source, one[0].quote_id)
            first.setdefault(key, one)
            keyed.append((key, one[1]))
    return outcome_of(keyed, await quotes.add(list(first.values())))
