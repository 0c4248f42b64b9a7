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


@pytest.fixture(scope="session")
def deadly(tmp_path_factory):
    """Return a model that ends its process at some texts; where that's written to a file, only once."""
    module = tmp_path_factory.mktemp("site")
    (module / "module_of_a_deadly_model.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from spacy.language import Language\n"
        "@Language.component('dies')\n"
        "def dies(doc):\n"
        "    if doc.text.startswith('die'):\n"
        "        os.kill(os.getpid(), 9)\n"
        "    if doc.text.startswith('once'):\n"
        "        mark = Path(doc.text.split()[1])\n"
        "        if not mark.exists():\n"
        "            mark.touch()\n"
        "            os.kill(os.getpid(), 9)\n"
        "    return doc\n"
    )
    folder = module / "model"
    return module, folder


@pytest.fixture
def make_deadly(deadly, monkeypatch):
    module, folder = deadly
    monkeypatch.syspath_prepend(str(module))
    # Processes that are started find it too.
    monkeypatch.setenv("PYTHONPATH", str(module))
    import module_of_a_deadly_model  # noqa: F401

    if not folder.exists():
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "X", "pattern": "wave"}])
        nlp.add_pipe("dies")
        nlp.to_disk(folder)
    return folder


class Importing(Predictor):
    """A predictor whose process knows the component."""

    def __setstate__(self, state):
        import module_of_a_deadly_model  # noqa: F401

        self.__dict__.update(state)
