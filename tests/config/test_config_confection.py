import pytest
from confection import Config, ConfigValidationError

from seqpipe.config import from_confection, read_text

TEXT = '[a]\nx = 1\n[a.optimizer]\nrate = "y"\n[b]\nx = 2\n'


def dressed(errors, **more):
    error = ConfigValidationError(errors=errors, **more)
    return from_confection(error, read_text(TEXT)).diagnostics


def test_an_error_gets_its_place():
    (found,) = dressed([{"loc": ["a", "optimizer", "rate"], "msg": "should be a float"}])
    assert (found.place.line, found.place.column, found.place.length) == (4, 8, 3)
    assert found.message == '"a.optimizer.rate" can\'t be used: should be a float'


def test_the_end_of_a_place_is_enough():
    (found,) = dressed([{"loc": ["model.optimizer", "rate"], "msg": "should be a float"}])
    assert found.place.line == 4


def test_an_end_that_fits_twice_isnt():
    (found,) = dressed([{"loc": ["other", "x"], "msg": "should be a float"}])
    assert found.place.line is None
    assert "what the file expands to" in found.label


@pytest.mark.parametrize("message", ["missing required argument: 'decay'", "Field required"])
def test_what_is_missing_is_reported_at_its_section(message):
    (found,) = dressed([{"loc": ["a", "optimizer", "decay"], "msg": message}])
    assert found.message == '"a.optimizer.decay" is missing'
    assert found.place.text == "[a.optimizer]"


@pytest.mark.parametrize(
    "message", ["unexpected argument: 'rate'", "Extra inputs are not permitted"]
)
def test_what_is_too_much_is_reported_at_its_name(message):
    (found,) = dressed([{"loc": ["optimizer", "rate"], "msg": message}])
    assert (found.place.line, found.place.column, found.place.length) == (4, 1, 4)


def test_an_error_without_places_keeps_its_description():
    error = ConfigValidationError(desc="something\nelse")
    found = from_confection(error, read_text(TEXT))
    assert "something else" in str(found)


def test_a_true_error_of_spacy_gets_its_place():
    import spacy

    text = '[training]\n[training.optimizer]\n@optimizers = "Adam.v1"\nlearn_rat = 1\n'
    with pytest.raises(ConfigValidationError) as caught:
        spacy.registry.fill(Config().from_str(text))
    (found,) = from_confection(caught.value, read_text(text)).diagnostics
    assert found.place.text == "learn_rat = 1"
