"""How is a held bill let go?"""

from dataclasses import replace

from billing_accuracy.domain.findings import HoldState, Release
from billing_accuracy.errors import NotHeld
from billing_accuracy.handlers.ports import BillCheck, Work


async def release_bill(work: Work, bill_check_id: str, release: Release) -> BillCheck:
    """Record who let it go and why, and tell the others. Raises BillCheckNotFound, NotHeld."""
    check = await work.checks.get(bill_check_id, lock=True)
    if check.hold_state is not HoldState.HELD:
        raise NotHeld(f"billChecks/{bill_check_id}", check.hold_state)
    released = replace(check, hold_state=HoldState.RELEASED, release=release)
    await work.checks.save_release(released)
    work.announce.bill_released(released)
    return released
