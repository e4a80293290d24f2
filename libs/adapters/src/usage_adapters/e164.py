"""Which number was dialled, in E.164 digits (ITU-T E.164: country code first, at most 15 digits)?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from usage_adapters.table import Fault

_MOST_DIGITS: Final = 15
_REMEMBERED: Final = 65_536
_LAYOUT: Final = str.maketrans("", "", " \t-./()")
"""What people put between digits."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """How numbers are dialled where the file was written."""

    country_code: str
    """Digits of the country, e.g. "43"."""
    national_prefix: str = "0"
    """What stands before a national number; empty where there is none (Spain, Denmark)."""
    international_prefixes: tuple[str, ...] = ("00",)
    """What stands before a country code, beside "+"."""
    short_digits: int = 6
    """Up to so many digits without prefix are a short code and stay as they are."""
    bare: Literal["international", "national", "refuse"] = "international"
    """What a longer number without prefix is."""
    others: Literal["keep", "refuse"] = "keep"
    """What becomes of text that is no number: an extension's name, a content id."""

    def normalise(self, dialled: str) -> str:
        """E.164 digits without "+", a short code, or other text as it is. Raises Fault."""
        text = _sip_user(dialled)
        digits = text.translate(_LAYOUT)
        plus = digits.startswith("+")
        digits = digits.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()):
            if self.others == "refuse":
                raise Fault("a telephone number")
            return text
        return self._checked(digits if plus else self._international(digits))

    def _international(self, digits: str) -> str:
        for prefix in self.international_prefixes:
            if digits.startswith(prefix):
                return digits[len(prefix) :]
        if len(digits) <= self.short_digits:
            return digits
        if self.national_prefix and digits.startswith(self.national_prefix):
            return self.country_code + digits[len(self.national_prefix) :]
        if self.bare == "refuse":
            raise Fault(
                f"a number that begins with +, {', '.join(self.international_prefixes)} or {self.national_prefix}"
            )
        return digits if self.bare == "international" else self.country_code + digits

    def _checked(self, digits: str) -> str:
        if not digits or len(digits) > _MOST_DIGITS:
            raise Fault(f"a number of 1 to {_MOST_DIGITS} digits with its country code (E.164)")
        return digits

    def step(self) -> Callable[[str], str]:
        """`normalise` that remembers what it saw last."""
        return lru_cache(_REMEMBERED)(self.normalise)


def _sip_user(dialled: str) -> str:
    """The user part of a SIP or tel URI, other text as it is."""
    scheme, colon, rest = dialled.partition(":")
    if colon and scheme.lower() in {"sip", "sips", "tel"}:
        return rest.partition("@")[0].partition(";")[0]
    return dialled
