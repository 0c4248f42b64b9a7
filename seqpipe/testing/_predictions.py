"""The contract of classifiers: the scores that they give, and what they write and read."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe._reader import Probe
from seqpipe.parts.classifiers import Classifier, LabelledWords
from seqpipe.testing._check import BrokenError, Factory
from seqpipe.testing._damage import reading, try_damaged
from seqpipe.testing._labelled import EXAMPLES, LABELS, TEXTS, expect_same, fitted
from seqpipe.testing._saving import ODD_WORDS
from seqpipe.testing._smallest import at, show
from seqpipe.testing._vectors import expect_shape

_SCORES: Final = Probe("labels", "predict", asked=TEXTS)

#: Differences up to this are the order of additions.
_ABSOLUTE: Final = 1e-5

#: The share of texts that were learnt from whose best label has to be right; by chance a third is.
_EASY: Final = 0.6


def scores_have_their_shape(factory: Factory) -> None:
    """`predict` returns a float32 array with a row for each text and a column for each label."""
    classifier = fitted(factory)
    for number in (1, 3):
        texts = [example.words for example in EXAMPLES[:number]]
        at(lambda given: expect_shape(classifier.predict(given), (len(given), len(LABELS))), texts)


def scores_lie_between_0_and_1(factory: Factory) -> None:
    """Scores are numbers from 0 to 1, for texts of unknown words and without a word too."""
    classifier = fitted(factory)

    def law(text: Sequence[str]) -> None:
        scores = classifier.predict([text])
        expect_shape(scores, (1, len(LABELS)))
        if not ((scores >= 0) & (scores <= 1)).all():
            raise BrokenError(f"its scores are {scores}")

    for text in TEXTS:
        at(law, text)


def same_alone_as_beside_others(factory: Factory) -> None:
    """A text has the same scores whichever texts are asked for with it."""
    classifier = fitted(factory)
    together = classifier.predict(TEXTS)
    for text, scores in zip(TEXTS, together, strict=True):
        _expect_close(text, scores, classifier.predict([text])[0])


def _expect_close(text: Sequence[str], left: NDArray[Any], right: NDArray[Any]) -> None:
    if not np.allclose(left, right, atol=_ABSOLUTE, equal_nan=True):
        raise BrokenError(f"input that shows it: {show(text)}\nalone its scores are others")


def no_texts_have_no_scores(factory: Factory) -> None:
    """For no texts, `predict` returns a float32 array of no rows."""
    expect_shape(fitted(factory).predict([]), (0, len(LABELS)))


def learns_what_is_easy(factory: Factory) -> None:
    """Of texts that were learnt from, whose classes have words of their own, most get the right label."""
    classifier = fitted(factory)
    best = classifier.predict([example.words for example in EXAMPLES]).argmax(axis=1)
    labels = classifier.labels
    right = [labels[i] in e.labels for i, e in zip(best.tolist(), EXAMPLES, strict=True)]
    if sum(right) < _EASY * len(right):
        raise BrokenError(f"{sum(right)} of {len(right)} do")


def reads_what_it_wrote(factory: Factory) -> None:
    """Another classifier of the same settings reads what `to_disk` wrote, and gives the same scores."""
    classifier = fitted(factory)
    expect_same(classifier, _read_again(factory, classifier), "read again")


def _read_again(factory: Factory, classifier: Classifier) -> Classifier:
    again: Classifier = factory()
    with _written(classifier) as folder:
        again.from_disk(folder)
    return again


@contextlib.contextmanager
def _written(classifier: Classifier) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        classifier.to_disk(Path(folder))
        yield Path(folder)


def results_are_the_callers(factory: Factory) -> None:
    """What's done to a result doesn't reach the classifier."""
    # One that's no other check's.
    classifier = _read_again(factory, fitted(factory))
    for texts in (TEXTS[:1], TEXTS[:3], [()]):
        scores = classifier.predict(texts)
        before = scores.copy()
        if scores.flags.writeable:
            scores += 1
        if not np.array_equal(before, classifier.predict(texts), equal_nan=True):
            raise BrokenError(f"input that shows it: {show(texts)}\na change in the result stays")


def same_scores_in_another_process(factory: Factory) -> None:
    """Another process that reads what was written gives the same scores."""
    classifier = fitted(factory)
    with _written(classifier) as folder, reading(factory, folder, _SCORES) as reader:
        theirs = reader.give(TEXTS)
    for text, mine, other in zip(TEXTS, classifier.predict(TEXTS), theirs, strict=True):
        if not np.array_equal(mine, other, equal_nan=True):
            raise BrokenError(f"input that shows it: {show(text)}\nits scores there are others")


def odd_words_are_words(factory: Factory) -> None:
    """Emoji, marks, NUL, surrogates, white space, very long words: all can be fitted on, asked for and saved."""
    fitted(factory)

    def law(words: Sequence[str]) -> None:
        classifier: Classifier = factory()
        odd = [LabelledWords([*each.words, *words], each.labels) for each in EXAMPLES]
        classifier.fit(odd, labels=LABELS)
        if not np.isfinite(classifier.predict([words])).all():
            raise BrokenError("a score isn't finite")
        expect_same(classifier, _read_again(factory, classifier), "read again")

    try:
        law(ODD_WORDS)
    except Exception:
        for word in ODD_WORDS:
            at(law, [word])
        raise


def refuses_damaged_files(factory: Factory) -> None:
    """Of files that are missing, empty, cut short or something else, any that matters raises a `SavedModelError`."""
    with _written(fitted(factory)) as folder:
        try_damaged(factory, folder, _SCORES)
