"""What does a tariff say if its prices of now had always held?"""

from datetime import datetime
from typing import Final

from rating import Tariff

_KEPT: Final = 1000


class TodaysPrices:
    """Remembers what it made: the tables of a tariff with a long rate deck take seconds to build."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Tariff, datetime, Tariff]] = {}

    def of(self, plan: str, tariff: Tariff, since: datetime, now: datetime) -> Tariff | None:
        """A plan's tariff with the prices of now from `since` on; None when it has none now."""
        version = tariff.version_at(now)
        if version is None:
            return None
        if version.active_from <= since and version is tariff.versions[-1]:
            return tariff
        kept = self._kept.get(plan)
        if kept is None or kept[0] is not tariff or kept[1] != version.active_from:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            kept = self._kept[plan] = (tariff, version.active_from, tariff.as_of(now))
        return kept[2]
