"""Forms of words, weights, n-grams, progress."""

import inspect
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.parts.classifiers import FastTextClassifier, LabelledWords
from seqpipe.parts.classifiers.fasttext._corpus import (
    MAX_BUCKETS,
    DistinctNgrams,
    copies,
    fitted_buckets,
)
from seqpipe.parts.classifiers.fasttext._fit import SearchProgress, after_search
from seqpipe.parts.classifiers.fasttext._forms import (
    PREFIX,
    label_form,
    label_of,
    word_form,
    word_of,
)
from seqpipe.parts.classifiers.fasttext._settings import SEARCHED
from seqpipe.parts.fasttext import Progress

odd = st.text(st.characters() | st.sampled_from(" \n\0_\ud800\U000f005f\U000f0020"), max_size=6)
any_word = odd | odd.map(lambda text: PREFIX + text)


@given(any_word)
def test_word_comes_back_and_is_never_taken_for_a_label(word):
    form = word_form(word)
    assert form is None or (word_of(form) == word and not form.startswith(PREFIX))


@given(any_word, any_word)
def test_two_words_are_never_written_alike(one, other):
    assert one == other or word_form(one) is None or word_form(one) != word_form(other)


@given(any_word)
def test_label_comes_back(label):
    form = label_form(label)
    assert form is None or (label_of(form) == label and form.startswith(PREFIX))


weights = st.floats(0.1, 8, allow_nan=False)
weighed = st.lists(st.tuples(st.sampled_from([("a",), ("b",), ("a", "b")]), weights), min_size=1)


@given(weighed)
def test_copies_are_in_proportion_to_weights(texts):
    labels, own = zip(*texts, strict=True)
    counts = copies(labels, own)
    smallest = min(own)
    for group in set(labels):
        of_group = [i for i, each in enumerate(labels) if each == group]
        wanted = sum(own[i] for i in of_group) / smallest
        assert wanted - 1 - 1e-6 < sum(counts[i] for i in of_group) <= wanted + 1e-6
    assert min(counts) >= 1


def test_weight_of_0_leaves_a_text_out():
    assert copies([("a",)] * 3, [0.0, 1.0, 2.5]) == [0, 1, 2]


def test_texts_are_repeated_in_rounds(in_this_process):
    examples = [
        LabelledWords(["one"], ["a"]),
        LabelledWords(["two"], ["b"]),
        LabelledWords(["three"], ["b"], 2.0),
    ]
    classifier = FastTextClassifier(width=2, epochs=1, class_weights={"b": 2.0})
    classifier.fit(examples, labels=["a", "b"])
    words = [line.split()[1] for line in in_this_process[0].splitlines()]
    assert words == ["one", "two", "three", "two", "three", "three", "three"]


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6)), st.integers(1, 4))
def test_distinct_ngrams_are_counted(texts, longest):
    counter = DistinctNgrams(longest)
    expected = set()
    for words in texts:
        counter.add(words)
        ended = [*words, "</s>"]
        expected |= {
            tuple(ended[i : i + n])
            for n in range(2, longest + 1)
            for i in range(len(ended) - n + 1)
        }
    assert counter.count == len(expected)


def test_buckets_have_a_least_and_a_most():
    assert fitted_buckets(0, [], min_n=0, max_n=0) == 1
    assert fitted_buckets(10**9, [], min_n=0, max_n=0) == MAX_BUCKETS
    # <a, a>, <ab and so on: 3 of "<a>" and 5 more of "<ab>".
    assert fitted_buckets(4, ["a"], min_n=2, max_n=3) == 2 * (4 + 3)


def test_what_is_searched_has_the_defaults_of_the_classifier():
    parameters = inspect.signature(FastTextClassifier).parameters
    assert {name: default for name, (default, _) in SEARCHED.items()} == {
        name: parameters[name].default for name in SEARCHED
    }


@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("Progress:  50.0% Trials:    3 Best score:  0.512 ETA:   0h 0m 7s", 0.45),
        ("Progress: 100.0% Trials:    9 Best score:  0.512 ETA:   0h 0m 0s", 0.9),
        ("Progress:  50.0% words/sec/thread:  9 lr:  0.1 avg.loss:  2.1 ETA: 0h", 0.95),
    ],
)
def test_search_and_training_are_one_progress(line, fraction):
    heard = []
    progress = Progress(
        size=10, passes=1, words=5, threads=2, on_progress=after_search(heard.append)
    )
    assert SearchProgress(progress, heard.append).read(line)
    assert heard[-1].fraction == pytest.approx(fraction)


def test_lines_that_mean_nothing_are_recognised():
    progress = Progress(size=10, passes=1, words=5, threads=1, on_progress=None)
    assert SearchProgress(progress, None).read("Training again with best arguments")
    assert not SearchProgress(progress, None).read("Traceback (most recent call last):")


def test_repeated_words_count_as_often(in_this_process):
    examples = [LabelledWords(["one"], ["a"], 3.0), LabelledWords(["two"], ["b"])]
    classifier = FastTextClassifier(width=2, epochs=1, min_count=3)
    classifier.fit(examples, labels=["a", "b"])
    model = classifier._fitted().model
    counts = Counter(dict(zip(model.words, model.word_counts.tolist(), strict=True)))
    assert counts == {"one": 3, "</s>": 4}
