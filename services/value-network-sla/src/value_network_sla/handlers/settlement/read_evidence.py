"""How much of a bundle does a viewer get to see?"""

from collections.abc import Sequence

from apportioning.evidence.canonical import Bundle
from apportioning.evidence.view import EvidenceDetail, breach_view, session_view
from value_network_sla.errors import EvidenceNotFound
from value_network_sla.handlers.ports import Records
from value_network_sla.handlers.settlement.ports import KeptBundle
from value_network_sla.handlers.viewer import Viewer


async def read_evidence(records: Records, name: str, viewer: Viewer) -> tuple[KeptBundle, Bundle]:
    """The bundle as it is kept, and as it is shown. Raises EvidenceNotFound, also to a partner with no part in it."""
    kept = await records.settlement.evidence.get(name)
    if viewer.partner is None:
        return kept, kept.bundle
    if viewer.partner not in kept.parties:
        raise EvidenceNotFound(name)
    if kept.bundle["kind"] == "session":
        return kept, session_view(kept.bundle, viewer.partner, await _detail(records, kept.bundle, viewer.partner))
    if kept.bundle["kind"] == "breach":
        return kept, breach_view(kept.bundle, viewer.partner)
    return kept, kept.bundle


async def _detail(records: Records, bundle: Bundle, partner: str) -> EvidenceDetail:
    """The least that any of the partner's agreements of the session allows."""
    promises = bundle["promises"]
    shown: Sequence[object] = promises if isinstance(promises, Sequence) else ()
    book = await records.agreements.book()
    names = [each["name"] for each in shown if isinstance(each, dict) and each["partner"] == partner]
    allowed = {book.get(name).evidence for name in names}
    return EvidenceDetail.OWN_ONLY if EvidenceDetail.OWN_ONLY in allowed else EvidenceDetail.PSEUDONYMOUS
