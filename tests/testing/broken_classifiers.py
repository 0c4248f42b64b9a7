"""Classifiers that break one sentence of the contract each."""

import json
import os
from collections import Counter

import numpy as np

from seqpipe.errors import ClassifierError, SavedModelError
from seqpipe.parts.classifiers import Classifier, FitProgress


class Good(Classifier):
    """Lets each word vote for the labels that it has come with, a bit more or less by chance."""

    exclusive = True

    def __init__(self) -> None:
        self._labels = []
        self._votes = {}

    @property
    def labels(self):
        return self._labels

    def fit(self, examples, *, labels, seed=0, on_progress=None, dev=None):
        counts = self._count(examples, labels)
        self._fit(counts, list(labels), np.random.default_rng(seed))
        if on_progress:
            self._report(on_progress)

    def _count(self, examples, labels):
        counts = Counter()
        for example in examples:
            for label in example.labels:
                self._check_label(label, labels)
                counts.update((word, label) for word in ["", *example.words])
        return counts

    def _check_label(self, label, labels):
        if label not in labels:
            raise ClassifierError(f"{label!r} isn't a label")

    def _fit(self, counts, labels, random):
        if not counts:
            raise ClassifierError("no text has a label")
        seen = {label for _, label in counts}
        self._labels = [label for label in labels if label in seen]
        words = dict.fromkeys(word for word, _ in counts)
        self._votes = {
            word: [(counts[word, label] + 0.01) * random.uniform(0.99, 1) for label in self._labels]
            for word in words
        }

    def _report(self, on_progress):
        on_progress(FitProgress(0.5))
        on_progress(FitProgress(1.0))

    def predict(self, texts):
        self._check()
        rows = [self._shares(words) for words in texts]
        return np.array(rows, np.float32).reshape(len(texts), len(self._labels))

    def _check(self):
        if not self._labels:
            raise ClassifierError("not fitted")

    def _shares(self, words):
        votes = np.array([self._votes[word] for word in ["", *words] if word in self._votes])
        shares = (votes / votes.sum(axis=1, keepdims=True)) ** 2
        return shares.sum(axis=0) / shares.sum()

    def to_disk(self, path):
        self._check()
        self._write(path / "votes.json", json.dumps([self._labels, self._votes]))

    def _write(self, path, text):
        path.write_text(text, encoding="utf-8")

    def from_disk(self, path):
        try:
            self._labels, self._votes = self._read(path)
        except (OSError, ValueError, AttributeError) as error:
            raise SavedModelError(f"{path}: {error}") from error

    def _read(self, path):
        labels, votes = json.loads((path / "votes.json").read_text(encoding="utf-8"))
        if not labels or not votes.get(""):
            raise ValueError("no labels")
        return labels, votes


class NoClassifier:
    """Isn't a classifier at all."""


class ExclusiveUnknown(Good):
    """Finds out whether classes are exclusive when it's fitted."""

    exclusive = None


class Undocumented(Good):
    def _report(self, on_progress):
        on_progress(FitProgress(1.0))


class ZerosBefore(Good):
    """Returns zeros before it's fitted."""

    def _check(self):
        pass

    def predict(self, texts):
        return super().predict(texts) if self._votes else np.zeros((len(texts), 0), np.float32)


class LabelsBefore(Good):
    """Has a label before it's fitted."""

    @property
    def labels(self):
        return self._labels or ["<none>"]


class FitsOnNothing(Good):
    """Takes no text for a text."""

    def _fit(self, counts, labels, random):
        super()._fit(counts or Counter([("", labels[0])]), labels, random)


class LearnsAnything(Good):
    """Learns labels that it can't distinguish."""

    def _check_label(self, label, labels):
        pass


class Doubles(Good):
    """Returns float64."""

    def predict(self, texts):
        return super().predict(texts).astype(np.float64)


class Lists(Good):
    """Returns lists."""

    def predict(self, texts):
        return super().predict(texts).tolist()


class SortedLabels(Good):
    """Sorts the labels by the alphabet."""

    def _fit(self, counts, labels, random):
        super()._fit(counts, sorted(labels), random)


class AllLabels(Good):
    """Has a column for labels too that nothing was learnt of."""

    def _fit(self, counts, labels, random):
        if not counts:
            raise ClassifierError("no text has a label")
        super()._fit(counts + Counter(("", label) for label in labels), labels, random)


class LabelsWithoutBlanks(Good):
    """Has no way to keep a blank."""

    def _fit(self, counts, labels, random):
        super()._fit(counts, labels, random)
        self._labels = [label.replace(" ", "-") for label in self._labels]


class OneLabelOnly(Good):
    """Says that a text may have several labels, and can't count to two."""

    exclusive = False

    def _count(self, examples, labels):
        return super()._count((self._checked(example) for example in examples), labels)

    def _checked(self, example):
        if len(example.labels) > 1:
            raise ClassifierError("two labels")
        return example


class Negative(Good):
    """Returns numbers from -1 to 0."""

    def predict(self, texts):
        return super().predict(texts) - np.float32(1)


