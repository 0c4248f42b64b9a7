"""The vectors of a saved pipeline in other pipelines: of seqpipe's, and of spaCy's own."""

import shutil

import numpy as np
import pytest
import spacy
import srsly
from adapters.adapter_examples import Letters
from spacy.training.initialize import init_nlp
from spacy.vectors import Vectors

from seqpipe.adapters import _vectors, save_table
from seqpipe.errors import ConfigError, ReplacedError, SavedModelError
from seqpipe.formats import _saved
from seqpipe.parts.embedders import Pretrained

TEXTS = [["good", "film", "bad", "films", "goodness"]] * 20
SMALL = {"width": 6, "min_count": 1, "epochs": 1}
UNKNOWN = ["goodly", "xyz"]

#: Pipelines by the settings of their embedders, as a config has them.
SECTIONS = {
    "fasttext": {"embedder": {"@seqpipe_embedders": "seqpipe.FastText.v1", **SMALL}},
    "word2vec": {"embedder": {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", **SMALL}},
    "several": {
        "embedders": {
            "b": {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", **SMALL},
            "a": {"@seqpipe_embedders": "seqpipe.FastText.v1", **SMALL},
        }
    },
}


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    """Saved pipelines with nothing but vectors, by name: the folder and the embedder of each."""
    made = {}
    for name, section in SECTIONS.items():
        config = {"nlp": {"vectors": {"@vectors": "seqpipe.Vectors.v1", **section}}}
        nlp = spacy.blank("en", config=config)
        embedder = nlp.vocab.vectors.embedder
        embedder.fit(TEXTS)
        folder = tmp_path_factory.mktemp("saved") / "model"
        nlp.to_disk(folder)
        made[name] = (folder, embedder)
    return made


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("part", ["", "vocab", "vocab/embedder"])
def test_vectors_of_a_saved_pipeline_are_an_embedder(pipelines, tmp_path, name, part):
    folder, source = pipelines[name]
    words = [*source.vocabulary, *UNKNOWN]
    embedder = Pretrained(path=str(folder / part))
    assert embedder.width == source.width
    embedder.fit([])
    assert list(embedder.vocabulary) == list(source.vocabulary)
    np.testing.assert_array_equal(embedder.embed(words), source.embed(words))
    assert embedder.embed(UNKNOWN).any() == (name != "word2vec")
    embedder.to_disk(tmp_path)
    again = Pretrained(path="gone")
    again.from_disk(tmp_path)
    assert list(again.vocabulary) == list(source.vocabulary)
    np.testing.assert_array_equal(again.embed(words), source.embed(words))


@pytest.mark.parametrize("name", ["fasttext", "word2vec"])
def test_folder_of_an_embedder_alone_is_read(pipelines, tmp_path, name):
    folder, source = pipelines[name]
    shutil.copytree(folder / "vocab" / "embedder", tmp_path / "alone")
    embedder = Pretrained(path=str(tmp_path / "alone"))
    embedder.fit([])
    words = [*source.vocabulary, *UNKNOWN]
    np.testing.assert_array_equal(embedder.embed(words), source.embed(words))


def test_only_some_words_are_known_and_sub_words_stay(pipelines, tmp_path):
    folder, source = pipelines["fasttext"]
    first = Pretrained(path=str(folder), most_words=2)
    first.fit([])
    assert list(first.vocabulary) == list(source.vocabulary[:2])
    seen = Pretrained(path=str(folder), only_seen=True)
    seen.fit([["films", "unheard", "bad", "bad"]])
    assert list(seen.vocabulary) == ["bad", "films"]
    seen.to_disk(tmp_path)
    again = Pretrained(path="gone")
    again.from_disk(tmp_path)
    known = ["films", "bad", *UNKNOWN]
    np.testing.assert_array_equal(again.embed(known), source.embed(known))
    assert not np.array_equal(again.embed(["good"]), source.embed(["good"]))
    assert again.embed(["good"]).any()


def test_pipeline_with_such_an_embedder_is_saved_and_is_a_source_itself(pipelines, tmp_path):
    folder, source = pipelines["several"]
    part = {"@seqpipe_embedders": "seqpipe.Pretrained.v1", "path": str(folder)}
    config = {"nlp": {"vectors": {"@vectors": "seqpipe.Vectors.v1", "embedder": part}}}
    nlp = spacy.blank("en", config=config)
    nlp.vocab.vectors.embedder.fit([])
    nlp.to_disk(tmp_path / "second")
    third = Pretrained(path=str(tmp_path / "second"))
    third.fit([])
    words = [*source.vocabulary, *UNKNOWN]
    np.testing.assert_array_equal(third.embed(words), source.embed(words))
    np.testing.assert_array_equal(
        spacy.load(tmp_path / "second").vocab.vectors.get_batch(words), source.embed(words)
    )


def test_folder_without_vectors_says_what_it_is(pipelines, tmp_path):
    folder, _ = pipelines["fasttext"]
    shutil.copytree(folder, tmp_path / "run" / "model-best")
    spacy.blank("en").to_disk(tmp_path / "blank")
    shutil.rmtree(tmp_path / "blank" / "vocab")
    (tmp_path / "empty").mkdir()
    for name, problem in {
        "run": "is what a run wrote: name its pipeline, .*model-best",
        "blank": "is a pipeline without vectors",
        "empty": "is a folder with neither vectors of spaCy's .* nor an embedder",
    }.items():
        for settings in ({}, {"format": "spacy"}):
            with pytest.raises(SavedModelError, match=problem):
                Pretrained(path=str(tmp_path / name), **settings).fit([])


def test_damaged_pipeline_is_no_embedder(pipelines, tmp_path):
    shutil.copytree(pipelines["fasttext"][0], tmp_path / "model")
    (tmp_path / "model" / "vocab" / "embedder" / "words.json").write_text("[]")
    with pytest.raises(SavedModelError, match="damaged"):
        Pretrained(path=str(tmp_path / "model")).fit([])


def test_pipeline_that_is_half_saved_is_no_embedder(pipelines, tmp_path):
    nlp = spacy.load(pipelines["fasttext"][0])
    for name, save in {
        "model": nlp.to_disk,
        "table": lambda folder: save_table(nlp.vocab.vectors.embedder, folder, lang="en"),
    }.items():
        save(tmp_path / name)
        (tmp_path / name / "seqpipe-saving").touch()
        with pytest.raises(SavedModelError, match="holds parts of two models"):
            Pretrained(path=str(tmp_path / name)).fit([])


# The first reading of the config only tells the format.
@pytest.mark.parametrize(("step", "number"), [("_section_of", 2), ("_make", 1)])
def test_pipeline_replaced_while_its_embedder_is_read_is_an_error(
    pipelines, tmp_path, monkeypatch, step, number
):
    folder = tmp_path / "model"
    shutil.copytree(pipelines["fasttext"][0], folder)
    original = getattr(_saved, step)
    calls = []

    def replacing(*arguments):
        result = original(*arguments)
        calls.append(arguments)
        if len(calls) == number:
            folder.rename(tmp_path / "old")
            shutil.copytree(pipelines["word2vec"][0], folder)
        return result

    monkeypatch.setattr(_saved, step, replacing)
    with pytest.raises(ReplacedError, match="load it again"):
        Pretrained(path=str(folder)).fit([])


def test_table_of_spacys_that_was_saved_later_wins_over_an_old_embedder(pipelines, tmp_path):
    shutil.copytree(pipelines["fasttext"][0], tmp_path / "model")
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("new", np.ones(2, dtype="float32"))
    nlp.to_disk(tmp_path / "model")
    embedder = Pretrained(path=str(tmp_path / "model"))
    embedder.fit([])
    assert embedder.vocabulary == ("new",)


TRAINING = """
[paths]
train = "{folder}/train.spacy"
vectors = "{vectors}"

[nlp]
lang = "en"
pipeline = ["tagger"]

[components]

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"
embed = {{"@architectures": "spacy.MultiHashEmbed.v2", "width": 8, "attrs": ["NORM"], "rows": [50], \
"include_static_vectors": true}}
encode = {{"@architectures": "spacy.MaxoutWindowEncoder.v2", "width": 8, "window_size": 1, "maxout_pieces": 2, \
"depth": 1}}

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${{paths.train}}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${{paths.train}}

[training]
seed = 1
gpu_allocator = null

[initialize]
vectors = ${{paths.vectors}}
"""


def initialised(folder, vectors):
    """Return a tagger of spaCy's whose vectors are those of a folder, trained for a few steps."""
    docs = []
    for words in TEXTS[:2]:
        docs.append(
            spacy.tokens.Doc(spacy.blank("en").vocab, words, tags=["A", "N", "A", "N", "N"])
        )
    spacy.tokens.DocBin(docs=docs).to_disk(folder / "train.spacy")
    text = TRAINING.format(folder=folder.as_posix(), vectors=vectors.as_posix())
    (folder / "config.cfg").write_text(text, encoding="utf-8")
    nlp = init_nlp(spacy.util.load_config(folder / "config.cfg"))
    optimizer = nlp.resume_training()
    examples = [spacy.training.Example(nlp.make_doc(" ".join(TEXTS[0])), doc) for doc in docs]
    losses = [nlp.update(examples, sgd=optimizer)["tagger"] for _ in range(3)]
    assert np.isfinite(losses).all()
    return nlp


@pytest.mark.parametrize("name", SECTIONS)
def test_saved_vectors_are_spacys_initial_ones(pipelines, tmp_path, name):
    folder, source = pipelines[name]
    nlp = initialised(tmp_path, folder)
    words = list(source.vocabulary)
    np.testing.assert_array_equal(nlp.vocab.vectors.get_batch(words), source.embed(words))
    assert not nlp.vocab.has_vector("goodly")
    nlp.to_disk(tmp_path / "tagger")
    again = spacy.load(tmp_path / "tagger")
    np.testing.assert_array_equal(again.vocab.vectors.get_batch(words), source.embed(words))
    assert [t.tag_ for t in again("good films")] == [t.tag_ for t in nlp("good films")]


def test_table_of_an_embedder_without_words_is_none(tmp_path):
    nlp = spacy.blank(
        "en",
        config={"nlp": {"vectors": {"@vectors": "seqpipe.Vectors.v1", **SECTIONS["fasttext"]}}},
    )
    nlp.vocab.vectors.embedder.fit([[" ", "\n"] * 40])
    nlp.to_disk(tmp_path / "model")
    assert Vectors().from_disk(tmp_path / "model" / "vocab").shape == (0, 6)
    assert spacy.load(tmp_path / "model").vocab.vectors.shape == (2, 6)


@pytest.mark.parametrize("fitted", ["too many words", "not at all"])
def test_table_of_an_earlier_embedder_does_not_stay_beside_one_without(
    pipelines, tmp_path, monkeypatch, fitted
):
    folder, source = pipelines["word2vec"]
    shutil.copytree(folder, tmp_path / "model")
    assert Vectors().from_disk(folder / "vocab").shape == (5, 6)
    nlp = spacy.load(folder)
    strings = (folder / "vocab" / "strings.json").read_bytes()
    if fitted == "not at all":
        nlp.vocab.vectors.embedder = Letters()
    else:
        monkeypatch.setattr(_vectors, "MOST_WORDS", 4)
        monkeypatch.setattr(source, "embed", None)
    nlp.to_disk(tmp_path / "model")
    assert Vectors().from_disk(tmp_path / "model" / "vocab").shape == (0, 0)
    assert (tmp_path / "model" / "vocab" / "strings.json").read_bytes() == strings


def test_exported_pipeline_needs_no_seqpipe_and_gives_initial_vectors(pipelines, tmp_path):
    _, source = pipelines["fasttext"]
    assert save_table(source, tmp_path / "table", lang="en") == 5
    vector = source.embed(["good"])[0].tolist()
    assert "seqpipe" not in (tmp_path / "table" / "config.cfg").read_text(encoding="utf-8")
    loaded = spacy.load(tmp_path / "table")
    assert (loaded.lang, loaded.vocab.vectors.shape) == ("en", (5, 6))
    assert loaded.vocab["good"].vector.tolist() == vector
    assert not loaded.vocab.has_vector("xyz")
    nlp = initialised(tmp_path, tmp_path / "table")
    assert nlp.vocab["good"].vector.tolist() == vector
    embedder = Pretrained(path=str(tmp_path / "table"))
    embedder.fit([])
    assert embedder.vocabulary == tuple(source.vocabulary)
    # The old one is replaced, a folder of somebody else's isn't.
    save_table(source, tmp_path / "table", lang="xx")
    assert srsly.read_json(tmp_path / "table" / "meta.json")["lang"] == "xx"
    with pytest.raises(SavedModelError, match="can't be replaced"):
        save_table(source, tmp_path, lang="en")
    with pytest.raises(ConfigError, match="no language 'qq'"):
        save_table(source, tmp_path / "table", lang="qq")
