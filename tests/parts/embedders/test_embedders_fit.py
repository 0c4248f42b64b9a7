import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import FastText, Word2Vec
from seqpipe.parts.embedders.fasttext import _fit, library_version
from seqpipe.parts.fasttext import _worker

#: Where it doesn't matter that trainings run in a process of their own, which takes four times as long.
here = pytest.mark.usefixtures("in_this_process")
any_words = st.lists(st.text(st.characters(), max_size=8), max_size=4)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize("buckets", [None, 50])
def test_known_words_have_the_librarys_mean_before_it_normalises(
    in_this_process, sequences, small, architecture, buckets
):
    embedder = FastText(**small, architecture=architecture, buckets=buckets)
    embedder.fit(sequences)
    (reference,) = in_this_process
    expected = [reference.mean(reference.subwords(word)[1]) for word in embedder.vocabulary]
    np.testing.assert_allclose(embedder.embed(embedder.vocabulary), expected, atol=1e-6)
    assert not np.allclose(np.linalg.norm(expected, axis=1), 1)


@pytest.mark.parametrize("word", ["runing", "cats", "sat日本語", "walk", "xyz", "emoji", "Straßen"])
def test_unknown_words_have_the_librarys_mean_over_trained_ngrams(
    in_this_process, sequences, small, word
):
    embedder = FastText(**small)
    embedder.fit(sequences)
    (reference,) = in_this_process
    trained = {part for known in embedder.vocabulary for part in reference.subwords(known)[0][1:]}
    parts, ids = reference.subwords(word)
    ids = [number for part, number in zip(parts, ids, strict=True) if part in trained]
    np.testing.assert_allclose(embedder.embed([word])[0], reference.mean(ids), atol=1e-6)


def test_unknown_word_of_trained_ngrams_only_has_the_librarys_mean(in_this_process, small):
    embedder = FastText(**small, max_n=3)
    embedder.fit([["abcd", "bcdab", "cdabc", "dabcd"] * 5] * 3)
    (reference,) = in_this_process
    parts, ids = reference.subwords("abcdabcd")
    assert "abcdabcd" not in parts
    np.testing.assert_allclose(embedder.embed(["abcdabcd"])[0], reference.mean(ids), atol=1e-6)


def test_unknown_word_without_trained_ngrams_is_zero(fasttext):
    assert not fasttext.embed(["qqqqq"]).any()
    assert fasttext.embed(["runing"]).any()


def test_word2vec_has_zeros_for_unknown_words(word2vec):
    vectors = word2vec.embed(["cat", "cats", "rare"])
    assert vectors[0].any()
    assert not vectors[1:].any()


def test_word2vec_has_the_librarys_rows(in_this_process, sequences, small):
    embedder = Word2Vec(**small)
    embedder.fit(sequences)
    (reference,) = in_this_process
    rows = [reference.model.getWordId(word) for word in embedder.vocabulary]
    matrix = np.asarray(reference.model.getInputMatrix())
    np.testing.assert_array_equal(embedder.embed(embedder.vocabulary), matrix[rows])
    assert len(matrix) == len(embedder.vocabulary) + 1


@pytest.mark.parametrize(("loss", "name"), [("negative-sampling", "ns"), ("hierarchical", "hs")])
@pytest.mark.parametrize(("architecture", "model"), [("skipgram", "sg"), ("cbow", "cbow")])
def test_library_trains_what_is_asked_for(
    in_this_process, sequences, small, loss, name, architecture, model
):
    embedder = Word2Vec(**small, loss=loss, architecture=architecture)
    embedder.fit(sequences, seed=1)
    arguments = in_this_process[0].model.getArgs()
    assert arguments.loss.name == name
    assert arguments.model.name in (architecture, model)


@here
def test_hierarchical_softmax_trains_other_vectors_and_the_same_again(sequences, small, word2vec):
    first, second = (Word2Vec(**small, loss="hierarchical") for _ in range(2))
    for embedder in (first, second):
        embedder.fit(sequences, seed=1)
    words = list(word2vec.vocabulary)
    np.testing.assert_array_equal(first.embed(words), second.embed(words))
    assert not np.allclose(first.embed(words), word2vec.embed(words), atol=1e-3)


@here
def test_fasttext_without_subwords_is_word2vec(sequences, small, word2vec):
    embedder = FastText(**small, max_n=0)
    embedder.fit(sequences, seed=1)
    words = [*word2vec.vocabulary, "cats"]
    np.testing.assert_array_equal(embedder.embed(words), word2vec.embed(words))


def test_vocabulary_is_what_occurs_often_enough(fasttext, sequences):
    counts = {word: sum(each.count(word) for each in sequences) for word in fasttext.vocabulary}
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert "rare" not in counts
    assert "</s>" not in counts
    assert len(counts) == 14


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_vocabulary_is_empty_before_fitting(kind):
    assert list(kind().vocabulary) == []


