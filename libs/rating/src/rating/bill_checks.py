"""What is wrong with a version's bill rules beyond the schema?

Any in this module: nodes of a document that the schema has passed, so that their shape is known.
"""

from typing import Any

from rating.deck import Deck
from rating.money import parse_amount
from rating.nodes import line_name
from rating.source import Path, Source

BILL_RULES = ("one_offs", "commitment", "discounts", "taxes")
"""The sections of a version that speak of bills as a whole."""


def check_bill_rules(source: Source, path: Path, version: dict[str, Any], deck: Deck) -> None:
    """Note rules for lines that no bill has, ids used twice, and percentages over 100 in discounts."""
    lines = {line_name(rate) for rate in version.get("rates", ())} | {rate.line for rate in deck.rates}
    lines |= {charge.get("line", "recurring") for charge in version.get("recurring", ())}
    lines |= {charge.get("line", "one_off") for charge in version.get("one_offs", ())}
    if "commitment" in version:
        _check_lines(source, (*path, "commitment"), version["commitment"], lines)
        lines.add(version["commitment"].get("line", "commitment"))
    for section in ("one_offs", "discounts", "taxes"):
        seen: set[str] = set()
        for index, node in enumerate(version.get(section, ())):
            if node["id"] in seen:
                source.refuse((*path, section, index, "id"), node["id"], f"an id that none of the other {section} has")
            seen.add(node["id"])
            _check_lines(source, (*path, section, index), node, lines)
    for index, discount in enumerate(version.get("discounts", ())):
        if "percent" in discount and parse_amount(discount["percent"]) > 100:  # noqa: PLR2004  # the whole
            source.refuse((*path, "discounts", index, "percent"), discount["percent"], "a percentage of at most 100")


def _check_lines(source: Source, path: Path, node: dict[str, Any], lines: set[str]) -> None:
    for index, line in enumerate(node.get("lines", ())):
        if line not in lines:
            source.refuse((*path, "lines", index), line, f"one of the lines: {', '.join(sorted(lines))}")
