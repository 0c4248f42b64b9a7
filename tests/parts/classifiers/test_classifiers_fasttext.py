"""The model is the library's, and so are its predictions."""

import copy
import pickle

import numpy as np
import pytest

from seqpipe.errors import ClassifierError
from seqpipe.parts.classifiers import FastTextClassifier, LabelledWords
from seqpipe.parts.embedders import Embedder, Word2Vec

SMALL = {"width": 8, "epochs": 10, "learning_rate": 0.5}
TEXTS = [["the", "wave", "and", "a", "gull"], ["owls", "near", "harbours"], ["xyzzy"], []]

pytestmark = pytest.mark.usefixtures("in_this_process")


def library_scores(classifier, texts, folder):
    """Return what the library predicts with the model that was saved."""
    import fasttext_pybind

    classifier.to_disk(folder)
    (file,) = folder.glob("model.*")
    model = fasttext_pybind.fasttext()
    model.loadModel(str(file))
    scores = np.zeros((len(texts), len(classifier.labels)))
    for row, words in enumerate(texts):
        line = " ".join(words) + "\n"
        for score, label in model.predict(line, len(classifier.labels), 0.0, "strict"):
            scores[row, list(classifier.labels).index(label.removeprefix("__label__"))] = score
    return scores


@pytest.mark.parametrize("loss", ["softmax", "one-vs-rest", "hierarchical", "negative-sampling"])
@pytest.mark.parametrize(
    "settings", [{}, {"word_ngrams": 3}, {"min_n": 2, "max_n": 4, "buckets": 50}]
)
def test_scores_are_the_librarys(tagged, labels, loss, settings, tmp_path):
    classifier = FastTextClassifier(exclusive=False, loss=loss, **SMALL, **settings)
    classifier.fit(tagged, labels=labels)
    expected = library_scores(classifier, TEXTS, tmp_path)
    # Sigmoids of the library come from a table with steps of up to 0.008.
    step = 0.008 if loss in ("one-vs-rest", "negative-sampling") else 2e-5
    np.testing.assert_allclose(classifier.predict(TEXTS), expected, atol=step)


def test_scores_of_a_quantised_model_are_the_librarys(labels, tmp_path):
    words = [f"word{number}" for number in range(400)]
    examples = [LabelledWords(words[n : n + 40], [labels[n % 3]]) for n in range(300)]
    settings = {"cutoff": 300, "retrain": True, "quantize_norm": True}
    classifier = FastTextClassifier(**SMALL, quantize=True, **settings)
    classifier.fit(examples, labels=labels)
    texts = [example.words for example in examples[::30]]
    expected = library_scores(classifier, texts, tmp_path)
    assert (tmp_path / "model.ftz").is_file()
    np.testing.assert_allclose(classifier.predict(texts), expected, atol=2e-5)
    assert classifier.trained_with["quantized"]


def test_what_is_learnt_is_right(examples, labels):
    classifier = FastTextClassifier(**SMALL)
    classifier.fit(examples, labels=labels)
    best = classifier.predict([example.words for example in examples]).argmax(axis=1)
    right = [labels[place] in e.labels for place, e in zip(best, examples, strict=True)]
    assert sum(right) > 0.95 * len(right)
    np.testing.assert_allclose(classifier.predict(TEXTS).sum(axis=1), 1, atol=1e-5)


def test_same_seed_gives_the_same_file(examples, labels, tmp_path):
    files = []
    for number, seed in enumerate((1, 1, 2)):
        classifier = FastTextClassifier(**SMALL, word_ngrams=2)
        classifier.fit(examples, labels=labels, seed=seed)
        (folder := tmp_path / str(number)).mkdir()
        classifier.to_disk(folder)
        files.append((folder / "model.bin").read_bytes())
    assert files[0] == files[1] != files[2]


def test_table_of_ngrams_is_fitted_to_the_texts(labels):
    examples = [LabelledWords(["a", "b", "a"], ["sea"]), LabelledWords(["b", "c"], ["sky"])]
    classifier = FastTextClassifier(**SMALL, word_ngrams=2)
    classifier.fit(examples, labels=labels)
    # a b, b a, a and the end; b c, c and the end.
    assert classifier.trained_with["bucket"] == 10
    assert classifier.labels == ("sky", "sea")


