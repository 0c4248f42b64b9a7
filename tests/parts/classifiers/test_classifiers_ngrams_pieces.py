"""What models of n-grams count, weigh and minimise is what its definition says."""

import math
import pickle
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from seqpipe.native import _ngrams, own_threads
from seqpipe.parts.classifiers import LabelledWords, NGramClassifier
from seqpipe.parts.classifiers.ngrams import _regression, _vocabulary
from seqpipe.parts.classifiers.ngrams._model import Features, inverse_document_frequency
from seqpipe.parts.classifiers.ngrams._regression import Regression, log_count_ratios
from seqpipe.parts.classifiers.ngrams._sparse import Sparse, below, beside
from seqpipe.parts.classifiers.ngrams._vocabulary import Vocabulary

ODD = ["", " ", "a b", "Ab", "İ", "\0", "\ud800x", "日本語", "👩‍👩‍👧", "x" * 30]
WORDS = st.sampled_from(["a", "b", "ab", "ba", "abc", *ODD])
TEXTS = st.lists(st.lists(WORDS, max_size=9), max_size=7)
SIZES = st.sampled_from([(1, 0), (1, 1), (1, 3), (2, 5), (3, 10**12)])


def of_words(words, longest, *, lower):
    """Return the n-grams of words."""
    words = [word.lower() for word in words] if lower else words
    lengths = range(1, longest + 1)
    return [tuple(words[i : i + n]) for n in lengths for i in range(len(words) - n + 1)]


def of_characters(words, sizes, *, lower):
    """Return the n-grams within words."""
    found = []
    for word in words:
        marked = f" {word.lower() if lower else word} "
        lengths = range(sizes[0], min(sizes[1], len(marked)) + 1) if len(marked) > 3 else ()
        found += [marked[i : i + n] for n in lengths for i in range(len(marked) - n + 1)]
    return found


def naive(texts, known, ngrams_of):
    """Return how often each known n-gram occurs in each text."""
    counts = [Counter(ngrams_of(text)) for text in texts]
    return [{ngram: n for ngram, n in each.items() if ngram in known} for each in counts]


def frequent(texts, least, ngrams_of):
    """Return the n-grams that occur in enough texts."""
    found = Counter(ngram for text in texts for ngram in {*ngrams_of(text)})
    return {ngram for ngram, count in found.items() if count >= least}