@given(any_words)
def test_vectors_are_finite_for_any_word(fasttext, word2vec, words):
    for embedder in (fasttext, word2vec):
        vectors = embedder.embed(words)
        assert vectors.shape == (len(words), 8)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()


def test_words_are_embedded_one_by_one_whatever_is_beside_them(fasttext):
    words = ["cat", "runing", "cat", "qqqqq", "the", "runing", *(f"running{n}" for n in range(30))]
    together = fasttext.embed(words)
    np.testing.assert_array_equal(together, np.concatenate([fasttext.embed([w]) for w in words]))


def test_what_embed_returns_is_the_callers(fasttext):
    words = ["cat", "runing"]
    before = fasttext.embed(words).copy()
    fasttext.embed(words)[:] = 7
    np.testing.assert_array_equal(fasttext.embed(words), before)


def test_cache_of_unknown_words_is_bounded(fasttext, monkeypatch):
    monkeypatch.setattr("seqpipe.parts.embedders.fasttext._vectors._CACHED_WORDS", 3)
    words = [f"running{number}" for number in range(10)]
    first = fasttext.embed(words)
    assert len(fasttext._vectors._cache) <= 3
    np.testing.assert_array_equal(fasttext.embed(words), first)


@here
def test_same_seed_gives_the_same_bits_and_another_seed_others(sequences, small, fasttext):
    words = [*fasttext.vocabulary, "runing"]
    again, other = FastText(**small), FastText(**small)
    again.fit(sequences, seed=1)
    other.fit(sequences, seed=2)
    assert again.embed(words).tobytes() == fasttext.embed(words).tobytes()
    assert not np.isclose(other.embed(words), fasttext.embed(words)).all(axis=1).any()


def test_neighbouring_seeds_share_no_starting_values(in_this_process, sequences, small):
    for seed in (0, 1, -1, 2**70):
        Word2Vec(**small).fit(sequences, seed=seed)
    seeds = [reference.settings["seed"] for reference in in_this_process]
    assert all(abs(a - b) > 100 for a in seeds for b in seeds if a is not b)
    assert all(0 < seed <= 2**30 for seed in seeds)


@here
def test_words_that_mean_something_to_the_library_are_known(small):
    words = [
        "New York",
        "</s>",
        "__label__a",
        "a\tb",
        "a\nb",
        "a\0b",
        "a\x1ab",
        "<",
        ">",
        "a\u00a0b",
    ]
    for embedder in (FastText(**small), Word2Vec(**small)):
        embedder.fit([words] * 5)
        assert sorted(embedder.vocabulary) == sorted(words)
        vectors = embedder.embed(words)
        assert len({vector.tobytes() for vector in vectors}) == len(words)
        assert vectors.any(axis=1).all()


def test_no_word_of_a_long_sequence_is_lost(in_this_process, small):
    words = [f"w{number}" for number in range(3000)]
    embedder = Word2Vec(**small | {"min_count": 1, "epochs": 1})
    embedder.fit([words])
    (reference,) = in_this_process
    assert set(embedder.vocabulary) == set(words)
    # A word's output vector is zero until the word has been a context.
    trained = np.asarray(reference.model.getOutputMatrix()).any(axis=1)
    assert all(trained[reference.model.getWordId(word)] for word in words)


@here
def test_lower_casing_is_for_fitting_and_for_looking_up(small):
    embedder = FastText(**small, lower=True)
    embedder.fit([["The", "CAT", "the", "cat"]] * 3)
    assert set(embedder.vocabulary) == {"the", "cat"}
    upper, lower = embedder.embed(["THE", "THECAT"]), embedder.embed(["the", "thecat"])
    np.testing.assert_array_equal(upper, lower)
    assert upper.any(axis=1).all()


@here
def test_word_that_is_the_end_of_a_line_in_lower_case_is_a_word(small):
    embedder = Word2Vec(**small, lower=True)
    embedder.fit([["a", "</S>", "b"]] * 20)
    assert set(embedder.vocabulary) == {"a", "</s>", "b"}


def test_table_is_sized_to_the_corpus(fasttext):
    shape, tables = fasttext._vectors.shape, fasttext._vectors.tables
    assert shape.buckets == 2 * len(tables.hashes)
    assert len(tables.rows) <= len(tables.hashes)
    assert shape.library == library_version()


@here
def test_words_too_short_for_ngrams_have_their_own_vector(small):
    embedder = FastText(**small, min_n=6, max_n=6)
    embedder.fit([["a", "b"] * 4] * 3)
    vectors = embedder.embed(["a", "b", "c"])
    assert vectors[:2].any(axis=1).all()
    assert not vectors[2].any()


