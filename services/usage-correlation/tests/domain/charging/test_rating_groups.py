"""Which documents of rating groups can be used, and what do they say?"""

import pytest

from rating import Service
from usage_correlation.domain.charging.rating_groups import RatingGroups, RatingGroupsRefused, load_rating_groups
from usage_correlation.domain.charging.requests import Kind, Units

HEAD = "format: cxmesh-rating-groups/1\nrating_groups:\n"


def test_a_document_says_what_its_groups_are() -> None:
    groups = load_rating_groups(HEAD + "  - {rating_group: 7, service: content, destination: music, usual_grant: 3}")
    found = groups.find(7, Kind.PDU_SESSION)
    assert found is not None
    assert (found.service, found.destination, found.usual_grant, found.quota) == (Service.CONTENT, "music", 3, True)


@pytest.mark.parametrize(
    ("kind", "service"), [(Kind.PDU_SESSION, Service.DATA), (Kind.SMS, Service.SMS), (Kind.IMS, Service.VOICE)]
)
def test_a_group_that_is_not_listed_is_what_the_request_is_about(kind: Kind, service: Service) -> None:
    found = RatingGroups().find(1, kind)
    assert found is not None
    assert found.service is service
    assert RatingGroups().find(1, Kind.OTHER) is None


def test_a_group_counts_the_units_of_its_service() -> None:
    units = Units(seconds=1, octets=2, events=3)
    for service, quantity in ((Service.VOICE, 1), (Service.DATA, 2), (Service.SMS, 3), (Service.IPTV, 3)):
        found = load_rating_groups(HEAD + f"  - {{rating_group: 1, service: {service}}}").find(1, Kind.OTHER)
        assert found is not None
        assert found.quantity(units) == quantity
        assert found.quantity(Units()) is None


WRONG = {
    "no YAML": ("a: [", "no YAML"),
    "a list": ("[]", "format"),
    "another format": ("format: x", "format"),
    "no groups": ("format: cxmesh-rating-groups/1", "rating_groups"),
    "an unknown field": (HEAD + "  - {rating_group: 1, service: data}\nmore: 1", "more"),
    "no mapping": (HEAD + "  - 7", "rating_groups[0]"),
    "an unknown word": (HEAD + "  - {rating_group: 1, service: data, colour: red}", "rating_groups[0].colour"),
    "no number": (HEAD + "  - {service: data}", "rating_groups[0].rating_group"),
    "a truth": (HEAD + "  - {rating_group: true, service: data}", "rating_groups[0].rating_group"),
    "too large": (HEAD + "  - {rating_group: 4294967296, service: data}", "rating_groups[0].rating_group"),
    "no service": (HEAD + "  - {rating_group: 1}", "rating_groups[0].service"),
    "another service": (HEAD + "  - {rating_group: 1, service: tea}", "rating_groups[0].service"),
    "quota in words": (HEAD + '  - {rating_group: 1, service: data, quota: "no"}', "rating_groups[0].quota"),
    "nothing granted": (HEAD + "  - {rating_group: 1, service: data, usual_grant: 0}", "rating_groups[0].usual_grant"),
    "a long name": (
        HEAD + f"  - {{rating_group: 1, service: data, destination: {'x' * 65}}}", "rating_groups[0].destination",
    ),
    "twice": (HEAD + "  - {rating_group: 1, service: data}\n  - {rating_group: 1, service: sms}", "rating_groups[1]"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_document_that_cannot_be_used_names_the_problem(name: str) -> None:
    text, path = WRONG[name]
    with pytest.raises(RatingGroupsRefused) as refused:
        load_rating_groups(text)
    assert any(problem.startswith(path) for problem in refused.value.problems)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RatingGroupsRefused) as refused:
        load_rating_groups(HEAD + "  - {rating_group: -1, service: data}\n  - {rating_group: 1, service: tea}")
    assert len(refused.value.problems) == 2
