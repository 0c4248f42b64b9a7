"""Tasks that break one sentence of the contract each, and good ones."""

import math

import torch

from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks import Field, Task


class Good(Task):
    """Learns the length of a text in words, where a row's label is "long" or "short"."""

    main_figure = "right"

    def annotate(self, doc, row, labels):
        if row.labels not in (("long",), ("short",)):
            raise DataError(f"{row.source} is neither long nor short")
        doc.user_data["long"] = float(row.labels == ("long",))

    def labels(self, docs):
        if all("long" not in doc.user_data for doc in docs):
            raise DataError("there's nothing to learn")
        return ["long"]

    def truths(self, docs, labels):
        return torch.tensor([[doc.user_data.get("long", math.nan)] for doc in docs]).reshape(-1, 1)

    def set_predictions(self, docs, scores, labels):
        for doc, row in zip(docs, scores, strict=True):
            doc.user_data["long"] = float(row[0])

    def score(self, examples):
        off = [abs(e.predicted.user_data["long"] - e.reference.user_data["long"]) for e in examples]
        return {"right": 1 - sum(off) / max(1, len(off))}

    def sample(self):
        texts = [("so many words in it", "long"), ("none", "short")]
        return [Row(text, (label,), "sample") for text, label in texts]


class Classes(Good):
    """Has a class for each text, a negative one where it's unknown."""

    def truths(self, docs, labels):
        return torch.tensor([[int(doc.user_data.get("long", -1))] for doc in docs]).reshape(-1, 1)


class Unstated(Good):
    """Has a setting without an annotation."""

    def __init__(self, *, most=3):
        self.most = most


class NoTask:
    """Is none."""


class Undocumented(Good):
    pass


class OneRow(Good):
    """Has a sample of one row."""

    def sample(self):
        return super().sample()[:1]


class CountsLabels(Good):
    """Gives other labels each time."""

    times = 0

    def labels(self, docs):
        self.times += 1
        return [f"long {self.times}"]


class TooManyRows(Good):
    """Has a row of truths too many."""

    def truths(self, docs, labels):
        return torch.zeros(len(docs) + 20, 1)


class NoTensor(Good):
    """Gives truths as a list."""

    def truths(self, docs, labels):
        return [[0.0]] * len(docs)


class KnowsAll(Good):
    """Takes what's unknown for short."""

    def truths(self, docs, labels):
        return super().truths(docs, labels).nan_to_num()


class Forgets(Good):
    """Keeps truths beside the docs."""

    def __init__(self):
        self.known = {}

    def annotate(self, doc, row, labels):
        super().annotate(doc, row, labels)
        self.known[id(doc)] = doc.user_data.pop("long")

    def labels(self, docs):
        return ["long"]

    def truths(self, docs, labels):
        return torch.tensor([[self.known.get(id(doc), math.nan)] for doc in docs]).reshape(-1, 1)

    def score(self, examples):
        off = [
            abs(e.predicted.user_data.get("long", 0.0) - self.known[id(e.reference)])
            for e in examples
        ]
        return {"right": 1 - sum(off) / max(1, len(off))}


class RaisesKeyError(Good):
    """Raises what isn't a DataError for labels that it doesn't know."""

    def annotate(self, doc, row, labels):
        doc.user_data["long"] = {"long": 1.0, "short": 0.0}[row.labels[0]]


class NamesNoRow(Good):
    """Doesn't say which row can't be learnt."""

    def annotate(self, doc, row, labels):
        if row.labels not in (("long",), ("short",)):
            raise DataError("a row is neither long nor short")
        super().annotate(doc, row, labels)


class NanOfNothing(Good):
    """Scores no examples as NaN."""

    def score(self, examples):
        return super().score(examples) if examples else {"right": math.nan}


class NoFigure(Good):
    """Names a main figure that it doesn't give."""

    main_figure = "left"


class LowerIsBetter(Good):
    """Chooses the worst model."""

    def score(self, examples):
        return {"right": 1 - super().score(examples)["right"]}


class OtherFields(Good):
    """Puts out other fields than it declares."""

    def fields(self, labels, wanted):
        return [Field("long", "number", "how long it is")]


class NoNumber(OtherFields):
    """Puts out text where a number is declared."""

    def output(self, doc, labels, wanted):
        return {"long": "very"}


class UnknownOption(Good):
    """Heeds what nothing asks for."""

    options = frozenset({"colour"})


class NoFields(Good):
    """Declares names alone."""

    def fields(self, labels, wanted):
        return ["prediction"]


HELPERS = set()

BROKEN = {
    "can_be_made": [Unstated, NoTask],
    "is_documented": [Undocumented],
    "annotates_its_sample": [OneRow, CountsLabels],
    "truths_have_their_shape": [TooManyRows, NoTensor],
    "unknown_truths_are_nan": [KnowsAll],
    "truths_survive_saving": [Forgets],
    "odd_labels_are_refused_or_learnt": [RaisesKeyError, NamesNoRow],
    "scores_are_figures": [NanOfNothing, NoFigure],
    "truths_score_best": [LowerIsBetter],
    "output_fits_its_fields": [OtherFields, NoNumber, UnknownOption, NoFields],
}

GOOD = [Good, Classes]
