"""Is there what the pages name: files, calls, other pages?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "libs/*/*.md", "libs/*/docs/*.md", "services/*/**/*.md")
    for page in ROOT.glob(pattern)
)
REQUIREMENTS = (ROOT / "docs/requirements.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


def test_every_file_that_shows_a_requirement_is_there() -> None:
    whole = set(re.findall(r"`((?:libs|services|tests)/[\w./-]+)`", REQUIREMENTS))
    ends = set(re.findall(r"`…/([\w./-]+)`", REQUIREMENTS))
    assert len(whole) > 20
    assert len(ends) > 10
    assert {each for each in whole if not (ROOT / each).exists()} == set()
    assert {each for each in ends if not any(ROOT.glob(f"*/*/tests/**/{each}"))} == set()


def test_every_call_that_meets_a_requirement_is_in_the_contract() -> None:
    protos = "".join(file.read_text() for file in (ROOT / "protos/api").rglob("*.proto"))
    offered = set(re.findall(r"^(?:service|  rpc) (\w+)", protos, re.MULTILINE))
    named = set(re.findall(r"`([A-Z][A-Za-z0-9]+)`", REQUIREMENTS))
    assert len(named) > 40
    assert named <= offered
