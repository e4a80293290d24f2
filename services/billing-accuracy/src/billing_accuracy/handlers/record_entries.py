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
    """What became of the entries, or quotes, of one call."""

    accepted: int
    duplicates: int
    problems: Mapping[int, EntryProblem]
    """By position in the call."""


async def record_entries(entries: Entries, read: Sequence[Read | EntryProblem]) -> EntriesOutcome:
    """Keep what is new; the same again is a duplicate, and the same key with other content is refused."""
    first: dict[EntryKey, Read] = {}
    keyed: list[tuple[EntryKey, bytes] | EntryProblem] = []
    for one in read:
        if isinstance(one, EntryProblem):
            keyed.append(one)
        else:
            key = (one[0].source, one[0].entry_id)
            first.setdefault(key, one)
            keyed.append((key, one[1]))
    return outcome_of(keyed, await entries.add(list(first.values())))


def outcome_of(
    read: Sequence[tuple[EntryKey, bytes] | EntryProblem], known: Mapping[EntryKey, bytes]
) -> EntriesOutcome:
    """What became of a call: by position key and digest, or the problem; `known`: digests of what was there before."""
    problems = {place: one for place, one in enumerate(read) if isinstance(one, EntryProblem)}
    stored: dict[EntryKey, bytes] = {}
    accepted = duplicates = 0
    for place, one in enumerate(read):
        if isinstance(one, EntryProblem):
            continue
        key, digest = one
        is_first = key not in stored and key not in known
        if stored.setdefault(key, known.get(key, digest)) != digest:
            problems[place] = _conflict(key)
        elif is_first:
            accepted += 1
        else:
            duplicates += 1
    return EntriesOutcome(accepted, duplicates, problems)


def _conflict(key: EntryKey) -> EntryProblem:
    source, entry_id = key
    text = f"{source}/{entry_id} is stored with other content"
    return EntryProblem(ProblemReason.ENTRY_CONFLICT, "", text)
