"""Into which zone does a destination fall, by longest prefix, for one and for a million?

A number's first 16 symbols are packed into one 64-bit integer, four bits a symbol, left-aligned. A prefix is then an
interval of integers, nested prefixes flatten into disjoint intervals, and the longest match is one binary search.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rating.tariff import Zone

MAX_PREFIX = 15
"""Symbols of the longest prefix: ITU-T E.164 numbers have at most 15 digits."""
SYMBOLS = "0123456789*#"
NO_ZONE = -1
_UNSURE = -2
_WIDTH = 16
_PLUS = 14
_OTHER = 15
_CODES = {symbol: code for code, symbol in enumerate(SYMBOLS, start=1)}
_SPACE = 1 << (4 * _WIDTH)

Keys = NDArray[np.uint64]


def _code_table() -> NDArray[np.uint8]:
    table = np.full(256, _OTHER, np.uint8)
    table[0] = 0  # padding of shorter strings
    table[ord("+")] = _PLUS
    for symbol, code in _CODES.items():
        table[ord(symbol)] = code
    return table


class ZoneIndex:
    """Zones by longest prefix; names that are not numbers match exactly."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        zones = tuple(zones)
        self._default = next((number for number, zone in enumerate(zones) if zone.default), NO_ZONE)
        self._prefixes = {prefix: number for number, zone in enumerate(zones) for prefix in zone.prefixes}
        self._longest = max(map(len, self._prefixes), default=0)
        self._names = {name: number for number, zone in enumerate(zones) for name in zone.names}
        bounds, numbers = _flatten(self._prefixes, self._default)
        self._bounds: Keys = np.array(bounds, np.uint64)
        self._numbers: NDArray[np.int32] = np.array(numbers, np.int32)
        self._heads = self._numbers_by_head()
        self._codes = _code_table()

    def find(self, destination: str) -> tuple[int, str]:
        """The zone's number and the prefix or name that decided ("" when the default zone took it)."""
        digits = destination.split("\0", 1)[0][:_WIDTH].removeprefix("+")
        if not all(symbol in _CODES for symbol in digits):
            number = self._names.get(destination)
            return (self._default, "") if number is None else (number, destination)
        for length in range(min(self._longest, len(digits)), 0, -1):
            number = self._prefixes.get(digits[:length])
            if number is not None:
                return number, digits[:length]
        return self._default, ""

    def find_all(self, destinations: NDArray[np.str_]) -> NDArray[np.int32]:
        """The zone's number for each destination, NO_ZONE where none matches."""
        if not self._prefixes and not self._names:
            return np.full(len(destinations), self._default, np.int32)
        keys, odd = pack(destinations, self._codes)
        found: NDArray[np.int32] = self._heads[keys >> np.uint64(48)]
        unsure = np.flatnonzero(found == _UNSURE)
        if len(unsure):
            where = np.searchsorted(self._bounds, keys[unsure], side="right") - 1
            found[unsure] = self._numbers[where]
        if odd.any():
            words, which = np.unique(destinations[odd], return_inverse=True)
            found[odd] = np.array([self.find(str(word))[0] for word in words], np.int32)[which]
        return found

    def _numbers_by_head(self) -> NDArray[np.int32]:
        """The zone by a key's first four symbols, or _UNSURE where longer prefixes tell zones apart."""
        heads = np.arange(1 << 16, dtype=np.uint64) << np.uint64(48)
        first = np.searchsorted(self._bounds, heads, side="right") - 1
        last = np.searchsorted(self._bounds, heads + np.uint64((1 << 48) - 1), side="right") - 1
        found: NDArray[np.int32] = np.where(first == last, self._numbers[first], _UNSURE).astype(np.int32)
        return found


def is_number(destination: str) -> bool:
    """Whether a destination is matched by prefix: its first 16 symbols are digits, `*`, `#` after at most one `+`."""
    return all(symbol in _CODES for symbol in destination[:_WIDTH].removeprefix("+"))


def pack(destinations: NDArray[np.str_], codes: NDArray[np.uint8]) -> tuple[Keys, NDArray[np.bool_]]:
    """Each destination's key, and whether it holds anything but digits, `*`, `#` and one leading `+`."""
    count = len(destinations)
    width = destinations.dtype.itemsize // 4
    points = np.ascontiguousarray(destinations).view(np.uint32).reshape(count, width) if width else None
    symbols = np.zeros((count, _WIDTH), np.uint8)
    if points is not None:
        used = min(width, _WIDTH)
        symbols[:, :used] = codes[np.minimum(points[:, :used], 255)]
    pairs = (symbols[:, 0::2] << 4) | symbols[:, 1::2]
    keys = pairs.view(">u8").astype(np.uint64).reshape(count)
    plus = (keys >> np.uint64(60)) == _PLUS
    if plus.any():
        keys = np.where(plus, keys << np.uint64(4), keys)
    return keys, _has_letter(keys)


def _has_letter(keys: Keys) -> NDArray[np.bool_]:
    """Whether one of a key's symbols is outside SYMBOLS: codes 13 to 15 are those with three upper bits 11x."""
    ones = np.uint64(0x1111_1111_1111_1111)
    upper = (keys >> np.uint64(3)) & (keys >> np.uint64(2)) & ones
    low = ((keys >> np.uint64(1)) | keys) & ones
    result: NDArray[np.bool_] = (upper & low) != 0
    return result


def _flatten(prefixes: dict[str, int], default: int) -> tuple[list[int], list[int]]:
    """Disjoint intervals from nested prefixes: where each starts, and the zone in it; the first starts at 0."""
    spans = sorted((*_interval(prefix), number) for prefix, number in prefixes.items())
    spans.sort(key=lambda span: (span[0], -span[1]))
    bounds, numbers = [0], [default]
    open_spans: list[tuple[int, int]] = []

    def mark(bound: int, number: int) -> None:
        if bound == bounds[-1]:
            numbers[-1] = number
        elif number != numbers[-1]:
            bounds.append(bound)
            numbers.append(number)

    def close(until: int) -> None:
        while open_spans and open_spans[-1][0] <= until:
            end, _ = open_spans.pop()
            if end < _SPACE:
                mark(end, open_spans[-1][1] if open_spans else default)

    for low, high, number in spans:
        close(low)
        mark(low, number)
        open_spans.append((high, number))
    close(_SPACE)
    return bounds, numbers


def _interval(prefix: str) -> tuple[int, int]:
    low = 0
    for symbol in prefix:
        low = (low << 4) | _CODES[symbol]
    shift = 4 * (_WIDTH - len(prefix))
    return low << shift, (low + 1) << shift
