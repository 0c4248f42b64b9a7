"""Models to predict with: saved ones of earlier releases, and small ones of spaCy's."""

from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from seqpipe.inference import Predictor

SAVED = Path(__file__).parents[1] / "saved_models"
TEXTS = ["the gull near the reef", "an owl of Oak", "tidewater undermoss", "wave oak"]


@Language.component("fails_at_bang")
def fails_at_bang(doc):
    """Fail for texts with an exclamation mark, as a component with a fault in it does."""
    if "!" in doc.text:
        raise ValueError(f"there's a bang in {doc.text}")
    return doc


@pytest.fixture(scope="session")
def classifier():
    """Return a model of two classes."""
    return SAVED / "text-classifier"


@pytest.fixture
def predictor(classifier):
    return Predictor(classifier)


@pytest.fixture(scope="session")
def fragile(tmp_path_factory):
    """Return a model whose entities come from rules, and which fails for some texts."""
    folder = tmp_path_factory.mktemp("fragile") / "model"
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "CITY", "pattern": "Paris"}])
    nlp.add_pipe("fails_at_bang")
    nlp.to_disk(folder)
    return folder
