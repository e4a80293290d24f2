"""Plans are kept once, come back as they went, and are listed by name."""

from dataclasses import replace

import pytest
from offer_samples import NOW, tariff

from offer_decision.domain.facts import PlanLabel
from offer_decision.domain.plans import Plan, PlanState
from offer_decision.errors import PlanExists, PlanNotFound
from offer_decision.handlers.ports import Records


def plan(plan_id: str = "gold", state: PlanState = PlanState.ACTIVE, **fields) -> Plan:
    usual = {
        "display_name": plan_id.capitalize(),
        "description": "Größer, „schöner“ 😀",
        "tariff_document": tariff(),
        "tariff_digest": "0" * 64,
        "currency": "USD",
        "create_time": NOW,
        "update_time": NOW,
        "revision": 1,
    }
    return Plan(plan_id=plan_id, state=state, **usual | fields)


async def test_a_plan_comes_back_as_it_went(records: Records):
    await records.plans.add(plan())

    assert await records.plans.get("gold") == await records.plans.get("gold", lock=True) == plan()


async def test_a_name_is_taken_once(records: Records):
    await records.plans.add(plan())
    with pytest.raises(PlanExists):
        await records.plans.add(plan(display_name="Another"))

    assert await records.plans.get("gold") == plan()


async def test_a_change_is_written(records: Records):
    changed = replace(plan(), state=PlanState.RETIRED, tariff_document="{}", revision=2)
    await records.plans.add(plan())
    await records.plans.add(plan("silver"))
    await records.plans.save(changed)

    assert await records.plans.get_many(["gold", "silver", "lead"]) == {"gold": changed, "silver": plan("silver")}


async def test_what_is_not_there_is_not_found(records: Records):
    with pytest.raises(PlanNotFound):
        await records.plans.get("gold")


async def test_pages_are_by_name_byte_by_byte_and_of_one_state(records: Records):
    for plan_id in ("b", "a", "A", "a-1", "a.1", "B"):
        await records.plans.add(plan(plan_id, PlanState.DRAFT if plan_id == "a" else PlanState.ACTIVE))

    async def ids(state: PlanState | None, after: str, size: int) -> list[str]:
        return [one.plan_id for one in await records.plans.page(state, after, size)]

    assert await ids(None, "", 10) == ["A", "B", "a", "a-1", "a.1", "b"]
    assert await ids(None, "B", 2) == ["a", "a-1"]
    assert await ids(PlanState.ACTIVE, "B", 2) == ["a-1", "a.1"]
    assert await ids(PlanState.RETIRED, "", 10) == []


async def test_labels_say_what_a_plan_is_called_and_whether_it_is_sold(records: Records):
    await records.plans.add(plan("gold", PlanState.RETIRED))

    assert await records.plans.labels([]) == {}
    assert await records.plans.labels(["plans/gold", "plans/lead"]) == {
        "plans/gold": PlanLabel("Gold", PlanState.RETIRED)
    }
