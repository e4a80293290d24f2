"""What do patterns remember while they are tried over history? The same as in the store, for as long as the try."""

from collections.abc import Collection, Sequence

import numpy as np

from usage_correlation.domain.patterns.hits import Kept, Sums, joined_kept, joined_sums, no_sums, nothing_kept
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.handlers.patterns.ports import Due, KeptPart, Stretch, SumPart


class Recollection:
    """A memory in memory."""

    def __init__(self) -> None:
        self._events: dict[tuple[int, str], dict[tuple[int, str], Kept]] = {}
        self._sums: dict[tuple[int, str], dict[tuple[str, int], Sums]] = {}
        self._due: dict[tuple[int, str], tuple[int, int]] = {}
        self.raised: set[str] = set()
        """Ids of signals."""

    async def keep_events(self, parts: Sequence[KeptPart]) -> None:
        """Keep events; those that are kept already stay as they are."""
        for part in parts:
            for row in range(len(part.kept)):
                one = part.kept.take(np.array([row]))
                mine = self._events.setdefault((part.state, part.subjects[int(one.subjects[0])].id), {})
                mine.setdefault((int(one.classes[0]), str(one.references[0])), one)

    async def add_sums(self, parts: Sequence[SumPart]) -> None:
        """Add to the sums by period."""
        for part in parts:
            for row in range(len(part.sums)):
                one = part.sums.take(np.array([row]))
                mine = self._sums.setdefault((part.state, part.subjects[int(one.subjects[0])].id), {})
                key = (str(one.groups[0]), int(one.starts[0]))
                mine[key] = _added(mine[key], one) if key in mine else one

    async def forget(self, state: int, subjects: Sequence[SubscriberFacts]) -> None:
        """Forget what was counted of some subscribers."""
        for each in subjects:
            self._events.pop((state, each.id), None)
            self._sums.pop((state, each.id), None)

    async def events(self, wanted: Sequence[Stretch]) -> Sequence[Kept]:
        """The events of each stretch."""
        return [self._events_of(stretch) for stretch in wanted]

    def _events_of(self, stretch: Stretch) -> Kept:
        parts = [nothing_kept()]
        for number, (first, last) in stretch.bounds.items():
            own = list(self._events.get((stretch.state, stretch.subjects[number].id), {}).values())
            if own:
                kept = joined_kept(own)
                kept.subjects[:] = number
                parts.append(kept.take((kept.times >= first) & (kept.times <= last)))
        return joined_kept(parts)

    async def sums(self, wanted: Sequence[Stretch]) -> Sequence[Sums]:
        """The sums of periods that began in each stretch."""
        return [self._sums_of(stretch) for stretch in wanted]

    def _sums_of(self, stretch: Stretch) -> Sums:
        parts = [no_sums()]
        for number, (first, last) in stretch.bounds.items():
            own = list(self._sums.get((stretch.state, stretch.subjects[number].id), {}).values())
            if own:
                sums = joined_sums(own)
                sums.subjects[:] = number
                parts.append(sums.take((sums.starts >= first) & (sums.starts <= last)))
        return joined_sums(parts)

    async def near(self, state: int, place: PlaceEvent, start: int, end: int) -> Collection[str]:
        """The subscriptions that have kept events in the cells or areas of a place event, from start to end."""
        return [
            subscription
            for (of_state, subscription), kept in self._events.items()
            if of_state == state
            and any(
                start <= one.times[0] <= end and place.covers("place", str(one.cells[0]), str(one.areas[0]))
                for one in kept.values()
            )
        ]

    async def look_again(self, dues: Sequence[tuple[int, SubscriberFacts, int, int]], *, earliest: bool) -> None:
        """See Memory."""
        for state, facts, due, settle in dues:
            key = (state, facts.id)
            known = self._due.get(key)
            if known is None or (earliest and due < known[0]):
                self._due[key] = (due, settle)

    async def take_due(self, states: Collection[int], clock: int, size: int) -> Sequence[Due]:
        """The first `size` of some states that the clock has reached, which are removed."""
        ripe = sorted((settle, key) for key, (_, settle) in self._due.items() if settle <= clock and key[0] in states)
        return [Due(*key, self._due.pop(key)[0]) for _, key in ripe[:size]]

    async def known(self, ids: Collection[str]) -> Collection[str]:
        """Those of some signals' ids that were raised before."""
        return self.raised & set(ids)


def _added(left: Sums, right: Sums) -> Sums:
    newer = right if (right.latests[0], right.references[0]) > (left.latests[0], left.references[0]) else left
    return Sums(
        left.subjects,
        left.groups,
        left.starts,
        left.counts + right.counts,
        left.totals + right.totals,
        np.minimum(left.lows, right.lows),
        np.maximum(left.highs, right.highs),
        np.minimum(left.firsts, right.firsts),
        newer.latests,
        newer.arrivals,
        newer.references,
    )
