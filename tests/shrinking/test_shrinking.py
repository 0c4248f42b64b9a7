"""Smaller models: that they predict as the original, load as any other, and are there whole or not at all."""

import json
import pickle

import numpy as np
import pytest
import spacy
from e2e.small_world import python
from safetensors.numpy import save_file

from seqpipe import Predictor, storage
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.inference import load_pipeline
from seqpipe.shrinking import Settings, parse_size, shrink, shrink_to_size
from seqpipe.shrinking._pack import pack_files, pack_table
from seqpipe.storage.packed_arrays import Half
from seqpipe.storage.part_files import write_arrays


def scores(nlp, texts):
    return np.array([[*doc.cats.values()] for doc in nlp.pipe([text for text, _ in texts])])


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def expected(model, texts):
    """Return the scores of the original, loaded for them alone."""
    return scores(load_pipeline(str(model)), texts)


@pytest.mark.parametrize(
    ("settings", "tolerance", "agreement", "share"),
    [
        (Settings("float16"), 1e-2, 0.99, 0.6),
        (Settings("int8"), 0.05, 0.98, 0.45),
        (Settings("float16", quantize=True), 0.3, 0.95, 0.4),
    ],
    ids=str,
)
def test_smaller_model_predicts_as_the_original(
    nlp, model, texts, expected, tmp_path, settings, tolerance, agreement, share
):
    shrunk = shrink(nlp, tmp_path / "small", settings)
    # The original stays as it is.
    np.testing.assert_array_equal(scores(nlp, texts), expected)
    assert "shrunk" not in nlp.meta
    found = scores(load_pipeline(str(tmp_path / "small")), texts)
    assert np.abs(found - expected).max() < tolerance
    assert (found.argmax(1) == expected.argmax(1)).mean() >= agreement
    assert np.abs(found - expected).max() > 0
    after = sum(shrunk.after.values())
    assert after == size_of(tmp_path / "small") < share * size_of(model)


def test_texts_are_of_both_classes_and_told_apart(nlp, texts):
    # Or predictions that agree would prove nothing.
    labels = [max(doc.cats, key=doc.cats.get) for doc in nlp.pipe([text for text, _ in texts])]
    right = [label == truth for label, (_, truth) in zip(labels, texts, strict=True)]
    assert sum(right) / len(right) > 0.8 and 60 < labels.count("hard") < 140


def test_words_that_are_kept_have_the_same_vectors(nlp, tmp_path):
    embedder = nlp.vocab.vectors.embedder
    shrink(nlp, tmp_path / "small", Settings("float32", vocabulary=100))
    small = load_pipeline(str(tmp_path / "small")).vocab.vectors.embedder
    assert list(small.vocabulary) == list(embedder.vocabulary)[:100]
    np.testing.assert_array_equal(small.embed(small.vocabulary), embedder.embed(small.vocabulary))
    # A word that was left out has a vector from its parts still.
    left_out = list(embedder.vocabulary)[100:110]
    assert (np.abs(small.embed(left_out)).max(axis=1) > 0).all()


def test_nothing_of_the_vocabulary_is_kept_twice(nlp, tmp_path):
    shrunk = shrink(nlp, tmp_path / "small", Settings())
    assert shrunk.before["vocab/vectors"] > 10_000 and shrunk.after["vocab/vectors"] < 200
    strings = json.loads((tmp_path / "small" / "vocab" / "strings.json").read_text())
    assert sorted(strings) == ["hard", "soft"]


def test_strings_stay_where_a_component_may_refer_to_them(model, tmp_path):
    nlp = load_pipeline(str(model))
    nlp.add_pipe("attribute_ruler", first=True)
    shrink(nlp, tmp_path / "small", Settings())
    strings = json.loads((tmp_path / "small" / "vocab" / "strings.json").read_text())
    assert set(nlp.vocab.vectors.embedder.vocabulary) <= set(strings)


def test_it_is_used_as_any_other(nlp, texts, tmp_path):
    shrink(nlp, tmp_path / "small", Settings("int8"))
    storage.verify_folder(tmp_path / "small")
    code = f"import spacy; nlp = spacy.load({str(tmp_path / 'small')!r}); print(nlp({texts[0][0]!r}).cats)"
    small = spacy.load(tmp_path / "small")
    assert python(code, cwd=tmp_path).strip() == str(small(texts[0][0]).cats)
    predictor = pickle.loads(pickle.dumps(Predictor(tmp_path / "small")))
    assert predictor.predict([texts[0][0]])[0]["label"] in ("hard", "soft")
    assert spacy.blank("en").from_bytes(small.to_bytes(), exclude=["vocab"]) is not None


def test_saved_again_it_has_its_numbers_in_full(nlp, texts, tmp_path):
    shrink(nlp, tmp_path / "small", Settings("int8"))
    small = load_pipeline(str(tmp_path / "small"))
    small.to_disk(tmp_path / "again")
    again = load_pipeline(str(tmp_path / "again"))
    np.testing.assert_array_equal(scores(again, texts), scores(small, texts))
    assert size_of(tmp_path / "again") > 2 * size_of(tmp_path / "small")
    assert again.meta["shrunk"]["dtype"] == "int8"