def test_progress_is_reported_to_the_end(sequences, small):
    heard = []
    Word2Vec(**small).fit(sequences, on_progress=heard.append)
    fractions = [each.fraction for each in heard]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions.count(1) == 1
    assert heard[-1].loss > 0
    assert heard[-1].words_per_second > 0


def test_two_threads_train(sequences, small):
    embedder = Word2Vec(**small, threads=2)
    embedder.fit(sequences)
    assert np.isfinite(embedder.embed(embedder.vocabulary)).all()


@here
def test_sequences_are_read_once(sequences, small, word2vec):
    embedder = Word2Vec(**small)
    embedder.fit((tuple(each) for each in sequences), seed=1)
    np.testing.assert_array_equal(embedder.embed(["cat"]), word2vec.embed(["cat"]))


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_too_rare_words_are_an_error(kind):
    with pytest.raises(EmbedderError, match="smaller `min_count`"):
        kind().fit([["a", "b"], ["c"]])


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_embedding_before_fitting_is_an_error(kind, tmp_path):
    with pytest.raises(EmbedderError, match="no vectors yet"):
        kind().embed(["a"])
    with pytest.raises(EmbedderError, match="no vectors yet"):
        kind().to_disk(tmp_path)


def test_diverged_training_is_an_error(sequences, small):
    with pytest.raises(EmbedderError, match=r"NaN.*smaller `learning_rate`"):
        Word2Vec(**small | {"epochs": 30, "learning_rate": 1e30}).fit(sequences)


@here
def test_failed_fit_leaves_what_was_fitted(sequences, small):
    embedder = Word2Vec(**small)
    embedder.fit(sequences, seed=1)
    before = embedder.embed(["cat"])
    with pytest.raises(EmbedderError):
        embedder.fit([])
    np.testing.assert_array_equal(embedder.embed(["cat"]), before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_behind_when_listening_fails(sequences, small, temporary, error):
    def stop(progress):
        raise error

    with pytest.raises(error):
        Word2Vec(**small | {"epochs": 10**7}).fit(sequences, on_progress=stop)
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_behind_after_fitting(sequences, small, temporary):
    Word2Vec(**small).fit(sequences)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "dtype", "value", "message"),
    [
        (_worker.IDS, np.int64, -1, "no room for 2 of 14 words"),
        (_worker.OWN, np.float32, np.inf, "aren't finite"),
    ],
)
def test_result_that_cannot_be_used_is_an_error(
    in_this_process, sequences, small, monkeypatch, name, dtype, value, message
):
    train = _fit.run_module

    def spoil(module, folder, *, on_line):
        train(module, folder, on_line=on_line)
        array = np.fromfile(folder / name, dtype)
        array[2:4] = value
        array.tofile(folder / name)

    monkeypatch.setattr(_fit, "run_module", spoil)
    with pytest.raises(EmbedderError, match=message):
        Word2Vec(**small).fit(sequences)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_copies_give_the_same_vectors(fasttext, word2vec, duplicate):
    for embedder in (fasttext, word2vec, FastText()):
        other = duplicate(embedder)
        assert other.vocabulary == embedder.vocabulary
        if embedder.vocabulary:
            words = ["cat", "runing"]
            np.testing.assert_array_equal(other.embed(words), embedder.embed(words))


@here
@pytest.mark.parametrize("embedder", [FastText, Word2Vec])
def test_standardized_dimensions_have_mean_zero_and_variance_one_over_the_texts(embedder):
    words = [f"w{i}" for i in range(12)]
    sequences = [[words[(i * j) % 12] for j in range(1, 9)] for i in range(1, 40)]
    fitted = embedder(width=4, min_count=1, subsample=1.0, epochs=2, standardize=True)
    fitted.fit(sequences)
    vectors = fitted.embed([word for sequence in sequences for word in sequence])
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(vectors.std(0), 1, atol=1e-4)


@here
def test_standardizing_moves_unknown_words_with_the_known_ones():
    sequences = [["window", "windows", "door", "doors"] * 5] * 20
    settings = {"width": 4, "min_count": 1, "subsample": 1.0}
    plain, standard = FastText(**settings), FastText(**settings, standardize=True)
    for embedder in (plain, standard):
        embedder.fit(sequences, seed=3)
    known = ["window", "windows", "door", "doors"]
    before, after = plain.embed(known), standard.embed(known)
    scale = (after[0] - after[2]) / (before[0] - before[2])
    moved = (plain.embed(["windowed"]) - before[:1]) * scale + after[:1]
    np.testing.assert_allclose(standard.embed(["windowed"]), moved, rtol=1e-3, atol=1e-3)
