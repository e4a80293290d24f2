"""Are the values of an enum told apart from those that nobody knows?"""

from enum import StrEnum

import pytest

from cxmesh.profile.v1 import customer_pb2
from mesh.api import Codes


class State(StrEnum):
    PROSPECT = "prospect"
    ACTIVE = "active"
    FORMER = "former"


class WrongError(Exception):
    def __init__(self, field: str, expected: str, *, value: object) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}")


CODES = Codes(customer_pb2.LifeCycleState, State, WrongError)


@pytest.mark.parametrize("state", State)
def test_a_value_comes_back_as_it_went(state: State) -> None:
    assert CODES.find(CODES.wire(state)) is CODES.get(CODES.wire(state), "state") is state


def test_a_value_is_that_of_the_contract() -> None:
    assert CODES.wire(State.FORMER) == customer_pb2.LIFE_CYCLE_STATE_FORMER


@pytest.mark.parametrize(("number", "shown"), [(0, "'unspecified'"), (99, "99")])
def test_what_nobody_knows_is_refused_in_the_services_words(number: int, shown: str) -> None:
    assert CODES.find(number) is None
    with pytest.raises(WrongError, match=f"state: got {shown}, expected one of prospect, active, former"):
        CODES.get(number, "state")


def test_a_member_that_the_contract_lacks_is_found_at_once() -> None:
    class Other(StrEnum):
        LOST = "lost"

    with pytest.raises(ValueError, match="LIFE_CYCLE_STATE_LOST"):
        Codes(customer_pb2.LifeCycleState, Other, WrongError)
