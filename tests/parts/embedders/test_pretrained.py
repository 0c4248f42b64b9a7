"""Vectors from files, as an embedder."""

import functools
import gzip
import pickle
import shutil

import numpy as np
import pytest
import spacy
from formats.format_examples import make_model

from seqpipe.adapters import make_vectors
from seqpipe.errors import ConfigError, DataError, EmbedderError, SavedModelError
from seqpipe.formats import write_fasttext
from seqpipe.parts.embedders import Concatenated, FastText, Pretrained
from seqpipe.testing import checks
from seqpipe.testing._corpus import SEQUENCES

TEXT = "the 0.5 1 2\nThe 1 1 1\ncat 3 4 5\nunseen 6 7 8\n"
SEEN = [["cat", "the", "the"], ["dog", "the"]]


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def fitted(path, sequences=(), **settings):
    embedder = Pretrained(path=str(path), **settings)
    embedder.fit(sequences)
    return embedder


def test_words_have_the_vectors_of_the_file(glove):
    embedder = fitted(glove)
    assert embedder.vocabulary == ("the", "The", "cat", "unseen")
    found = embedder.embed(["cat", "dog", "The"])
    np.testing.assert_array_equal(found, [[3, 4, 5], [0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"most_words": 2}, ("the", "The")),
        ({"only_seen": True}, ("the", "cat")),
        ({"only_seen": True, "most_words": 1}, ("the",)),
    ],
)
def test_words_can_be_limited(glove, settings, expected):
    assert fitted(glove, SEEN, **settings).vocabulary == expected


@pytest.mark.parametrize("is_in_pipeline", [False, True])
def test_width_of_a_saved_embedder_is_known_without_its_vectors(glove, tmp_path, is_in_pipeline):
    folder = tmp_path / "saved" / "vocab" / "embedder"
    folder.mkdir(parents=True)
    fitted(glove).to_disk(folder)
    if is_in_pipeline:
        (folder / "embedder.json").unlink()
        (tmp_path / "saved" / "config.cfg").write_text(
            '[nlp]\n[nlp.vectors]\n@vectors = "seqpipe.Vectors.v1"\n[nlp.vectors.embedder]\n'
            '@seqpipe_embedders = "seqpipe.Pretrained.v1"\npath = "elsewhere"\nwidth = 3\n'
        )
    for path in folder.iterdir():
        if path.name != "embedder.json":
            path.unlink()
    assert Pretrained(path=str(tmp_path / "saved")).width == 3


def test_embedder_can_be_pickled(glove):
    embedder = fitted(glove)
    again = pickle.loads(pickle.dumps(embedder))
    np.testing.assert_array_equal(again.embed(["cat", "dog"]), embedder.embed(["cat", "dog"]))


def test_words_are_looked_up_in_lower_case(glove):
    np.testing.assert_array_equal(fitted(glove, lower=True).embed(["CAT"]), [[3, 4, 5]])
    seen = fitted(glove, [["CAT"]], lower=True, only_seen=True)
    assert seen.vocabulary == ("cat",)


def test_width_is_known_before_the_file_is_read(glove):
    assert Pretrained(path=str(glove)).width == 3
    assert Pretrained(path="nowhere", width=7).width == 7
    both = Concatenated(embedders={"a": Pretrained(path=str(glove)), "b": FastText(width=5)})
    assert both.width == 8
    with pytest.raises(DataError, match="isn't there"):
        _ = Pretrained(path="nowhere").width
    with pytest.raises(SavedModelError, match="width 3, and the embedder's is 4"):
        fitted(glove, width=4)
    with pytest.raises(ConfigError, match="`width` is 0"):
        Pretrained(path="nowhere", width=0)


def test_saved_embedder_needs_no_file(glove, tmp_path):
    embedder, folder = fitted(glove, lower=True), tmp_path / "saved"
    folder.mkdir()
    embedder.to_disk(folder)
    glove.unlink()
    again = Pretrained(path=str(glove))
    again.from_disk(folder)
    assert (again.vocabulary, again.width) == (embedder.vocabulary, 3)
    np.testing.assert_array_equal(again.embed(["CAT", "dog"]), [[3, 4, 5], [0, 0, 0]])
    with pytest.raises(SavedModelError, match="width 3, and the embedder's is 4"):
        Pretrained(path=str(glove), width=4).from_disk(folder)


def test_pipeline_is_saved_and_read_where_the_file_is_not(glove, tmp_path):
    config = {
        "nlp": {
            "vectors": {
                "@vectors": "seqpipe.Vectors.v1",
                "embedder": {"@seqpipe_embedders": "seqpipe.Pretrained.v1", "path": str(glove)},
            }
        }
    }
    nlp = spacy.blank("en", config=config)
    nlp.vocab.vectors.embedder.fit([])
    nlp.to_disk(tmp_path / "pipeline")
    glove.unlink()
    again = spacy.load(tmp_path / "pipeline")
    np.testing.assert_array_equal(again("cat")[0].vector, [3, 4, 5])
    # To where it was read from.
    again.to_disk(tmp_path / "pipeline")
    np.testing.assert_array_equal(again.vocab["cat"].vector, [3, 4, 5])


