"""One number for each text, or several (regression)."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from seqpipe.correlation import pearson, spearman
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks import Field, Judgement, Task, Wanted

_NUMBERS: Final = "numbers"

# As soon as the module is imported, which a worker that unpickles a pipeline does.
if not Doc.has_extension(_NUMBERS):
    Doc.set_extension(_NUMBERS, default={})


@final
class Numbers(Task):
    """Predicts numbers, which become `doc._.numbers`: a dictionary from their names to their values.

    A row has them as a label that can be read as a number, or from a reader that gives several.

    Args:
        names: What the numbers are called, in their order. None: "number", or "number_1", "number_2" and so on.

    Raises:
        ConfigError: A name is empty, or there twice.
    """

    main_figure: ClassVar[str] = "r2"

    def __init__(self, *, names: Sequence[str] | None = None) -> None:
        if names is not None and (
            not names or not all(names) or len({*names}) < len(names) or isinstance(names, str)
        ):
            raise ConfigError(
                f"`names` is {names!r}; it's a list of distinct names, or null", setting="names"
            )
        self.names = None if names is None else tuple(names)

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write a row's numbers into `doc._.numbers`."""
        numbers = _numbers(row)
        if not numbers:
            raise DataError(f"{row.source} has no number")
        names = self.names or _default_names(len(numbers))
        if len(numbers) != len(names):
            raise DataError(
                f"{row.source} has {len(numbers)} numbers, and [task] has names for {len(names)}"
            )
        doc._.set(_NUMBERS, dict(zip(names, numbers, strict=True)))

    def check(self, parts: Mapping[str, Sequence[Row]]) -> Sequence[str]:
        """Check that all rows have as many numbers.

        Raises:
            DataError: One has more or fewer than most.
        """
        rows = [row for each in parts.values() for row in each]
        counts = {row.source: len(row.numbers or row.labels) for row in rows}
        usual = Counter(counts.values()).most_common(1)[0][0] if counts else 0
        if other := next((source for source, count in counts.items() if count != usual), None):
            raise DataError(
                f"{other} has {counts[other]} numbers where most rows have {usual}: mend it, or leave it out"
            )
        return ()

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return the names of the numbers; see `Task.labels`.

        Raises:
            DataError: No doc has numbers, or docs have other numbers than the first one.
        """
        found: list[str] = []
        for doc in docs:
            names = list(_of(doc))
            if names and found and names != found:
                raise DataError(
                    f"texts have the numbers {', '.join(found)} and {', '.join(names)}: each should have the same ones"
                )
            found = found or names
        if not found:
            raise DataError("there's nothing to learn: no text has a number")
        return found

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return the numbers, `[B, L]`; NaN where they're unknown."""
        rows = [[_of(doc).get(name, math.nan) for name in labels] for doc in docs]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(docs), len(labels))

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write predicted numbers into `doc._.numbers`."""
        for doc, row in zip(docs, scores.tolist(), strict=True):
            doc._.set(_NUMBERS, dict(zip(labels, row, strict=True)))

    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return how near predicted numbers are to the true ones: the means over all names, and under "numbers" each.

        Returns:
            "r2", the share of the variance that's explained; "pearson" and "spearman", the correlations; "mae" and "rmse", the
            mean absolute error and the root of the mean square error. Where all true numbers are the same, or all
            predicted ones, what can't be said of them is 0.
        """
        pairs: dict[str, list[tuple[float, float]]] = {}
        for example in examples:
            predicted = _of(example.predicted)
            for name, number in _of(example.reference).items():
                if name in predicted:
                    pairs.setdefault(name, []).append((number, predicted[name]))
        of_names = {name: _figures(np.array(each)) for name, each in pairs.items()}
        means = {
            figure: float(np.mean([each[figure] for each in of_names.values()]))
            if of_names
            else 0.0
            for figure in _FIGURES
        }
        return {**means, "numbers": of_names}

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return a field for each number, called by its name."""
        return [Field(name, "number", "the predicted number") for name in labels]

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return the predicted numbers."""
        numbers = _of(doc)
        return {name: numbers.get(name) for name in labels}

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return the true and the predicted numbers; the error is the sum of the absolute differences."""
        truths, said = _of(example.reference), _of(example.predicted)
        names = [name for name in labels if name in truths and name in said]
        if not names:
            return None
        error = sum(abs(truths[name] - said[name]) for name in names)
        return Judgement(
            {name: truths[name] for name in names}, {name: said[name] for name in names}, error
        )

    def sample(self) -> Sequence[Row]:
        """Return three rows with a grade."""
        texts = [("a fine film", 4.5), ("a dull film", 1.0), ("an average film", 3.0)]
        return [Row(text, (str(n),), f"sample:{i}") for i, (text, n) in enumerate(texts)]

    def strata(self, row: Row) -> Sequence[str]:
        """Return none: a text may fall to any part of the data."""
        return ()


def _of(doc: Doc) -> Mapping[str, float]:
    found: Mapping[str, float] = doc._.get(_NUMBERS)
    return found


def _default_names(count: int) -> Sequence[str]:
    return ["number"] if count == 1 else [f"number_{i}" for i in range(1, count + 1)]


def _numbers(row: Row) -> tuple[float, ...]:
    numbers = row.numbers or tuple(_number(label, row.source) for label in row.labels)
    if too_large := [number for number in numbers if abs(number) > _LARGEST]:
        raise DataError(f"{row.source} has the number {too_large[0]}, which is too large to learn")
    return numbers


def _number(text: str, source: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f'{source} has the label "{text}", which isn\'t a number')
    return number


#: A thousandth of the largest number in single precision, so that sums of some stay finite.
_LARGEST: Final = 1e35
_FIGURES: Final = ("r2", "pearson", "spearman", "mae", "rmse")


def _figures(pairs: NDArray[np.float64]) -> dict[str, float]:
    """Return the figures of pairs of true and predicted numbers, `[n, 2]`."""
    truths, predicted = pairs.T
    errors = predicted - truths
    variance = np.square(truths - truths.mean()).sum()
    return {
        "r2": float(1 - np.square(errors).sum() / variance) if variance else 0.0,
        "pearson": pearson(truths, predicted) or 0.0,
        "spearman": spearman(truths, predicted) or 0.0,
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt(np.square(errors).mean())),
    }
