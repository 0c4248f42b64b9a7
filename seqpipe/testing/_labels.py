"""The contract of classifiers: labels."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from seqpipe.parts.classifiers import Classifier, LabelledWords
from seqpipe.testing._check import BrokenError, Factory, NotApplicable
from seqpipe.testing._labelled import EXAMPLES, LABELS, fitted
from seqpipe.testing._smallest import at, show

_ODD: Final = ("two words", "e\u0301", "שלום", "👩‍👩‍👧", "__label__x", "</s>", "a\tb", "x" * 300)


def labels_keep_their_order(factory: Factory) -> None:
    """The labels are those of `labels` that a text has, in the order given, whatever that is."""
    fitted(factory)
    for order in (LABELS[::-1], ("politics", *LABELS)):
        at(lambda given: _expect_order(factory, given), order)


def _expect_order(factory: Factory, order: Sequence[str]) -> None:
    classifier: Classifier = factory()
    classifier.fit(EXAMPLES, labels=order)
    if list(classifier.labels) != [label for label in order if label in LABELS]:
        raise BrokenError(f"the labels are {list(classifier.labels)}")
    expected, found = (_best(each) for each in (fitted(factory), classifier))
    if expected != found:
        raise BrokenError(f"a text that was {expected!r} is {found!r} then")


def _best(classifier: Classifier) -> str:
    scores = classifier.predict([EXAMPLES[0].words])[0]
    return classifier.labels[int(scores.argmax())]


def odd_labels_are_labels(factory: Factory) -> None:
    """Labels of several words, in other scripts, very long ones: all can be learnt."""
    fitted(factory)
    try:
        _expect_learnt(factory, _ODD)
    except Exception:
        for label in _ODD:
            at(lambda given: _expect_learnt(factory, (given, "plain")), label)
        raise


def _expect_learnt(factory: Factory, labels: Sequence[str]) -> None:
    classifier: Classifier = factory()
    texts = zip(EXAMPLES, itertools.cycle(labels), strict=False)
    classifier.fit([LabelledWords(each.words, [label]) for each, label in texts], labels=labels)
    if sorted(classifier.labels) != sorted(labels):
        raise BrokenError(f"the labels are {show(list(classifier.labels))}")


def takes_any_number_of_labels(factory: Factory) -> None:
    """Where classes aren't exclusive, a text may have several labels, or none."""
    if fitted(factory).exclusive:
        raise NotApplicable("its classes are exclusive")
    pairs = itertools.pairwise(EXAMPLES)
    both = [
        LabelledWords([*a.words, *b.words], list(dict.fromkeys([*a.labels, *b.labels])))
        for a, b in pairs
    ]
    classifier: Classifier = factory()
    classifier.fit([*both, LabelledWords(["the", "very"], [])], labels=LABELS)
    scores = classifier.predict([example.words for example in both[:10]])
    if not np.isfinite(scores).all():
        raise BrokenError(f"the scores of texts with several labels are {scores}")
