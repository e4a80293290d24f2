"""Which records are findings about, by the names that their sources gave them?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from billing_accuracy.domain.checking import Checked
from billing_accuracy.domain.evidence.records import contents
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.handlers.peers import Usage

MOST_RECORDS: Final = 20
"""Records named for a finding."""


async def with_evidence(results: Sequence[Checked], table: UsageTable, usage: Usage) -> list[Checked]:
    """The results, with records named where findings are about certain ones; asks for names only then."""
    about = [one.case.bill for one in results if any(one.rows)]
    if not about:
        return list(results)
    start, end = min(bill.start for bill in about), max(bill.end for bill in about)
    names = await usage.record_ids({bill.subscription for bill in about}, start, end)
    found = []
    for one in results:
        subscription = one.case.bill.subscription
        findings = []
        for finding, rows in zip(one.findings, one.rows or [()] * len(one.findings), strict=True):
            keys = dict.fromkeys((subscription, *content) for content in contents(table, rows[:MOST_RECORDS]))
            named = tuple(name for key in keys for name in names.get(key, ()))[:MOST_RECORDS]
            findings.append(replace(finding, evidence=named) if named else finding)
        found.append(replace(one, findings=tuple(findings)))
    return found