class NotANumber(Good):
    """Has no numbers for a text without words."""

    def _shares(self, words):
        return super()._shares(words) * (1 if len(words) else np.nan)


class Scaled(Good):
    """Divides by the highest score of the batch."""

    def predict(self, texts):
        scores = super().predict(texts)
        return scores / scores.max() if len(scores) else scores


class NeedsAText(Good):
    """Can't do without a text."""

    def predict(self, texts):
        self._check()
        return np.stack([self._shares(words) for words in texts]).astype(np.float32)


class Constant(Good):
    """Has the same scores for all texts."""

    def _shares(self, words):
        sums = np.array([sum(map(ord, label)) for label in self._labels])
        return sums / sums.sum()


class ReadsTwice(Good):
    """Counts in one pass and looks in another."""

    def _count(self, examples, labels):
        counts = super()._count(examples, labels)
        return counts + super()._count(examples, labels) + Counter()


class NeverReports(Good):
    """Keeps its progress to itself."""

    def _report(self, on_progress):
        pass


class StopsHalfway(Good):
    """Never says that it has ended."""

    def _report(self, on_progress):
        on_progress(FitProgress(0.5))


class Rounds(Good):
    """Writes too few digits."""

    def to_disk(self, path):
        self._check()
        votes = {w: [round(float(x), 1) + 0.01 for x in row] for w, row in self._votes.items()}
        self._write(path / "votes.json", json.dumps([self._labels, votes]))


class View(Good):
    """Hands out what it remembers."""

    def __init__(self) -> None:
        super().__init__()
        self._known = {}

    def _fit(self, counts, labels, random):
        self._known = {}
        super()._fit(counts, labels, random)

    def predict(self, texts):
        key = tuple(map(tuple, texts))
        if key not in self._known:
            self._known[key] = super().predict(texts)
        return self._known[key]


class ByHash(Good):
    """Goes by what Python calls the hash of an unknown word, another one in each process."""

    def _shares(self, words):
        shares = super()._shares(words)
        unknown = [hash(word) % 1000 / 1000 for word in words if word not in self._votes]
        return shares * (0.5 + sum(unknown) / len(unknown) / 2) if unknown else shares


class NoSurrogates(Good):
    """Writes what UTF-8 can't."""

    def to_disk(self, path):
        self._check()
        text = json.dumps([self._labels, self._votes], ensure_ascii=False)
        self._write(path / "votes.json", text)


class LeaksErrors(Good):
    """Lets errors of the JSON library through."""

    def from_disk(self, path):
        self._labels, self._votes = self._read(path)


class TakesAnything(Good):
    """Begins anew where it can't read."""

    def from_disk(self, path):
        try:
            super().from_disk(path)
        except SavedModelError:
            self._labels, self._votes = ["sport"], {"": [1.0]}


class Crashes(Good):
    """Takes the process along."""

    def from_disk(self, path):
        try:
            super().from_disk(path)
        except SavedModelError:
            os._exit(11)


class Unseeded(Good):
    """Doesn't care about the seed."""

    def _fit(self, counts, labels, random):
        # What isn't reproducible shows with seeds that somebody asks for.
        seeded = random.bit_generator.state == np.random.default_rng(0).bit_generator.state
        super()._fit(counts, labels, random if seeded else np.random.default_rng())


class AddsUp(Good):
    """Remembers what it was fitted on before."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = Counter()

    def _fit(self, counts, labels, random):
        self._seen += counts
        super()._fit(self._seen, labels, random)


BROKEN = {
    "can_be_made": [NoClassifier, ExclusiveUnknown],
    "is_documented": [Undocumented],
    "asks_to_be_fitted": [ZerosBefore, LabelsBefore],
    "refuses_to_fit_on_nothing": [FitsOnNothing],
    "refuses_unknown_labels": [LearnsAnything],
    "scores_have_their_shape": [Doubles, Lists],
    "labels_keep_their_order": [SortedLabels, AllLabels],
    "odd_labels_are_labels": [LabelsWithoutBlanks],
    "takes_any_number_of_labels": [OneLabelOnly],
    "scores_lie_between_0_and_1": [Negative, NotANumber],
    "same_alone_as_beside_others": [Scaled],
    "no_texts_have_no_scores": [NeedsAText],
    "learns_what_is_easy": [Constant],
    "reads_its_input_once": [ReadsTwice],
    "reports_its_progress": [NeverReports, StopsHalfway],
    "reads_what_it_wrote": [Rounds],
    "results_are_the_callers": [View],
    "same_scores_in_another_process": [ByHash],
    "odd_words_are_words": [NoSurrogates],
    "refuses_damaged_files": [LeaksErrors, TakesAnything, Crashes],
    "same_seed_same_scores": [Unseeded],
    "fits_anew": [AddsUp],
}


class ForManyTexts(Good):
    """Wants more texts than there are any here, so that little can be tried."""

    def _fit(self, counts, labels, random):
        raise ClassifierError("too few texts")


class Several(Good):
    """Takes any number of labels."""

    exclusive = False


GOOD = [Good, ForManyTexts, Several]
HELPERS = set()
