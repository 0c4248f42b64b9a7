"""The page of mistakes says what seqpipe says, and each mistake is reported at its place."""

import pytest
from mistakes import FILE, MISTAKES, PAGE, diagnostics, marked, ours, world


@pytest.fixture(scope="module", autouse=True)
def folder():
    """Work in a folder with the data of the page."""
    with world():
        yield


def test_there_are_sixty_mistakes():
    assert len(MISTAKES) == len(set(MISTAKES)) == 60


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.shown)
def test_mistake_is_reported_at_its_place_with_what_to_do_as_the_page_says(mistake):
    first = diagnostics(mistake)[0]
    assert marked(first.place) == mistake.marked
    if mistake.options:
        assert first.place.source == "command line"
    else:
        changed = mistake.text.split("\n")[first.place.line - 1]
        assert changed == first.place.text and changed not in FILE.split("\n")
    assert mistake.suggests in " ".join([first.message, first.label, *first.help])
    assert f"| {ours(mistake)} |" in PAGE.read_text(encoding="utf-8")
