"""How is a whole split in whole units so that nothing is lost and nothing is invented?"""

from collections.abc import Sequence

MILLION = 1_000_000


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` (not negative) in proportion to `weights` (not negative); the parts sum to it exactly.

    Every part is its exact quota rounded down or up (Hamilton's method); of equal remainders the earlier part is
    rounded up, and a part without weight stays 0. Raises ValueError when there is something to split and no weight.
    """
    whole = sum(weights)
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError(f"expected a total and weights from 0 up, got {total} by {list(weights)}")
    if whole == 0:
        if total:
            raise ValueError(f"{total} can't be split: all weights are 0")
        return [0] * len(weights)
    quotas = [divmod(total * weight, whole) for weight in weights]
    parts = [part for part, _ in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda each: -quotas[each][1])
    for each in by_remainder[: total - sum(parts)]:
        parts[each] += 1
    return parts