def names(vocabulary):
    """Return the n-gram of each column, of words and of characters."""
    words = [*vocabulary.words]
    every = last = [(word,) for word in words]
    for keys in vocabulary.longer:
        last = [(*last[key // len(words)], words[key % len(words)]) for key in keys.tolist()]
        every = every + last
    return every, [*vocabulary.characters]


def named(counts, columns):
    """Return a matrix as a dictionary for each row."""
    assert counts.shape[1] == len(columns)
    assert (np.diff(counts.rows) >= 0).all()
    found = [{} for _ in range(counts.shape[0])]
    for row, column, value in zip(counts.rows, counts.columns, counts.values, strict=True):
        found[row][columns[column]] = int(value)
    return found


def arrays(matrix):
    return matrix.rows.tolist(), matrix.columns.tolist(), matrix.values.tolist(), matrix.shape


def dense(matrix):
    found = np.zeros(matrix.shape)
    found[matrix.rows, matrix.columns] = matrix.values
    return found


def sparse(array):
    rows, columns = np.nonzero(array)
    values = array[rows, columns].astype(np.float32)
    return Sparse(rows.astype(np.int32), columns.astype(np.int32), values, array.shape)


@given(
    *[TEXTS, TEXTS, st.integers(1, 4), SIZES, st.integers(1, 3)],
    *[st.booleans(), st.booleans(), st.integers(1, 9)],
)
def test_counts_are_those_of_the_definition(
    texts, others, longest, sizes, least, lower, ends, at_once
):
    vocabulary = Vocabulary(lower, *sizes, text_ends=ends)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_vocabulary, "_WORDS_AT_ONCE", at_once)
        patch.setattr(_vocabulary, "_MOST_MET", at_once)
        learnt = vocabulary.learn(texts, longest=longest, min_count=least)
        again, of_others = vocabulary.count(texts), vocabulary.count(others)
        # By then most words have been met.
        once_more = vocabulary.count(texts)
    assert [*map(arrays, learnt)] == [*map(arrays, again)] == [*map(arrays, once_more)]
    if ends:
        texts, others = ([["", *t, ""] if t else t for t in each] for each in (texts, others))
    kinds = [lambda text: of_words(text, longest, lower=lower)]
    kinds += [lambda text: of_characters(text, sizes, lower=lower)] if sizes[1] else []
    assert len(learnt) == len(of_others) == len(kinds)
    for ngrams_of, columns, counts, other in zip(
        kinds, names(vocabulary), learnt, of_others, strict=False
    ):
        known = frequent(texts, least, ngrams_of)
        assert {*columns} == known and len(columns) == len(known)
        assert named(counts, columns) == naive(texts, known, ngrams_of)
        assert named(other, columns) == naive(others, known, ngrams_of)
    assert vocabulary.is_whole()


@given(TEXTS, st.integers(1, 4), SIZES, st.integers(1, 4))
def test_what_is_kept_is_what_counting_fewer_ngrams_gives(texts, longest, sizes, least):
    fewer, every = (Vocabulary(True, *sizes, text_ends=True) for _ in range(2))
    expected = fewer.learn(texts, longest=longest, min_count=least)
    counts = every.learn(texts, longest=longest, min_count=1)
    every.keep([each.column_counts() >= least for each in counts])
    assert names(every) == names(fewer)
    assert [*map(arrays, every.count(texts))] == [*map(arrays, expected)]
    assert every.is_whole()


@given(TEXTS, TEXTS, st.sampled_from([1, 2, 3]), SIZES, st.sampled_from(["tfidf", "binary"]))
def test_counts_weighed_in_one_pass_are_the_same_to_the_bit(
    texts, others, longest, sizes, weighting
):
    vocabulary = Vocabulary(True, *sizes, True)
    counts = vocabulary.learn(texts, longest=longest, min_count=1)
    features = Features(weighting, [inverse_document_frequency(each) for each in counts])
    asked = [*texts, *others, ["a"] * 300]
    expected = features.of(vocabulary.count(asked))
    found = vocabulary.weigh(asked, rarity=features.of_columns, logarithmic=weighting == "tfidf")
    assert found is not None
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.columns.tolist() == expected.columns.tolist()
    assert found.values.tobytes() == expected.values.tobytes()


def test_without_a_compiler_scores_are_the_same(monkeypatch):
    classifier = NGramClassifier()
    texts = [["a", "b", "abc"], ["b", "a"], ["b", "abc", "abc"], ["x"]]
    examples = [LabelledWords(text, ["no" if "x" in text else "yes"]) for text in texts]
    classifier.fit(examples, labels=["yes", "no"])
    scores = classifier.predict(texts)
    monkeypatch.setattr(_ngrams, "_has_library", lambda: False)
    looked_up = []
    look_up = Vocabulary._look_up

    def counted(vocabulary, met):
        looked_up.append(met)
        return look_up(vocabulary, met)

    monkeypatch.setattr(Vocabulary, "_look_up", counted)
    assert classifier.predict(texts).tobytes() == scores.tobytes()
    assert len(looked_up) == 1


def test_what_is_kept_of_words_is_neither_broken_nor_copied():
    vocabulary = Vocabulary(True, 2, 3, text_ends=True)
    vocabulary.learn([["good", "film"]], longest=2, min_count=1)
    size = len(pickle.dumps(vocabulary))
    expected = [*map(arrays, vocabulary.count([["good", "Film", "new"]]))]
    assert vocabulary._met is not None
    with pytest.raises(AttributeError):
        vocabulary.count([["good", None]])
    assert [*map(arrays, vocabulary.count([["good", "Film", "new"]]))] == expected
    assert len(pickle.dumps(vocabulary)) == size


def test_long_words_are_not_kept(monkeypatch):
    vocabulary = Vocabulary(False, 2, 3, text_ends=False)
    vocabulary.learn([["good", "film"]], longest=1, min_count=1)
    monkeypatch.setattr(_vocabulary, "_MOST_CHARACTERS", 100)
    vocabulary.count([["film"]])
    assert vocabulary._met is not None
    vocabulary.count([["z" * 200]])
    assert vocabulary._met is None


def test_single_characters_have_no_ngrams_of_their_own():
    vocabulary = Vocabulary(False, 1, 3, text_ends=False)
    vocabulary.learn([["a", "bc"]], longest=1, min_count=1)
    assert [*vocabulary.characters] == [" ", "b", "c", " b", "bc", "c ", " bc", "bc "]


@given(st.lists(WORDS | st.text("ab ", max_size=8)), st.lists(st.text("abc \ud800😀", max_size=4)))
def test_ngrams_that_are_read_are_found_within_words_of_any_kind(words, names):
    characters = {name: n for n, name in enumerate(dict.fromkeys(names))}
    # As a saved model may list any, those of other lengths too.
    vocabulary = Vocabulary(False, 2, 3, text_ends=False, characters=characters)
    parts = vocabulary._parts_of(words)
    found = [[*_vocabulary._ngrams_within(word, 2, 3)] for word in words]
    expected = [[characters[part] for part in each if part in characters] for each in found]
    assert parts.columns.tolist() == [*chain.from_iterable(expected)]
    assert parts.lengths.tolist() == [*map(len, expected)]


def test_matrices_are_put_together_and_multiplied():
    draw = np.random.default_rng(5)
    left, right = (np.where(draw.random((6, n)) < 0.4, draw.random((6, n)), 0) for n in (3, 5))
    left[2] = right[2] = right[:, 1] = 0
    both = beside([sparse(left), sparse(right)])
    array = np.hstack([left, right])
    np.testing.assert_allclose(dense(both), array, atol=1e-7)
    np.testing.assert_allclose(dense(both.transposed()), array.T, atol=1e-7)
    np.testing.assert_allclose(dense(both.normalised()), normalize(array), atol=1e-6)
    np.testing.assert_allclose(dense(below([both, both])), np.vstack([array, array]), atol=1e-7)
    other = draw.random((8, 4), dtype=np.float32)
    product = both.product()(_regression.torch.from_numpy(other)).numpy()
    np.testing.assert_allclose(product, array @ other, atol=1e-6)


@pytest.fixture
def texts(examples):
    return [example.words for example in examples]


def test_features_are_scikit_learns(texts):
    vocabulary = Vocabulary(True, 2, 4, text_ends=False)
    counts = vocabulary.learn(texts, longest=2, min_count=3)
    rarity = [inverse_document_frequency(each) for each in counts]
    unseen = [*texts[::9], ["the", "wave", "xyzzy"], ["the"] * 50, []]
    found = dense(Features("tfidf", rarity).of(vocabulary.count(unseen)))
    start = 0
    for columns, idf, ngrams_of in zip(
        names(vocabulary),
        rarity,
        [
            lambda text: of_words(text, 2, lower=True),
            lambda text: of_characters(text, (2, 4), lower=True),
        ],
        strict=True,
    ):
        theirs = TfidfVectorizer(analyzer=ngrams_of, sublinear_tf=True, min_df=3).fit(texts)
        order = [theirs.vocabulary_[ngram] for ngram in columns]
        assert len(order) == len(theirs.vocabulary_)
        np.testing.assert_allclose(idf, theirs.idf_[order], rtol=1e-6)
        stop = start + len(columns)
        expected = theirs.transform(unseen).toarray()[:, order]
        np.testing.assert_allclose(found[:, start:stop], expected, atol=1e-6)
        start = stop
    assert start == found.shape[1]


def test_binary_features_are_scikit_learns(texts):
    vocabulary = Vocabulary(True, 1, 0, text_ends=False)
    counts = vocabulary.learn(texts, longest=2, min_count=1)
    found = dense(Features("binary", [inverse_document_frequency(counts[0])]).of(counts))
    theirs = CountVectorizer(analyzer=lambda text: of_words(text, 2, lower=True), binary=True)
    expected = normalize(theirs.fit_transform(texts).toarray().astype(float))
    order = [theirs.vocabulary_[ngram] for ngram in names(vocabulary)[0]]
    np.testing.assert_allclose(found, expected[:, order], atol=1e-6)


@pytest.mark.parametrize("smoothing", [1.0, 0.5])
def test_log_count_ratios_are_those_of_the_paper(smoothing):
    draw = np.random.default_rng(2)
    binary, truths = draw.random((20, 6)) < 0.4, draw.random((20, 3)) < 0.4
    found = log_count_ratios(sparse(binary), truths.astype(np.float32), smoothing=smoothing)
    for label in range(3):
        p, q = [smoothing] * 6, [smoothing] * 6
        for text, has in zip(binary, truths[:, label], strict=True):
            for feature in range(6):
                (p if has else q)[feature] += float(text[feature])
        for feature in range(6):
            ratio = math.log((p[feature] / sum(p)) / (q[feature] / sum(q)))
            assert found[feature, label] == pytest.approx(ratio, abs=1e-5)


@pytest.fixture
def problem():
    """Return features, truths of one label each, weights of texts and a scale for each feature and label."""
    draw = np.random.default_rng(7)
    features = np.where(draw.random((90, 40)) < 0.3, draw.random((90, 40)), 0)
    truths = np.eye(3)[(features @ draw.normal(size=(40, 3)) + draw.normal(size=3)).argmax(1)]
    flipped = draw.permutation(90)[:20]
    truths[flipped] = np.eye(3)[draw.integers(0, 3, 20)]
    return features, truths, draw.uniform(0.5, 3, 90), draw.uniform(0.2, 3, (40, 3))


def fitted(problem, *, softmax, cost):
    features, truths, weights, scale = problem
    regression = Regression(
        sparse(features),
        truths.astype(np.float32),
        text_weights=weights.astype(np.float32),
        scale=None if scale is None else scale.astype(np.float32),
        softmax=softmax,
    )
    return regression.fit(cost)


def scikit_learns(features, classes, weights, cost):
    model = LogisticRegression(C=cost, tol=1e-11, max_iter=20_000)
    model.fit(features, classes, sample_weight=weights)
    return model.coef_.T, model.intercept_


def optimum(problem, *, softmax, cost):
    """Return the weights of the scaled features and the biases, by scikit-learn."""
    features, truths, weights, scale = problem
    if softmax:
        return scikit_learns(features * scale[:, 0], truths.argmax(1), weights, cost)
    columns = [
        scikit_learns(features * scale[:, n], truths[:, n], weights, cost)
        for n in range(truths.shape[1])
    ]
    return np.hstack([w for w, _ in columns]), np.hstack([b for _, b in columns])


def objective(problem, coefficients, bias, *, softmax, cost):
    features, truths, weights, scale = problem
    logits = features @ (coefficients * scale) + bias
    losses = (
        logsumexp(logits, axis=1) - (logits * truths).sum(1)
        if softmax
        else (np.logaddexp(0, logits) - logits * truths).sum(1)
    )
    return (weights * losses).sum() + (coefficients**2).sum() / (2 * cost)


def one_scale_per_feature(problem):
    features, truths, weights, scale = problem
    return features, truths, weights, scale[:, :1]


@pytest.mark.parametrize("cost", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("softmax", [True, False])
def test_weights_are_scikit_learns(problem, softmax, cost, monkeypatch):
    monkeypatch.setattr(_regression, "_TOLERANCE", 0.0)
    if softmax:
        problem = one_scale_per_feature(problem)
    linear = fitted(problem, softmax=softmax, cost=cost)
    weights, bias = optimum(problem, softmax=softmax, cost=cost)
    # The loss is flat near its minimum: in float32 it no longer falls there, on one processor earlier than on another.
    atol = 1e-2 * np.abs(weights).max()
    np.testing.assert_allclose(linear.weights / problem[3], weights, atol=atol)
    if softmax:
        # Scores don't change when all labels' biases do.
        bias, found = bias - bias.mean(), linear.bias - linear.bias.mean()
    else:
        found = linear.bias
    np.testing.assert_allclose(found, bias, atol=1e-2 * max(1, np.abs(bias).max()))


@pytest.mark.parametrize("cost", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("softmax", [True, False])
def test_fit_ends_as_close_to_the_optimum_as_its_tolerance_says(problem, softmax, cost):
    if softmax:
        problem = one_scale_per_feature(problem)
    linear = fitted(problem, softmax=softmax, cost=cost)
    best, best_bias = optimum(problem, softmax=softmax, cost=cost)
    found = linear.weights / problem[3]
    least = objective(problem, best, best_bias, softmax=softmax, cost=cost)
    above = objective(problem, found, linear.bias, softmax=softmax, cost=cost) - least
    assert -1e-5 * least <= above <= _regression._TOLERANCE * least
    # The objective is strongly convex in the weights, by 1 / cost.
    bound = math.sqrt(2 * cost * (above + 1e-6 * least))
    assert np.linalg.norm(found - best) <= bound


def test_fit_without_a_scale_is_one_with_a_scale_of_1(problem):
    features, truths, weights, scale = problem
    plain = fitted((features, truths, weights, None), softmax=True, cost=1.0)
    scaled = fitted((features, truths, weights, np.ones_like(scale)), softmax=True, cost=1.0)
    assert (plain.weights == scaled.weights).all() and (plain.bias == scaled.bias).all()


def test_labels_of_their_own_losses_are_the_same_for_any_number_of_threads(problem, monkeypatch):
    monkeypatch.setattr(_regression, "_LABELS_AT_ONCE", 1)
    found = []
    for threads in (1, 2, 3):
        with own_threads(threads):
            linear = fitted(problem, softmax=False, cost=1.0)
        found.append((linear.weights.tobytes(), linear.bias.tobytes()))
    assert found[0] == found[1] == found[2]
    weights, _ = optimum(problem, softmax=False, cost=1.0)
    np.testing.assert_allclose(linear.weights / problem[3], weights, atol=0.02)
