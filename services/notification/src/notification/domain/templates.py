"""What can be said, in which languages, and which of them does a customer get?"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from notification.domain.placeholders import parse
from notification.errors import InvalidTemplate, InvalidValue


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """The words in one language."""

    language_code: str
    """BCP 47 tag."""
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Template:
    """What a message says, in every language that it can be said in."""

    template_id: str
    texts: tuple[LocalizedText, ...]
    """The first is for customers whose language is not there."""
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """The resource name."""
        return f"templates/{self.template_id}"


def check_texts(texts: Sequence[LocalizedText]) -> None:
    """Raise InvalidTemplate for what can't be read, InvalidValue for a language that comes twice."""
    if not texts:
        raise InvalidValue("texts", "a text in at least one language")
    seen: set[str] = set()
    for number, text in enumerate(texts):
        language = text.language_code.lower()
        if language in seen:
            expected = "each language once"
            raise InvalidValue(f"texts[{number}].language_code", expected, value=text.language_code)
        seen.add(language)
        _check_characters(f"texts[{number}].subject", text.subject, allowed="")
        _check_characters(f"texts[{number}].body", text.body, allowed="\n\t")
        parse(text.subject, f"texts[{number}].subject")
        parse(text.body, f"texts[{number}].body")


def text_for(template: Template, language_code: str) -> LocalizedText:
    """The text in the customer's language, else in a broader one (de-AT, then de), else the first (RFC 4647 lookup)."""
    by_language = {text.language_code.lower(): text for text in template.texts}
    found = (by_language[tag] for tag in _broader(language_code.lower()) if tag in by_language)
    return next(found, template.texts[0])


def _broader(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
        if len(tag.rpartition("-")[2]) == 1:  # a singleton such as the x of de-x-formal opens what was just cut off
            tag = tag.rpartition("-")[0]


def _check_characters(field: str, text: str, *, allowed: str) -> None:
    wrong = next((each for each in text if unicodedata.category(each) == "Cc" and each not in allowed), None)
    if wrong is not None:
        raise InvalidTemplate(field, "text without control characters", value=wrong)
