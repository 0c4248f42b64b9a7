"""The contract of classifiers: all of it by name, and how they're fitted."""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqpipe.errors import ClassifierError
from seqpipe.parts.classifiers import Classifier, FitProgress, LabelledWords
from seqpipe.testing import _labels as labels
from seqpipe.testing import _predictions as predictions
from seqpipe.testing._check import BrokenError, Check, Factory, make_check
from seqpipe.testing._labelled import EXAMPLES, LABELS, expect_same, fitted
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._smallest import at


def classifier_checks() -> list[Check]:
    """Return the checks of a classifier."""
    made = make_check(can_be_made, "classifiers", Classifier, _make)
    shape = make_check(predictions.scores_have_their_shape, needs=(made,))
    saved = make_check(predictions.reads_what_it_wrote, needs=(shape,))
    elsewhere = make_check(predictions.same_scores_in_another_process, needs=(saved,))
    seeded = make_check(same_seed_same_scores, needs=(shape,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        make_check(asks_to_be_fitted, needs=(made,)),
        make_check(refuses_to_fit_on_nothing, needs=(made,)),
        make_check(refuses_unknown_labels, needs=(made,)),
        shape,
        make_check(labels.labels_keep_their_order, needs=(shape,)),
        make_check(labels.odd_labels_are_labels, needs=(shape,)),
        make_check(labels.takes_any_number_of_labels, needs=(shape,)),
        make_check(predictions.scores_lie_between_0_and_1, needs=(shape,)),
        make_check(predictions.same_alone_as_beside_others, needs=(shape,)),
        make_check(predictions.no_texts_have_no_scores, needs=(shape,)),
        make_check(predictions.learns_what_is_easy, needs=(shape,)),
        make_check(reads_its_input_once, needs=(shape,)),
        make_check(reports_its_progress, needs=(shape,)),
        saved,
        make_check(predictions.results_are_the_callers, needs=(saved,)),
        elsewhere,
        make_check(predictions.odd_words_are_words, needs=(saved,)),
        make_check(predictions.refuses_damaged_files, needs=(elsewhere,)),
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
    """`fit` tells how far it is: fractions from 0 to 1 that don't fall, the last one 1."""
    fitted(factory)
    told: list[FitProgress] = []
    factory().fit(EXAMPLES, labels=LABELS, on_progress=told.append)
    fractions = [progress.fraction for progress in told]
    if not fractions:
        raise BrokenError("on_progress is never called")
    rising = all(a <= b for a, b in itertools.pairwise(fractions))
    if not (rising and fractions[0] >= 0 and fractions[-1] == 1):
        raise BrokenError(f"it tells {fractions[-10:]}")


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
