"""Links lead somewhere, and the index names what there is."""

import re
from pathlib import Path

import pytest
from docs.pages import DOCS, PAGES, name_of

INDEX = DOCS / "README.md"
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {link}"


def links(page: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_index_names_every_page():
    named = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(INDEX)}
    here = {*DOCS.glob("*.md"), *DOCS.glob("*/README.md"), *DECISIONS} - {INDEX}
    assert here <= named


def test_decision_notes_have_their_four_parts_in_order_of_their_numbers():
    assert [int(note.name[:4]) for note in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for note in DECISIONS:
        headings = re.findall(r"^## (.+)$", note.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Summary", "Motivation", "Implementation", "Discussion"], note.name
