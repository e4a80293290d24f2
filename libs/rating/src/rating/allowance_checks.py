"""What is wrong with a version's allowances beyond the schema?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from typing import Any

from rating.allowance import MONEY
from rating.deck import Deck
from rating.money import parse_amount
from rating.nodes import Node, line_name, unit_of
from rating.services import BASE_UNIT, Service
from rating.source import Path, Source


def check_allowances(source: Source, path: Path, version: dict[str, Any], deck: Deck) -> None:
    """Note lines that don't exist or count in other units, amounts that are no whole units, keys that don't fit."""
    lines = {line_name(rate): BASE_UNIT[Service(rate["service"])] for rate in version.get("rates", ())}
    lines |= {rate.line: BASE_UNIT[rate.service] for rate in deck.rates}
    seen: set[str] = set()
    for index, node in enumerate(version.get("allowances", ())):
        at: Path = (*path, index)
        if node["id"] in seen:
            source.refuse((*at, "id"), node["id"], "an id that no other allowance has")
        seen.add(node["id"])
        _check_amounts(source, at, node)
        _check_covers(source, at, node, lines)


def _check_amounts(source: Source, path: Path, node: Node) -> None:
    base, scale = unit_of(node["unit"])
    if base == MONEY:
        for key in ("price", "block"):
            if key in node:
                source.refuse((*path, key), key, "no such key: money pays, it covers no usage", at_key=True)
        return
    block = node.get("block", {})
    for at, text in (((*path, "amount"), node["amount"]), ((*path, "block", "size"), block.get("size", "1"))):
        amount = parse_amount(text) * scale
        if amount.denominator != 1 or amount <= 0:
            source.refuse(at, text, f"a whole number of {base}s, more than 0")


def _check_covers(source: Source, path: Path, node: Node, lines: dict[str, str]) -> None:
    base, _ = unit_of(node["unit"])
    seen: set[str] = set()
    for index, covered in enumerate(node["covers"]):
        at: Path = (*path, "covers", index)
        line = covered["line"]
        if line not in lines:
            source.refuse((*at, "line"), line, f"one of the lines: {', '.join(lines)}")
        elif base not in (MONEY, lines[line]):
            source.refuse((*at, "line"), line, f"a line that counts {base}s; this one counts {lines[line]}s")
        if line in seen:
            source.refuse((*at, "line"), line, "each line once")
        seen.add(line)
        if "factor" in covered and (base == MONEY or parse_amount(covered["factor"]) <= 0):
            expected = "no factor, for money pays one to one" if base == MONEY else "a factor of more than 0"
            source.refuse((*at, "factor"), covered["factor"], expected)
