"""How do the tests write sessions?"""

from collections.abc import Callable, Mapping

import pytest

from apportioning.apportionment import Game, Promises, play
from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.span import Span, SpanKind
from apportioning.terms import LinkTerms, Policy, Terms
from apportioning.trace_tree import grow_tree
from apportioning.visits import Visits, collapse

_START_NS = 1_772_366_400_000_000_000


class Session:
    """A session written span by span; times are nanoseconds from its start."""

    def __init__(self, end: int) -> None:
        self.spans: list[Span] = []
        self.add("root", "", "services/head-end", "watch", SpanKind.SERVER, 0, end)

    def add(
        self,
        span: str,
        parent: str,
        sender: str,
        operation: str,
        kind: SpanKind,
        start: int,
        end: int,
        *,
        error: bool = False,
    ) -> "Session":
        made = Span(
            span.encode(), parent.encode(), sender, operation, kind, _START_NS + start, _START_NS + end, error=error
        )
        self.spans.append(made)
        return self

    def call(
        self,
        name: str,
        start: int,
        end: int,
        *,
        parent: str = "root",
        caller: str = "services/head-end",
        gap: int = 0,
        error: bool = False,
    ) -> "Session":
        """A call to the partner of that name, for the operation of that name; its SERVER span is `s-{name}`."""
        partner, half = f"partners/{name[0]}", gap // 2
        self.add(f"c-{name}", parent, caller, name, SpanKind.CLIENT, start, end)
        return self.add(
            f"s-{name}", f"c-{name}", partner, name, SpanKind.SERVER, start + half, end - gap + half, error=error
        )

    def block(self, name: str, start: int, end: int) -> "Session":
        """A span of ours around calls."""
        return self.add(name, "root", "services/head-end", name, SpanKind.INTERNAL, start, end)

    def visits(self) -> Visits:
        return collapse(grow_tree(self.spans, b"root"), {})

    def promises(self, budgets: Mapping[str, int], links: Mapping[str, LinkTerms] | None = None) -> Promises:
        """By operation; "watch" is the provider's own."""
        return [
            Terms(
                f"agreements/{visit.operation}",
                visit.partner,
                visit.operation,
                budgets[visit.operation],
                (links or {}).get(visit.operation),
            )
            if visit.operation in budgets
            else None
            for visit in self.visits().visits
        ]

    def game(
        self,
        budgets: Mapping[str, int],
        beside: Beside = NOTHING_KNOWN,
        links: Mapping[str, LinkTerms] | None = None,
    ) -> Game:
        found = play(self.visits(), self.promises(budgets, links), beside)
        assert found is not None
        return found


@pytest.fixture
def session() -> Callable[[int], Session]:
    return Session


@pytest.fixture
def parts_of() -> Callable[..., dict[str, int]]:
    """The parts of a game, by operation; of the way to a partner with a tilde before it."""

    def parts(game: Game, policy: Policy = Policy.SHAPLEY) -> dict[str, int]:
        return {
            ("~" if player.link else "") + player.agreement.removeprefix("agreements/"): part
            for player, part in game.apportion(policy, seed=1).parts.items()
        }

    return parts
