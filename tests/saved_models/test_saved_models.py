"""Models that earlier releases saved load, and predict what they did."""

import json
import shutil
from pathlib import Path

import pytest
import spacy
from saved_models.make_saved_models import predictions

FOLDER = Path(__file__).parent
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def numbers(value):
    """Yield all numbers of nested data, each with where it stands."""
    if isinstance(value, float):
        yield (), value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from (((key, *place), number) for place, number in numbers(inner))


def test_there_is_a_model_for_each_prediction():
    assert {path.name for path in FOLDER.iterdir() if (path / "config.cfg").exists()} == {*EXPECTED}


# Each release of spaCy warns of models saved by others.
@pytest.mark.filterwarnings("ignore:\\[W095\\]")
@pytest.mark.parametrize("name", EXPECTED)
def test_model_saved_by_an_earlier_release_predicts_the_same(name, tmp_path):
    model = shutil.copytree(FOLDER / name, tmp_path / name)
    found = dict(numbers(predictions(spacy.load(model))))
    assert len(found) >= 10
    assert found == pytest.approx(dict(numbers(EXPECTED[name])), rel=0, abs=1e-6)
