"""What goes into the table `template` comes out of it."""

from dataclasses import replace
from datetime import timedelta

from notification.domain.templates import LocalizedText, Template
from notification.handlers.ports import Records


def template(template_id: str, now, *texts: LocalizedText) -> Template:
    return Template(template_id, texts or (LocalizedText("en", "S", 'B "{x}"\n'),), now, now)


async def test_templates_come_back_as_they_went_in(records: Records, now):
    both = {
        "a": template("a", now),
        "b": template("b", now, LocalizedText("de", "Grüße", "{y}"), LocalizedText("en", "S", "B")),
    }

    assert set(await records.templates.add(list(both.values()))) == {"a", "b"}
    assert await records.templates.get(["b", "a", "c"]) == both
    assert await records.templates.lock("a") == both["a"]
    assert await records.templates.lock("c") is None


async def test_one_that_is_there_is_left_alone(records: Records, now):
    await records.templates.add([template("a", now)])

    new = await records.templates.add([template("a", now, LocalizedText("de", "x", "y")), template("b", now)])

    assert list(new) == ["b"]
    assert (await records.templates.get(["a"]))["a"] == template("a", now)


async def test_a_change_is_written(records: Records, now):
    await records.templates.add([template("a", now), template("b", now)])
    changed = replace(template("a", now, LocalizedText("es", "x", "y")), update_time=now + timedelta(hours=1))

    await records.templates.save(changed)

    assert await records.templates.get(["a", "b"]) == {"a": changed, "b": template("b", now)}


async def test_pages_are_in_byte_order_of_the_name(records: Records, now):
    names = ["b", "A", "a", "a-1", "B"]
    await records.templates.add([template(name, now) for name in names])

    first = await records.templates.page("", 3)
    rest = await records.templates.page(first[-1].template_id, 9)

    assert [each.template_id for each in [*first, *rest]] == sorted(names)
