"""Are documents refused whose prices and allowances don't fit together?"""

import pytest

from rating import DocumentError, load_tariff

HEAD = """
format: cxmesh-tariff/1
id: rich
name: Rich
currency: EUR
time_zone: Europe/Vienna
versions:
  - from: "2026-01-01"
"""
CALLS = '{service: voice, line: calls, price: "0.01", per: second}'


@pytest.mark.parametrize(
    ("rates", "allowances", "path"),
    [
        ("{service: voice, price: '1', per: second, flat: '1'}", "", "rates[0]"),
        ("{service: voice}", "", "rates[0]"),
        ("{service: sms, flat: '1', connection_fee: '1'}", "", "rates[0].connection_fee"),
        ("{service: voice, graduated: [{up_to: 5, price: '1', per: second}]}", "", "rates[0].graduated[0].up_to"),
        ("{service: sms, volume: [{price: '1'}, {price: '2'}]}", "", "rates[0].volume[0]"),
        (
            "{service: sms, volume: [{up_to: 5, price: '1'}, {up_to: 5, price: '1'}, {price: '2'}]}",
            "",
            "rates[0].volume[1].up_to",
        ),
        ("{service: voice, graduated: [{price: '1'}]}", "", "rates[0].graduated[0]"),
        ("{service: voice, package: {size: byte, price: '1'}}", "", "rates[0].package.size"),
        ("{service: sms, flat: '1', per: message}", "", "rates[0].per"),
        (
            "{service: sms, package: {size: 5, price: '1'}, maximum: {amount: '1', then: cut_off}}",
            "",
            "rates[0].maximum.then",
        ),
        (CALLS, "{id: a, name: A, unit: byte, amount: '1', covers: [{line: calls}]}", "allowances[0].covers[0].line"),
        (CALLS, "{id: a, name: A, unit: second, amount: '1', covers: [{line: x}]}", "allowances[0].covers[0].line"),
        (CALLS, "{id: a, name: A, unit: second, amount: '0', covers: [{line: calls}]}", "allowances[0].amount"),
        (CALLS, "{id: a, name: A, unit: second, amount: '0.5', covers: [{line: calls}]}", "allowances[0].amount"),
        (
            CALLS,
            "{id: a, name: A, unit: money, amount: '1', price: '1', covers: [{line: calls}]}",
            "allowances[0].price",
        ),
        (
            CALLS,
            "{id: a, name: A, unit: second, amount: '1', covers: [{line: calls, factor: '0'}]}",
            "allowances[0].covers[0].factor",
        ),
        (
            CALLS,
            "{id: a, name: A, unit: second, amount: '1', covers: [{line: calls}, {line: calls}]}",
            "allowances[0].covers[1].line",
        ),
    ],
)
def test_what_does_not_fit_is_refused(rates: str, allowances: str, path: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load_tariff(f"{HEAD}    rates: [{rates}]\n" + (f"    allowances: [{allowances}]\n" if allowances else ""))
    assert f"versions[0].{path}" in [problem.path for problem in refused.value.problems]
