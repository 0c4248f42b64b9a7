"""What classifiers are fitted on."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from seqpipe.errors import ClassifierError
from seqpipe.parts.classifiers import Classifier, LabelledWords
from seqpipe.testing._check import BrokenError, Factory, NotApplicable, remembered
from seqpipe.testing._smallest import show

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
