"""Models that earlier releases saved load, and predict what they did."""

import json
import shutil
from pathlib import Path

import pytest
import spacy
from saved_models.make_saved_models import predictions

FOLDER = Path(__file__).parent
#: What the models of each folder predict; those of a date were saved in the format of that day.
EXPECTED = {
    folder: json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for folder in (FOLDER, FOLDER / "2026-11-29")
}
MODELS = [(folder, name) for folder, models in EXPECTED.items() for name in models]


def numbers(value):
    """Yield all numbers of nested data, each with where it stands."""
    if isinstance(value, float):
        yield (), value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from (((key, *place), number) for place, number in numbers(inner))


@pytest.mark.parametrize("folder", EXPECTED, ids=lambda folder: folder.name)
def test_there_is_a_model_for_each_prediction(folder):
    there = {path.name for path in folder.iterdir() if (path / "config.cfg").exists()}
    assert there == {*EXPECTED[folder]}


# Each release of spaCy warns of models saved by others.
@pytest.mark.filterwarnings("ignore:\\[W095\\]")
@pytest.mark.parametrize(("folder", "name"), MODELS, ids=lambda each: getattr(each, "name", each))
def test_model_saved_by_an_earlier_release_predicts_the_same(folder, name, tmp_path):
    model = shutil.copytree(folder / name, tmp_path / name)
    found = dict(numbers(predictions(spacy.load(model))))
    assert len(found) >= 10
    assert found == pytest.approx(dict(numbers(EXPECTED[folder][name])), rel=0, abs=1e-6)
