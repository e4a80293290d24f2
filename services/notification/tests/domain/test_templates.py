"""Which text a customer gets, and which templates can't be."""

from datetime import UTC, datetime

import pytest

from notification.domain.placeholders import names_in, parse
from notification.domain.templates import LocalizedText, Template, check_texts, text_for
from notification.errors import InvalidTemplate, InvalidValue
from notification.store.shipped import shipped_templates

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def template(*languages: str) -> Template:
    return Template("t", tuple(LocalizedText(each, "Subject", "Body") for each in languages), NOW, NOW)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("de-AT", "de-AT"),
        ("DE-at", "de-AT"),
        ("de-CH", "de"),
        ("de", "de"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hans", "en"),
        ("de-x-formal", "de"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_the_language_falls_back_to_a_broader_one_and_then_to_the_first(wanted: str, got: str):
    assert text_for(template("en", "de", "de-AT", "zh-Hant"), wanted).language_code == got


def test_a_broader_language_does_not_fall_back_to_a_narrower_one():
    assert text_for(template("en", "de-AT"), "de").language_code == "en"


def test_a_language_comes_once():
    with pytest.raises(InvalidValue) as refused:
        check_texts(template("en", "de", "EN").texts)

    assert refused.value.field == "texts[2].language_code"


def test_a_template_without_texts_says_nothing():
    with pytest.raises(InvalidValue, match="at least one language"):
        check_texts(())


@pytest.mark.parametrize(
    ("subject", "body", "field"),
    [
        ("Two\nlines", "ok", "texts[0].subject"),
        ("Bcc:\r all", "ok", "texts[0].subject"),
        ("ok", "a\0b", "texts[0].body"),
        ("{", "ok", "texts[0].subject"),
        ("ok", "}", "texts[0].body"),
    ],
)
def test_texts_that_cannot_be(subject: str, body: str, field: str):
    with pytest.raises(InvalidTemplate) as refused:
        check_texts([LocalizedText("en", subject, body)])

    assert refused.value.field == field


def test_a_body_may_have_lines():
    check_texts([LocalizedText("en", "Subject", "One\n\tTwo\n")])


SPENT = {"spent", "limit", "percent", "cycle_end"}
LIMITS = {
    "near": {"spent", "limit", "percent", "period_end"},
    "reached": {"spent", "limit", "period_end"},
    "stopped": {"spent", "limit", "price", "price_unit", "next_limit", "period_end"},
    "last": {"spent", "limit", "price", "price_unit", "period_end"},
    "open": {"spent", "limit"},
    "unlimited": {"spent", "period_end"},
}
PARAMETERS = {
    "bill-held": {"bill", "billed", "expected", "difference"},
    "bill-shock": SPENT,
    "bill-shock-plan": SPENT | {"current_plan", "recommended_plan", "saving"},
    "service-degraded": {"service", "since"},
    "service-degraded-recovery": {"service", "since", "credit"},
    **{
        f"{family}-{stage}": said
        for family in ("data-roaming-limit", "spending-limit")
        for stage, said in LIMITS.items()
    },
}


def test_the_shipped_templates_say_the_same_in_each_language():
    """Whoever decides gives these parameters; a text that asks for another would never be sent."""
    shipped = dict(shipped_templates())

    assert {name: [text.language_code for text in texts] for name, texts in shipped.items()} == {
        name: ["en", "de", "es"] for name in PARAMETERS
    }
    for name, texts in shipped.items():
        for text in texts:
            needed = names_in(parse(text.subject, "subject")) | names_in(parse(text.body, "body"))
            assert needed == PARAMETERS[name] | {"customer_name", "action_url"}, (name, text.language_code)