def test_unknown_words_have_vectors_of_their_parts(tmp_path):
    model = make_model(("the", "cat"), min_n=2, max_n=3, buckets=11)
    write_fasttext(model, tmp_path / "model.bin")
    (tmp_path / "model.bin.gz").write_bytes(gzip.compress((tmp_path / "model.bin").read_bytes()))
    for name in ("model.bin", "model.bin.gz"):
        embedder = fitted(tmp_path / name)
        words = ["the", "cats", "日本語"]
        np.testing.assert_array_equal(embedder.embed(words), model.vectors(words))
        assert embedder.embed(["cats"]).any()
    few = fitted(tmp_path / "model.bin", [["cat"]], only_seen=True)
    assert few.vocabulary == ("cat",)
    np.testing.assert_array_equal(few.embed(["cats"]), model.vectors(["cats"]))


def test_words_of_no_encoding_can_be_left_out(tmp_path):
    model = make_model(("the", "kter\udcec"), min_n=2, max_n=3, buckets=11)
    write_fasttext(model, tmp_path / "model.bin")
    with pytest.raises(SavedModelError, match=r"word 2: .*isn't utf-8.*`encoding`"):
        fitted(tmp_path / "model.bin")
    assert fitted(tmp_path / "model.bin", undecodable="skip").vocabulary == ("the",)
    assert fitted(tmp_path / "model.bin", encoding="cp852").vocabulary == ("the", "který")


def test_texts_are_what_floret_knows(tmp_path):
    rows = "".join(f"{row} {row / 4} 1 \n" for row in range(9))
    (tmp_path / "vectors.floret").write_text(f"9 2 2 3 2 7 < >\n{rows}", encoding="utf-8")
    embedder = fitted(tmp_path / "vectors.floret", SEEN)
    assert embedder.vocabulary == ("the", "cat", "dog")
    assert embedder.embed(["never", "seen"]).all()
    with pytest.raises(EmbedderError, match="hold no words"):
        fitted(tmp_path / "vectors.floret")
    with pytest.raises(EmbedderError, match="sequence 1 is a string"):
        fitted(tmp_path / "vectors.floret", ["a text"])


def test_texts_without_a_known_word_are_refused(glove):
    with pytest.raises(EmbedderError, match="knows none of the words"):
        fitted(glove, [["zebra"]], only_seen=True)


def test_numpy_table_takes_its_words_from_another_file(tmp_path):
    np.save(tmp_path / "table.npy", np.eye(2))
    (tmp_path / "words.txt").write_text("a\nb\n", encoding="utf-8")
    embedder = fitted(tmp_path / "table.npy", vocabulary_path=str(tmp_path / "words.txt"))
    np.testing.assert_array_equal(embedder.embed(["b"]), [[0, 1]])


def test_vectors_of_a_pipeline_are_read_from_its_folder(tmp_path):
    nlp = spacy.blank("xx")
    nlp.vocab.set_vector("naïve", np.array([1, 2], dtype=np.float32))
    nlp.to_disk(tmp_path / "pipeline")
    np.testing.assert_array_equal(fitted(tmp_path / "pipeline").embed(["naïve"]), [[1, 2]])


def test_path_may_lie_below_the_data(glove, monkeypatch):
    monkeypatch.setenv("SEQPIPE_DATA", str(glove.parent))
    assert fitted("data:glove.txt").width == 3


def test_vectors_are_bytes_too(glove):
    create = make_vectors(fitted(glove))
    data = create(spacy.blank("en").vocab).to_bytes()
    again = make_vectors(Pretrained(path=str(glove)))(spacy.blank("en").vocab)
    again.from_bytes(data)
    np.testing.assert_array_equal(again["cat"], [3, 4, 5])


KNOWN = sorted({word for sequence in SEQUENCES for word in sequence} | {"one", "two", "three"})

#: What an embedder can't keep to whose words come from a file, whatever it's fitted on.
FROM_A_FILE = {
    "refuses_to_fit_on_nothing": "the texts don't matter",
    "vocabulary_is_by_frequency": "the vocabulary is the file's",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    draw = np.random.default_rng(1)
    rows = (" ".join(map(str, draw.normal(size=4))) for _ in KNOWN)
    lines = (f"{word} {row}\n" for word, row in zip(KNOWN, rows, strict=True))
    (folder / "glove").write_text("".join(lines), encoding="utf-8")
    model = make_model(KNOWN, width=4, min_n=2, max_n=3, buckets=50)
    write_fasttext(model, folder / "fasttext")
    rows = "".join(f"{row} {draw.normal()} {draw.normal()} \n" for row in range(60))
    (folder / "floret").write_text(f"60 2 2 3 2 7 < >\n{rows}", encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


CONTRACTS = [
    ("glove", False, FROM_A_FILE),
    ("fasttext", True, {}),
    ("floret", False, {}),
]


@pytest.mark.parametrize(
    ("name", "only_seen", "check"),
    [
        pytest.param(name, only_seen, check, id=f"{name}-{only_seen}-{check}")
        for name, only_seen, skip in CONTRACTS
        for check in checks("embedders", skip=skip)
    ],
)
def test_contract_is_kept(files, name, only_seen, check):
    check(functools.partial(Pretrained, path=str(files / name), only_seen=only_seen))
