"""Links lead somewhere, and the index names what there is."""

import re
from pathlib import Path

import pytest
from docs.pages import DOCS, PAGES, ROOT, name_of

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


def test_indexes_name_every_page():
    here = {*DOCS.glob("*.md"), *DOCS.glob("*/README.md")} - {INDEX}
    assert here <= _named(INDEX)
    assert {*DECISIONS} <= _named(DOCS / "decisions" / "README.md")


def _named(index: Path) -> set[Path]:
    return {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}


def test_decisions_are_listed_by_folders_that_exist():
    rows = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    folders = re.findall(r"^\| `([\w/]+)`", rows, re.MULTILINE)
    assert folders and all((ROOT / "seqpipe" / folder).is_dir() for folder in folders)


def test_architecture_names_every_folder_and_files_that_exist():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    folders = [path.parent for path in (ROOT / "seqpipe").glob("*/__init__.py")]
    assert all(f"| `{folder.name}/` |" in page for folder in folders)
    for file in re.findall(r"`((?:[a-z]+/)+\w+\.py)`", page):
        assert any((root / file).is_file() for root in (ROOT, ROOT / "seqpipe")), file


def test_decision_notes_have_their_four_parts_in_order_of_their_numbers():
    assert [int(note.name[:4]) for note in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for note in DECISIONS:
        headings = re.findall(r"^## (.+)$", note.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Summary", "Motivation", "Implementation", "Discussion"], note.name
