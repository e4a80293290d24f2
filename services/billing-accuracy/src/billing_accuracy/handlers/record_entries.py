"""How are account entries taken in, each once?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing_accuracy.domain.entries import AccountEntry
from billing_accuracy.errors import EntryProblem, ProblemReason
from billing_accuracy.handlers.ports import Entries, EntryKey

Read = tuple[AccountEntry, bytes]
"""An entry and a digest of its content."""


@dataclass(frozen=True, slots=True)
class EntriesOutcome:
    """What became of the entries of one call."""

    accepted: int
    duplicates: int
    problems: Mapping[int, EntryProblem]
    """By position in the call."""


async def record_entries(entries: Entries, read: Sequence[Read | EntryProblem]) -> EntriesOutcome:
    """Keep what is new; the same again is a duplicate, and the same key with other content is refused."""
    problems = {place: one for place, one in enumerate(read) if isinstance(one, EntryProblem)}
    first: dict[EntryKey, tuple[int, Read]] = {}
    for place, one in enumerate(read):
        if not isinstance(one, EntryProblem):
            first.setdefault((one[0].source, one[0].entry_id), (place, one))
    known = await entries.add([one for _, one in first.values()])
    accepted = duplicates = 0
    for place, one in enumerate(read):
        if isinstance(one, EntryProblem):
            continue
        key = (one[0].source, one[0].entry_id)
        place_of_first, (_, digest_of_first) = first[key]
        if known.get(key, digest_of_first) != one[1]:
            problems[place] = _conflict(key)
        elif key in known or place != place_of_first:
            duplicates += 1
        else:
            accepted += 1
    return EntriesOutcome(accepted, duplicates, problems)


def _conflict(key: EntryKey) -> EntryProblem:
    source, entry_id = key
    text = f"{source}/{entry_id} is stored with other content"
    return EntryProblem(ProblemReason.ENTRY_CONFLICT, "entry_id", text)
