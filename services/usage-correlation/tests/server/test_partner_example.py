"""Does the partners' example record usage as it stands, over mutual TLS, and once?"""

import asyncio
import os
import sys
from pathlib import Path

from usage_acts import lines, summary
from usage_world import World

import cxmesh.usage.v1

EXAMPLE = Path(next(iter(cxmesh.usage.v1.__path__))).parents[3] / "examples" / "record_usage.py"
PATIENCE_SECONDS = 60


async def run(world: World, *arguments: str) -> str:
    """What the example prints to a partner with its own certificate."""
    files = world.certificates.issue("partner/roam-net")
    where = {
        "CXMESH_ADDRESS": world.service.address,
        "CXMESH_SERVER_NAME": "usage-correlation",
        "CXMESH_CA": str(files.ca),
        "CXMESH_CERTIFICATE": str(files.certificate),
        "CXMESH_KEY": str(files.key),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLE),
        *arguments,
        env={**os.environ, **where},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_a_partner_records_usage_once_however_often_it_is_sent(world: World) -> None:
    name = world.profile.hold()
    subscription = f"subscriptions/{name}"
    assert "1 accepted, 0 known already" in await run(
        world, "roam-net:switch-7", subscription, "2026-03-02T15:00:00Z", "180"
    )
    assert "0 accepted, 1 known already" in await run(
        world, "roam-net:switch-7", subscription, "2026-03-02T15:00:00Z", "180"
    )
    assert sum(count for count, _, _ in lines(await summary(world, name)).values()) == 1


async def test_a_partner_is_told_why_a_record_is_refused(world: World) -> None:
    told = await run(world, "roam-net", "subscriptions/nobodys", "2026-03-02T15:00:00Z", "180")
    assert "0 accepted, 0 known already" in told
    assert "record 0 refused: subscription: " in told
