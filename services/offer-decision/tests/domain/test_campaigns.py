"""What a campaign may not say."""

import pytest
from offer_samples import campaign

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import check_campaign
from offer_decision.errors import InvalidValue


def test_a_least_saving_below_zero_is_refused():
    check_campaign(campaign(min_saving=Amount(0, "USD")))
    with pytest.raises(InvalidValue) as caught:
        check_campaign(campaign(min_saving=Amount(-1, "USD")))

    assert (caught.value.field, caught.value.expected) == ("campaign.min_saving", "0 or more")


def test_a_template_leaves_room_for_its_sister_that_names_a_plan():
    longest = "templates/" + "t" * 63
    check_campaign(campaign(template=longest))
    check_campaign(campaign(template=longest[: -len("-plan")], recommend_plan=True))
    with pytest.raises(InvalidValue) as caught:
        check_campaign(campaign(template=longest[: 1 - len("-plan")], recommend_plan=True))

    assert caught.value.field == "campaign.template"
