"""Which allowances does a tariff know, in what order are they used, and which definition holds for a bucket?"""

from bisect import bisect_right
from collections.abc import Sequence

from rating.allowance import Allowance, Bucket
from rating.tariff import Tariff
from rating.timeline import to_epoch


class AllowanceTables:
    """The allowances of all versions of a tariff."""

    def __init__(self, tariff: Tariff) -> None:
        self._activations = [to_epoch(version.active_from) for version in tariff.versions]
        self._versions = [{allowance.id: allowance for allowance in v.allowances} for v in tariff.versions]
        latest = {allowance.id: allowance for version in tariff.versions for allowance in version.allowances}
        self._latest = latest
        by_priority = sorted(latest.values(), key=lambda allowance: allowance.priority)
        self._ranks = {allowance.id: rank for rank, allowance in enumerate(by_priority)}

    def __bool__(self) -> bool:
        return bool(self._latest)

    def in_version(self, version: int, allowance: str) -> Allowance | None:
        """How a version defines an allowance: what it covers there, and at what price."""
        return self._versions[version].get(allowance)

    def definition_of(self, bucket: Bucket) -> Allowance:
        """The definition that a bucket was made under: that of the version in force when it became valid.

        Where that version doesn't know the allowance (it was carried over from another plan), the latest that does.
        """
        version = self.definition_version(bucket)
        return self._latest[bucket.allowance] if version < 0 else self._versions[version][bucket.allowance]

    def definition_version(self, bucket: Bucket) -> int:
        """Number of the version whose definition holds for a bucket; -1: the latest that has one."""
        version = bisect_right(self._activations, to_epoch(bucket.valid_from)) - 1
        return version if version >= 0 and bucket.allowance in self._versions[version] else -1

    def definitions(self, allowance: str) -> list[Allowance]:
        """How each version that knows an allowance defines it."""
        return [version[allowance] for version in self._versions if allowance in version]

    def knows(self, bucket: Bucket) -> bool:
        """Whether any version defines the bucket's allowance; other buckets are kept and never used."""
        return bucket.allowance in self._latest

    def order(self, bucket: Bucket) -> tuple[int, bool, int, bool, int, int]:
        """Buckets are used by priority; within an allowance the account's own first, then what expires sooner, then
        what was rolled over.
        """
        rank = self._ranks.get(bucket.allowance, len(self._ranks))
        until, since = to_epoch(bucket.valid_until), to_epoch(bucket.valid_from)
        return (rank, bool(bucket.owner), until, bucket.is_extended, bucket.rollover_cycles, since)

    def in_order_of_use(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """The buckets in the order in which records use them."""
        return sorted(buckets, key=self.order)