def test_model_says_what_was_done_to_it_and_is_not_shrunk_twice(nlp, tmp_path):
    shrink(nlp, tmp_path / "small", Settings(vocabulary=50))
    meta = json.loads((tmp_path / "small" / "meta.json").read_text())
    expected = {"dtype": "float16", "quantize": False, "vocabulary": 50, "subwords": None}
    assert meta["shrunk"] == expected
    small = load_pipeline(str(tmp_path / "small"))
    with pytest.raises(SavedModelError, match=r'was shrunk before, by \{"dtype": "float16"'):
        shrink(small, tmp_path / "smaller", Settings("int8"))
    assert not (tmp_path / "smaller").exists()


def test_same_settings_give_the_same_bytes(nlp, tmp_path):
    for name in ("one", "two"):
        shrink(nlp, tmp_path / name, Settings("int8", quantize=True))
    for file in (file for file in (tmp_path / "one").rglob("*") if file.is_file()):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert other.read_bytes() == file.read_bytes(), file


def test_size_is_kept_by_the_gentlest_settings(nlp, model, tmp_path):
    tried = []
    whole = size_of(model)
    shrunk = shrink_to_size(nlp, tmp_path / "half", whole * 6 // 10, on_try=tried.append)
    assert shrunk.settings == Settings("float16") and tried == [Settings("float16")]
    least = (model / "tokenizer").stat().st_size + 48_000
    shrunk = shrink_to_size(nlp, tmp_path / "least", least, on_try=tried.append)
    assert size_of(tmp_path / "least") <= least
    assert shrunk.settings.quantize and 5 < shrunk.settings.vocabulary < 600
    # Not by far, either.
    assert size_of(tmp_path / "least") > 0.85 * least


def test_size_of_a_manifest_is_known_before_it_is_written(tmp_path):
    sizes = []

    def write(folder):
        for name in ("a", "é" * 100, "in/deep"):
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(name)
        (folder / ".hidden").write_text("")
        sizes.append(storage.manifest_size(folder))

    storage.write_folder(tmp_path / "model", write)
    assert sizes == [(tmp_path / "model" / "seqpipe-manifest.json").stat().st_size]


def test_size_that_cannot_be_reached_is_refused_with_the_least_that_was(nlp, tmp_path):
    with pytest.raises(SavedModelError, match=r"as small as 10\.0 kB: the least that was reached"):
        shrink_to_size(nlp, tmp_path / "small", 10_000)
    assert list(tmp_path.iterdir()) == []


def test_model_with_nothing_to_shrink_is_refused(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    blank = load_pipeline(str(tmp_path / "blank"))
    with pytest.raises(SavedModelError, match="there's nothing to shrink: by float16"):
        shrink(blank, tmp_path / "small", Settings())
    for settings in (Settings(vocabulary=5), Settings(quantize=True)):
        with pytest.raises(EmbedderError, match="no embedder of seqpipe's"):
            shrink(blank, tmp_path / "small", settings)
    tried = []
    with pytest.raises(SavedModelError, match="the least that was reached is"):
        shrink_to_size(blank, tmp_path / "small", 1000, on_try=tried.append)
    assert tried == [Settings("float16"), Settings("int8")]
    assert [each.name for each in tmp_path.iterdir()] == ["blank"]


def test_files_of_other_formats_stay_as_they_are(tmp_path):
    arrays = {"table": np.ones((200, 30), np.float32)}
    write_arrays(tmp_path / "ours.safetensors", arrays)
    save_file(arrays, tmp_path / "theirs.safetensors", {"format": "pt"})
    theirs, size = (tmp_path / "theirs.safetensors").read_bytes(), size_of(tmp_path)
    pack_files(tmp_path, Half.of)
    assert (tmp_path / "theirs.safetensors").read_bytes() == theirs
    assert size_of(tmp_path) < size - 10_000


def test_numbers_that_are_not_finite_stay_as_they_are():
    table = np.ones((2000, 30), np.float32)
    table[7, 7] = np.inf
    for settings in (Settings("float16"), Settings("int8"), Settings("int8", quantize=True)):
        assert pack_table(table, settings) is None


def test_model_that_is_small_enough_is_refused(nlp, tmp_path):
    with pytest.raises(
        SavedModelError, match=r"there's nothing to shrink: the model has [\d.]+ MB"
    ):
        shrink_to_size(nlp, tmp_path / "small", 10**9)


@pytest.mark.parametrize("place", ["model-best", "model-best/small", "."])
def test_original_is_not_replaced(nlp, model, place):
    with pytest.raises(ConfigError, match="can't be in the place of the old one"):
        shrink(nlp, model.parent / place, Settings())


def test_part_whose_files_cannot_be_packed_leaves_nothing(nlp, tmp_path, monkeypatch):
    embedder = nlp.vocab.vectors.embedder

    def read(embedder, path):
        raise ValueError("read by other means")

    monkeypatch.setattr(type(embedder), "from_disk", read)
    with pytest.raises(
        SavedModelError, match=r"couldn't be loaded, so it wasn't saved.*other means"
    ):
        shrink(nlp, tmp_path / "small", Settings())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "int4"}, "`dtype` is 'int4'; it should be float32, float16 or int8"),
        ({"vocabulary": 0}, "`vocabulary` is 0"),
        ({"subwords": -1}, "`subwords` is -1"),
        ({"dtype": "float32"}, "there's nothing to do"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**settings)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5MB", 5_000_000),
        ("800 kB", 800_000),
        ("1.5MiB", 1_572_864),
        ("77", 77),
        ("2gb", 2 * 10**9),
    ],
)
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "5 parsecs", "-5MB", "0", "5,5MB", "1e9", "½MB"])
def test_texts_that_are_no_sizes_are_refused(text):
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)
