"""How is the difference between two bills said to the customer, in the customer's language?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import yaml
from babel import Locale
from babel.numbers import format_currency, format_decimal

from billing_accuracy.domain.explaining.parts import Part, PartKind
from rating import Service

_USAGE: Final = frozenset({PartKind.USAGE, PartKind.ROAMING})
_BY_SIGN: Final = ("more", "less")
_BYTES_PER_MEGABYTE: Final = 10**6
_SECONDS_PER_MINUTE: Final = 60


class WordingError(Exception):
    """A document is no wording; the message names the entry and what was expected."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one language."""

    locale: Locale
    texts: Mapping[str, str]
    """By key: `higher`, `lower`, `same`, `{KIND}.more`, `{KIND}.less`, `unit.{service}`."""

    def headline(self, before: Fraction, after: Fraction, currency: str) -> str:
        """What the parts explain."""
        key = "same" if before == after else "higher" if after > before else "lower"
        return self.texts[key].format(
            difference=self.money(abs(after - before), currency),
            before=self.money(before, currency),
            after=self.money(after, currency),
        )

    def sentence(self, part: Part, currency: str) -> str:
        """One part."""
        text = self.texts[f"{part.kind}.{_BY_SIGN[part.amount < 0]}"]
        return text.format(
            amount=self.money(abs(part.amount), currency),
            name=part.name.removeprefix("plans/").removeprefix("tax:"),
            charge=part.charge_code,
            before=self._quantity(part, part.before),
            after=self._quantity(part, part.after),
        )

    def money(self, amount: Fraction, currency: str) -> str:
        """E.g. "€12.34", "12,34 €": rounded as the currency is shown."""
        return format_currency(_decimal(amount), currency, locale=self.locale)

    def _quantity(self, part: Part, count: int) -> str:
        if part.kind not in _USAGE:
            return format_decimal(count, locale=self.locale)
        per_unit = {Service.VOICE: _SECONDS_PER_MINUTE, Service.DATA: _BYTES_PER_MEGABYTE}.get(Service(part.service), 1)
        number = format_decimal(_decimal(Fraction(count, per_unit)), format="#,##0.#", locale=self.locale)
        return self.texts[f"unit.{part.service}"].format(count=number)


def needed_keys() -> Sequence[str]:
    """The keys that a wording must have."""
    kinds = [f"{kind}.{sign}" for kind in PartKind for sign in _BY_SIGN]
    return ["higher", "lower", "same", *kinds, *(f"unit.{service}" for service in Service)]


def load_wordings(text: str) -> Mapping[str, Wording]:
    """Wordings by language code, from a YAML document. Raises WordingError."""
    found = {}
    document = yaml.safe_load(text)
    if not isinstance(document, dict):
        raise WordingError(f"{type(document).__name__}: expected a map from language codes to texts")
    for language, texts in document.items():
        missing = [key for key in needed_keys() if key not in texts]
        if missing:
            raise WordingError(f"{language}: expected texts for {', '.join(missing)}")
        found[language] = Wording(Locale.parse(language, sep="-"), texts)
    return found


def wording_for(language: str, wordings: Mapping[str, Wording]) -> Wording:
    """The wording of a BCP 47 language code, of its language without the region, or English."""
    return wordings.get(language) or wordings.get(language.partition("-")[0]) or wordings["en"]


def _decimal(amount: Fraction) -> Decimal:
    """To ten digits after the point, for showing alone."""
    return Decimal(round(amount * 10**10)).scaleb(-10)
