"""The pages of the documentation, and their content."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(
        page
        for folder in ("docs", "pipelines", "plugins")
        for page in (ROOT / folder).rglob("*.md")
        if "runs" not in page.parts and ".pytest_cache" not in page.parts
    ),
]


#: What pages leave out of a pipeline file where it isn't the point.
LEFT_OUT = {
    "data": '[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "texts.jsonl"\n',
    "head": '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v1"\n',
}
ENCODER = '[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"\n'


def name_of(page: Path) -> str:
    """Return what tests call a page."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks that name their language."""
    pattern = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 2, found[1], found[2] or "", found[3])
        for found in pattern.finditer(text)
    ]


def section(page: Path, heading: str) -> str:
    """Return the content below a heading, up to the next one of any level."""
    pattern = rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)"
    found = re.search(pattern, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def table(page: Path, heading: str) -> dict[str, list[str]]:
    """Return the rows of the tables below a heading: what follows the first cell, by that."""
    rows = {}
    for line in section(page, heading).splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        key = re.fullmatch(r"\[?`([^`]+)`(?:\]\(.*\))?", cells[0]) if cells else None
        if key:
            assert key[1] not in rows
            rows[key[1]] = cells[1:]
    return rows


def value(cell: str):
    """Return the value that a cell shows as JSON in backticks; of other cells, the text."""
    text = cell.strip("`")
    return text if text == cell or text.startswith("$") else json.loads(text)


def shown(page: Path, heading: str, column: int) -> dict[str, object]:
    """Return the values of a table's column, by the first one."""
    return {key: value(cells[column]) for key, cells in table(page, heading).items()}


def completed(text: str) -> str:
    """Return a pipeline file with what it can't do without."""
    sections = re.findall(r"^\[(\w+)", text, re.MULTILINE)
    is_embedding = {"data", "embedder"} <= {*sections} and "encoder" not in sections
    if "[nlp]" not in text and not is_embedding:
        # A classifier and a language model are whole models, and have no head; several heads are in sections of their own.
        has_none = not {"classifier", "language_model", "heads"}.isdisjoint(sections)
        there = {*sections, "head"} if has_none else {*sections}
        text += "".join(f"\n{more}" for name, more in LEFT_OUT.items() if name not in there)
    if "encoder" in sections and "[encoder]" not in text:
        text += f"\n{ENCODER}"
    return text