def test_rare_labels_are_left_out(examples, labels):
    classifier = FastTextClassifier(**SMALL, min_count_label=5)
    rare = LabelledWords(["the", "politician"], ["rare"])
    classifier.fit([*examples, rare], labels=[*labels, "rare"])
    assert list(classifier.labels) == labels
    with pytest.raises(ClassifierError, match="0 of the labels occur 1000 times or more"):
        FastTextClassifier(**SMALL, min_count_label=1000).fit(examples, labels=labels)


def test_texts_without_a_label_are_left_out(examples, labels, in_this_process):
    unlabelled = LabelledWords(["nothing"], [])
    FastTextClassifier(**SMALL).fit([unlabelled, *examples, unlabelled], labels=labels)
    assert "nothing" not in in_this_process[0]
    assert len(in_this_process[0].splitlines()) == len(examples)


def test_words_that_look_like_labels_are_words(labels, in_this_process, tmp_path):
    odd = ["__label__sky", "</s>", "two words", ""]
    examples = [LabelledWords(odd, ["sea"]), LabelledWords(["plain"], ["sky"])] * 40
    classifier = FastTextClassifier(**SMALL)
    classifier.fit(examples, labels=labels)
    assert all(line.count("__label__") == 1 for line in in_this_process[0].splitlines())
    for word in odd[:3]:
        assert classifier.labels[int(classifier.predict([[word]]).argmax())] == "sea"


def test_lower_holds_for_texts_that_are_asked_for(examples, labels):
    classifier = FastTextClassifier(**SMALL, lower=True)
    classifier.fit(examples, labels=labels)
    plain, shouted = classifier.predict([["the", "wave"], ["THE", "Wave"]])
    assert (plain == shouted).all()


def test_words_begin_with_the_vectors_of_an_embedder(examples, labels):
    embedder = Word2Vec(width=8, epochs=2, min_count=1)
    classifier = FastTextClassifier(width=8, epochs=1, learning_rate=1e-9, embedder=embedder)
    classifier.fit(examples, labels=labels, seed=4)
    model = classifier._fitted().model
    words = ["wave", "日本語", "the"]
    np.testing.assert_allclose(model.vectors(words), embedder.embed(words), atol=1e-6)


def test_embedder_that_knows_no_word_is_refused(examples, labels):
    class Zeros(Embedder):
        width = 8
        vocabulary = ()

        def fit(self, sequences, *, seed=0, on_progress=None):
            """Read everything."""
            assert len(list(sequences)) == len(list(sequences)) == len(examples)

        def embed(self, words):
            return np.zeros((len(words), 8), np.float32)

        def to_disk(self, path):
            """Write nothing."""

        def from_disk(self, path):
            """Read nothing."""

    with pytest.raises(ClassifierError, match="no vector for any word"):
        FastTextClassifier(**SMALL, embedder=Zeros()).fit(examples, labels=labels)


def test_search_keeps_what_is_not_at_its_default(examples, labels):
    classifier = FastTextClassifier(width=5, autotune=4, autotune_metric="f1:sea")
    classifier.fit(examples, labels=labels, dev=examples[:30])
    found = classifier.trained_with
    assert (found["dim"], found["loss"]) == (5, "softmax")
    best = classifier.predict([example.words for example in examples]).argmax(axis=1)
    assert sum(labels[i] in e.labels for i, e in zip(best, examples, strict=True)) > 60


def test_search_needs_a_dev_part(examples, labels):
    classifier = FastTextClassifier(autotune=2)
    with pytest.raises(ClassifierError, match="`autotune` chooses settings by a dev part"):
        classifier.fit(examples, labels=labels)
    with pytest.raises(ClassifierError, match="no text of the dev part has a label"):
        classifier.fit(examples, labels=labels, dev=[])


def test_model_can_be_pickled_and_copied(examples, labels):
    classifier = FastTextClassifier(**SMALL)
    classifier.fit(examples, labels=labels)
    for again in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert (again.predict(TEXTS) == classifier.predict(TEXTS)).all()
