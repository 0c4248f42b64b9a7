"""The contract of classifiers: their checks by name."""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe._reader import Probe
from seqpipe.errors import ClassifierError
from seqpipe.parts.classifiers import Classifier, FitProgress, LabelledWords
from seqpipe.testing._check import (
    BrokenError,
    Check,
    Factory,
    NotApplicable,
    make_check,
    remembered,
)
from seqpipe.testing._damage import reading, try_damaged
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._saving import ODD_WORDS
from seqpipe.testing._smallest import at, show
from seqpipe.testing._vectors import expect_shape

# What classifiers are fitted on.


#: Not in the order of the alphabet, nor in that of frequency.
LABELS: Final = ("sport", "weather", "food")

_OWN: Final = {
    "sport": ("goal", "team", "match", "ball", "league", "coach"),
    "weather": ("rain", "cloud", "storm", "sunny", "wind", "snow"),
    "food": ("bread", "soup", "salt", "cheese", "apple", "taste"),
}
_COMMON: Final = ("the", "a", "of", "and", "was", "there", "today", "very", "good", "then")


def _text(number: int) -> LabelledWords:
    label = LABELS[(number * number + number // 3) % len(LABELS)]
    own = [_OWN[label][(number * 5 + step * step) % 6] for step in range(4)]
    common = [_COMMON[(number * 7 + step * 3) % len(_COMMON)] for step in range(4)]
    return LabelledWords([word for pair in zip(common, own, strict=True) for word in pair], [label])


EXAMPLES: Final = tuple(_text(number) for number in range(300))

#: Texts to ask for: known words, unknown ones, none.
TEXTS: Final[tuple[Sequence[str], ...]] = (
    *(example.words for example in EXAMPLES[:6]),
    ("zebra", "rain"),
    ("zebra",),
    (),
    ("goal",) * 300,
)


@remembered
def fitted(factory: Factory) -> Classifier:
    """Return a fitted classifier, for checks that don't change it.

    Raises:
        NotApplicable: Its settings are for more texts than there are here.
    """
    classifier: Classifier = factory()
    try:
        classifier.fit(EXAMPLES, labels=LABELS)
    except ClassifierError as error:
        raise NotApplicable(
            f"it doesn't fit on {len(EXAMPLES)} short texts ({error}): give it smaller settings by a "
            "functools.partial"
        ) from error
    return classifier


def expect_same(left: Classifier, right: Classifier, when: str) -> None:
    """Raise a `BrokenError` if two classifiers have other labels, or different scores for a text."""
    if list(left.labels) != list(right.labels):
        raise BrokenError(f"{when}, the labels are {show(list(right.labels))}")
    for text in TEXTS:
        if not np.array_equal(left.predict([text]), right.predict([text]), equal_nan=True):
            raise BrokenError(f"input that shows it: {show(text)}\n{when}, its scores are others")


# Checks of labels.


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


# Checks of scores, and of saved classifiers.

_SCORES: Final = Probe("labels", "predict", asked=TEXTS)

#: Differences up to this come from the order of additions.
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

    def verify(text: Sequence[str]) -> None:
        scores = classifier.predict([text])
        expect_shape(scores, (1, len(LABELS)))
        if not ((scores >= 0) & (scores <= 1)).all():
            raise BrokenError(f"its scores are {scores}")

    for text in TEXTS:
        at(verify, text)


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

    def verify(words: Sequence[str]) -> None:
        classifier: Classifier = factory()
        odd = [LabelledWords([*each.words, *words], each.labels) for each in EXAMPLES]
        classifier.fit(odd, labels=LABELS)
        if not np.isfinite(classifier.predict([words])).all():
            raise BrokenError("a score isn't finite")
        expect_same(classifier, _read_again(factory, classifier), "read again")

    try:
        verify(ODD_WORDS)
    except Exception:
        for word in ODD_WORDS:
            at(verify, [word])
        raise


def refuses_damaged_files(factory: Factory) -> None:
    """Of files that are missing, empty, cut short or something else, any that matters raises a `SavedModelError`."""
    with _written(fitted(factory)) as folder:
        try_damaged(factory, folder, _SCORES)


def classifier_checks() -> list[Check]:
    """Return the checks of a classifier."""
    made = make_check(can_be_made, "classifiers", Classifier, _make)
    shape = make_check(scores_have_their_shape, needs=(made,))
    saved = make_check(reads_what_it_wrote, needs=(shape,))
    elsewhere = make_check(same_scores_in_another_process, needs=(saved,))
    seeded = make_check(same_seed_same_scores, needs=(shape,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        make_check(asks_to_be_fitted, needs=(made,)),
        make_check(refuses_to_fit_on_nothing, needs=(made,)),
        make_check(refuses_unknown_labels, needs=(made,)),
        shape,
        make_check(labels_keep_their_order, needs=(shape,)),
        make_check(odd_labels_are_labels, needs=(shape,)),
        make_check(takes_any_number_of_labels, needs=(shape,)),
        make_check(scores_lie_between_0_and_1, needs=(shape,)),
        make_check(same_alone_as_beside_others, needs=(shape,)),
        make_check(no_texts_have_no_scores, needs=(shape,)),
        make_check(learns_what_is_easy, needs=(shape,)),
        make_check(reads_its_input_once, needs=(shape,)),
        make_check(reports_its_progress, needs=(shape,)),
        saved,
        make_check(results_are_the_callers, needs=(saved,)),
        elsewhere,
        make_check(odd_words_are_words, needs=(saved,)),
        make_check(refuses_damaged_files, needs=(elsewhere,)),
        seeded,
        make_check(fits_anew, needs=(seeded,)),
    ]


def _make(factory: Factory) -> Classifier:
    classifier: Classifier = factory()
    if isinstance(classifier, Classifier) and not isinstance(
        getattr(classifier, "exclusive", None), bool
    ):
        raise BrokenError("`exclusive` isn't True or False before it's fitted")
    return classifier


def _expect_error(classifier: Classifier, call: str, *arguments: Any, **more: Any) -> None:
    try:
        getattr(classifier, call)(*arguments, **more)
    except ClassifierError:
        return
    except Exception as error:
        raise BrokenError(f"{call} raised {type(error).__name__}: {error}") from error
    raise BrokenError(f"{call} raised nothing")


def asks_to_be_fitted(factory: Factory) -> None:
    """Before it's fitted there are no labels, and `predict` and `to_disk` raise a `ClassifierError`."""
    classifier = factory()
    if len(classifier.labels):
        raise BrokenError(f"the labels are {list(classifier.labels)[:5]} before fitting")
    _expect_error(classifier, "predict", [["the"]])
    with tempfile.TemporaryDirectory() as folder:
        _expect_error(classifier, "to_disk", Path(folder))


def refuses_to_fit_on_nothing(factory: Factory) -> None:
    """Without any text that has a label, `fit` raises a `ClassifierError`."""
    nothing: list[list[LabelledWords]] = [[], [LabelledWords(["the", "cat"], [])]]
    for examples in nothing:
        at(lambda given: _expect_error(factory(), "fit", given, labels=LABELS), examples)


def refuses_unknown_labels(factory: Factory) -> None:
    """If a text has a label that isn't among `labels`, `fit` raises a `ClassifierError`."""
    examples = [*EXAMPLES, LabelledWords(["the"], ["politics"])]
    _expect_error(factory(), "fit", examples, labels=LABELS)


def reads_its_input_once(factory: Factory) -> None:
    """`fit` reads its examples once, so that they can come from a stream."""
    listed, classifier = fitted(factory), factory()
    classifier.fit((example for example in EXAMPLES), labels=LABELS)
    expect_same(listed, classifier, "from a stream")


def reports_its_progress(factory: Factory) -> None:
    """`fit` reports its progress: fractions from 0 to 1 that don't fall, the last one 1."""
    fitted(factory)
    reports: list[FitProgress] = []
    factory().fit(EXAMPLES, labels=LABELS, on_progress=reports.append)
    fractions = [progress.fraction for progress in reports]
    if not fractions:
        raise BrokenError("on_progress is never called")
    rising = all(a <= b for a, b in itertools.pairwise(fractions))
    if not (rising and fractions[0] >= 0 and fractions[-1] == 1):
        raise BrokenError(f"it reports {fractions[-10:]}")


def same_seed_same_scores(factory: Factory) -> None:
    """The same examples and seed give the same scores, to the bit."""
    fitted(factory)
    first, again = factory(), factory()
    for classifier in (first, again):
        classifier.fit(EXAMPLES, labels=LABELS, seed=7)
    expect_same(first, again, "fitted again with the seed 7")


def fits_anew(factory: Factory) -> None:
    """What was fitted on before leaves no trace."""
    fresh, classifier = fitted(factory), factory()
    classifier.fit(_others(), labels=("one", "two"))
    classifier.fit(EXAMPLES, labels=LABELS)
    expect_same(fresh, classifier, "after other texts")


def _others() -> Sequence[LabelledWords]:
    pair = [LabelledWords(["goal", "uno"], ["one"]), LabelledWords(["rain", "due"], ["two"])]
    return pair * 40
