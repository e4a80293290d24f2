"""Which usage counts towards which limit, at what price, with and without tax?"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from limit_samples import (
    FRANCE,
    HOME,
    SWITZERLAND,
    TRIP,
    VAT_ADDED,
    VAT_CONTAINED,
    data,
    euro_document,
    limit_policy,
    metered_alone,
    plan_usage,
    terms,
)
from value_samples import share

from rating import Service, load_tariff, rate_lines
from usage_correlation.domain.limits.metering import MeteredRecord, quote
from usage_correlation.domain.limits.policies import LimitScope, Place, TaxBasis

EVERYWHERE = [data(1, network=each, minutes=number) for number, each in enumerate(("", HOME, FRANCE, SWITZERLAND))]


def counted(scope: LimitScope, rows: list[tuple[Service, object, int, str]] | None = None) -> list[int]:
    """Rows that count."""
    usage = plan_usage(rows or EVERYWHERE)  # type: ignore[arg-type]  # rows as plan_usage takes them
    return [record.row for record in metered_alone(usage, limit_policy(scope=scope))]


@pytest.mark.parametrize(
    ("scope", "rows"),
    [
        (LimitScope(), [0, 1, 2, 3]),
        (LimitScope(place=Place.ROAMING), [2, 3]),
        (LimitScope(place=Place.HOME), [0, 1]),
        (LimitScope(roaming_zones=("eu",)), [2]),
        (LimitScope(roaming_zones=("world",)), [3]),
        (LimitScope(visited_networks=("208", "228")), [2, 3]),
        (LimitScope(visited_networks=("20802",)), []),
        (LimitScope(services=(Service.VOICE,)), []),
        (LimitScope(services=(Service.DATA, Service.VOICE)), [0, 1, 2, 3]),
    ],
)
def test_a_record_counts_when_it_fits_all_that_the_scope_says(scope: LimitScope, rows: list[int]) -> None:
    assert counted(scope) == rows


def test_what_costs_nothing_counts_towards_nothing() -> None:
    assert counted(LimitScope(), [data(0), data(1)]) == [1]


def test_usage_in_another_currency_is_not_counted() -> None:
    assert metered_alone(plan_usage([data(1)]), limit_policy(currency="USD")) == []


def test_records_come_in_the_order_in_which_they_began() -> None:
    usage = plan_usage([data(1, minutes=5), data(1, minutes=1), data(1, minutes=1)])
    assert [record.row for record in metered_alone(usage, limit_policy())] == [1, 2, 0]


@pytest.mark.parametrize(
    ("taxes", "excluded", "included"),
    [("", "2", "2"), (VAT_ADDED, "2", "12/5"), (VAT_CONTAINED, "8/5", "2")],
)
def test_costs_are_on_the_tax_basis_asked_for(taxes: str, excluded: str, included: str) -> None:
    (record,) = metered_alone(plan_usage([data(1)], more=taxes), limit_policy())
    assert record.cost(TaxBasis.EXCLUDED) == Fraction(excluded)
    assert record.cost(TaxBasis.INCLUDED) == Fraction(included)


def one(network: str, taxes: str = "") -> MeteredRecord:
    (record,) = metered_alone(plan_usage([data(7, network=network)], more=taxes), limit_policy())
    return record


def test_the_price_quoted_is_that_of_a_megabyte_in_the_same_network() -> None:
    found = quote(one(SWITZERLAND), limit_policy())
    assert (found.service, found.quantity, found.visited_network) == (Service.DATA, 1_000_000, SWITZERLAND)
    assert found.price == 10


def test_the_price_quoted_is_on_the_policys_tax_basis() -> None:
    policy = limit_policy(tax_basis=TaxBasis.INCLUDED, price_quantity=500_000)
    assert quote(one(FRANCE, VAT_ADDED), policy).price == Fraction("1.2")


def test_what_an_allowance_covers_does_not_count_and_further_usage_is_quoted_without_it() -> None:
    covered = '    allowances: [{id: trip, name: Trip, unit: byte, amount: "5000000", covers: [{line: data.eu}]}]'
    tariff = load_tariff(euro_document(more=covered))
    from rating import Account, Ledger, rate_lines  # noqa: PLC0415 - for this test alone
    from usage_correlation.domain.rated import PlanUsage  # noqa: PLC0415 - for this test alone

    simple = plan_usage([data(1)])
    ledger = Ledger.of(tariff, [Account()])
    lines = rate_lines(simple.columns, tariff, None, ledger)
    usage = PlanUsage("roamer", tariff, simple.rows, simple.columns, simple.accounts, lines, found_costs=((0,), 1))
    assert metered_alone(usage, limit_policy()) == []
    half = PlanUsage("roamer", tariff, simple.rows, simple.columns, simple.accounts, lines, found_costs=((1,), 2))
    (record,) = metered_alone(half, limit_policy())
    assert (record.amount, quote(record, limit_policy()).price) == (Fraction(1, 2), 2)


def test_more_of_a_record_with_a_price_of_its_own_is_quoted_at_its_percentage() -> None:
    tariff, scope = load_tariff(share("share", "25", currency="EUR")), LimitScope(services=(Service.CONTENT,))
    usage = plan_usage([(Service.CONTENT, TRIP, 1, "")], tariff=tariff)
    columns = replace(usage.columns, value_micros=np.array([4_990_000], np.int64))
    usage = replace(usage, columns=columns, lines=rate_lines(columns, tariff, usage.accounts))
    (record,) = metered_alone(usage, limit_policy(scope=scope))
    found = quote(record, limit_policy(scope=scope))
    assert (found.quantity, found.price, record.amount) == (1, Fraction("1.2475"), Fraction("1.2475"))


def test_terms_that_cannot_be_are_refused_with_their_field() -> None:
    from usage_correlation.errors import InvalidValue  # noqa: PLC0415 - for this test alone

    for changes, field in [
        ({"currency": "EURO"}, "limit.currency_code"),
        ({"limit_nanos": 0}, "limit"),
        ({"notice_percents": (80, 50)}, "notice_percents"),
        ({"further_limits_nanos": (1,)}, "further_limits"),
        ({"offered_limits_nanos": (0,)}, "offered_limits"),
        ({"scope": LimitScope(place=Place.HOME, roaming_zones=("eu",))}, "scope.place"),
    ]:
        with pytest.raises(InvalidValue) as raised:
            terms(**changes).check()
        assert raised.value.field == f"limit_policy.{field}"
