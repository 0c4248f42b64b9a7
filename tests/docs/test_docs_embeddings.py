"""The page about embeddings says what the scorers do."""

import importlib.metadata
import inspect

import pytest
from docs.pages import DOCS, shown

PAGE = DOCS / "embeddings.md"


def scorers():
    found = importlib.metadata.entry_points(group="spacy_scorers")
    return [each for each in found if each.name.startswith("seqpipe.")]


def test_there_are_scorers():
    assert {each.name for each in scorers()} >= {
        "seqpipe.WordSimilarity.v1",
        "seqpipe.Analogies.v1",
    }


@pytest.mark.parametrize("scorer", scorers(), ids=lambda entry: entry.name)
def test_page_lists_every_setting_of_a_scorer_with_its_default(scorer):
    parameters = inspect.signature(scorer.load()).parameters.values()
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters)
    expected = {
        each.name: "required" if each.default is inspect.Parameter.empty else each.default
        for each in parameters
    }
    assert shown(PAGE, scorer.name, 0) == expected
