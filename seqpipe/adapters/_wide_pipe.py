"""A classifier beside a trained component: the scores of both are mixed in `doc.cats`."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from torch import Tensor
from torch.nn import functional

from seqpipe.adapters._classifier_pipe import (
    ClassifierPipe,
    check_classifier,
    labels_of,
)
from seqpipe.adapters._tokenizer import remember_chunks
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.parts.classifiers import Classifier
from seqpipe.storage.part_files import read_settings, write_settings

_MIX: Final = "mix.json"
_KIND: Final = "WidePipe"
#: No score counts as less, since its logarithm would outweigh all others.
_LEAST: Final = 1e-6
_ITERATIONS: Final = 50
#: How many bytes of a classifier's scores are kept at most while a pipeline is trained: 64 MiB.
_KEPT_BYTES: Final = 2**26


class WidePipe(ClassifierPipe):
    """Mixes the scores of a classifier with those that a component before it has set.

    By logarithms: ``p ∝ p_before^a · p_classifier^b`` where classes are exclusive, and the weighted sum of log-odds where
    they aren't. `nlp.initialize` trains the classifier, and `tune` finds the weights a and b.

    The labels of the examples that it's initialised with are mixed; scores of others stay as they are. A label that the
    classifier couldn't learn has a score of 0 of its. A doc without scores of these labels gets the classifier's own.

    Args:
        vocab: The pipeline's vocabulary.
        name: What the component is called.
        classifier: Gives the scores that are mixed in; it may be fitted later.
        threshold: From which score on a label counts as predicted, where classes aren't exclusive.
        weights: How much the logarithms count: those of the scores before, and the classifier's.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str,
        classifier: Classifier,
        threshold: float,
        weights: tuple[float, float],
    ) -> None:
        super().__init__(vocab, name, classifier, threshold)
        self.weights = self._first_weights = weights
        self._is_trained_beside = False
        self._labels: tuple[str, ...] = ()
        self._kept: dict[bytes, NDArray[np.float32]] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose scores are mixed, those included that the classifier couldn't learn."""
        return self._labels or super().labels

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
        dev: Callable[[Language], Iterable[Example]] | None = None,
    ) -> None:
        """Train the classifier, and mix by the first weights; see `ClassifierPipe.initialize`."""
        found = labels or labels_of(get_examples())
        self._forget()
        super().initialize(get_examples, nlp=nlp, labels=found, dev=dev)
        self._labels = tuple(found)
        self.weights = self._first_weights
        self._is_trained_beside = True

    def update(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, float]:
        """Leave the classifier as it is, and go back to the first weights if the component before is being trained.

        Weights tuned to an early state of it might leave it out, and then no score would show that it gets better. A
        pipeline that was loaded keeps its weights.
        """
        if self._is_trained_beside:
            self.weights = self._first_weights
        return kwargs.get("losses") or {}

    def tune(self, docs: Sequence[Doc], truths: Sequence[Doc]) -> None:
        """Find the weights that give the least cross entropy, unless they clearly answer fewer texts right than the first ones.

        Args:
            docs: Texts that nothing was fitted on, with the scores of the component before.
            truths: The same texts with their true categories.
        """
        known = [
            (doc, truth)
            for doc, truth in zip(docs, truths, strict=True)
            if truth.cats and self._has_scores(doc)
        ]
        if not known:
            return
        logits = self._logits([doc for doc, _ in known])
        found = [[truth.cats.get(label, 0.0) for label in self.labels] for _, truth in known]
        targets = torch.tensor(found, dtype=torch.float64)
        before, own = fit_weights(torch.from_numpy(logits), targets, self.is_exclusive)
        weights = before, own
        right, first_right = (
            self._are_right(np.tensordot(each, logits, 1), targets.numpy())
            for each in (weights, self._first_weights)
        )
        # By more than chance does, of the answers that only one of them has right.
        is_worse = first_right.sum() - right.sum() > np.sqrt((first_right != right).sum())
        self.weights = self._first_weights if is_worse else weights

    def _are_right(
        self, logits: NDArray[np.float64], truths: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return whether each text's best label is right, or each label of each text, where classes aren't exclusive."""
        if self.is_exclusive:
            best: NDArray[np.bool_] = (
                np.take_along_axis(truths, logits.argmax(1)[:, None], 1) >= 0.5
            )
            return best
        edge = np.log(self.threshold) - np.log1p(-self.threshold) if self.threshold < 1 else np.inf
        same: NDArray[np.bool_] = (logits >= edge) == (truths >= 0.5)
        return same

    def _annotate(self, docs: list[Doc]) -> list[Doc]:
        scored = [doc for doc in docs if self._has_scores(doc)]
        if others := [doc for doc in docs if not self._has_scores(doc)]:
            super()._annotate(others)
        if scored:
            mixed = torch.from_numpy(np.tensordot(self.weights, self._logits(scored), 1))
            scores = mixed.softmax(1) if self.is_exclusive else mixed.sigmoid()
            for doc, row in zip(scored, scores.tolist(), strict=True):
                doc.cats = {**doc.cats, **dict(zip(self.labels, row, strict=True))}
        return docs

    def _has_scores(self, doc: Doc) -> bool:
        return not doc.cats.keys().isdisjoint(self.labels)

    def _logits(self, docs: Sequence[Doc]) -> NDArray[np.float64]:
        """Return what's weighed: `[2, docs, labels]`, of the scores before and of the classifier's."""
        own = self._predict(docs).astype(np.float64)
        column = {label: n for n, label in enumerate(self.classifier.labels)}
        scores = np.zeros((2, len(docs), len(self.labels)))
        for n, label in enumerate(self.labels):
            scores[0, :, n] = [doc.cats.get(label, 0.0) for doc in docs]
            if label in column:
                scores[1, :, n] = own[:, column[label]]
        return logits_of(scores, exclusive=self.is_exclusive)

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep the classifier's scores; see `keeping_scores`."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept.clear()

    def _predict(self, docs: Sequence[Doc]) -> NDArray[np.float32]:
        if self._kept is None:
            return super()._predict(docs)
        keys = [_key(doc) for doc in docs]
        new = {key: doc for key, doc in zip(keys, docs, strict=True) if key not in self._kept}
        found = {key: self._kept[key] for key in keys if key not in new}
        if new:
            scores = super()._predict([*new.values()])
            found.update(zip(new, scores, strict=True))
            room = _KEPT_BYTES // max(scores[0].nbytes, 1) - len(self._kept)
            self._kept.update(islice(zip(new, scores, strict=True), max(room, 0)))
        return np.stack([found[key] for key in keys]) if keys else super()._predict(docs)

    def _write(self, folder: Path) -> None:
        super()._write(folder)
        before, own = map(float, self.weights)
        mix = {"before": before, "own": own, "labels": list(self.labels)}
        write_settings(folder / _MIX, mix, kind=_KIND)

    def _read(self, folder: Path) -> None:
        self._forget()
        super()._read(folder)
        types = {"before": float, "own": float, "labels": list}
        saved = read_settings(folder / _MIX, types, kind=_KIND)
        weights, labels = (saved["before"], saved["own"]), saved["labels"]
        if not all(0 <= weight < math.inf for weight in weights):
            raise SavedModelError(f"{folder / _MIX} is damaged: its weights are {weights}")
        is_sound = set(map(type, labels)) <= {str} and len({*labels}) == len(labels)
        if not (is_sound and {*labels} >= {*self.classifier.labels}):
            raise SavedModelError(f"{folder / _MIX} is damaged: its labels aren't the classifier's")
        self.weights, self._labels = weights, tuple(labels)


def _key(doc: Doc) -> bytes:
    """Return what tells the words of a doc from others."""
    return hashlib.blake2b(doc.to_array(ORTH).tobytes(), digest_size=16).digest()


@contextlib.contextmanager
def keeping_scores(nlp: Language) -> Iterator[None]:
    """Have the classifiers of a pipeline's mixes asked once for the scores of each text meanwhile, as they don't change.

    The scores of the first texts are kept, 64 MiB at most, until the classifier is fitted or read anew.
    """
    with contextlib.ExitStack() as stack:
        for _, pipe in nlp.pipeline:
            if isinstance(pipe, WidePipe):
                stack.enter_context(pipe.keeping())
        yield


def fit_weights(logits: Tensor, targets: Tensor, exclusive: bool) -> tuple[float, ...]:
    """Return the weights, above 0, of some matrices of logits, `[K, docs, labels]`, with the least cross entropy."""
    # Logarithms keep them above 0; the problem has no other valleys.
    first = torch.full((len(logits),), 1 / len(logits), dtype=torch.float64)
    logs = first.log().requires_grad_()
    optimizer = torch.optim.LBFGS([logs], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        mixed = torch.tensordot(logs.exp(), logits, 1)
        loss = (
            functional.cross_entropy(mixed, targets)
            if exclusive
            else functional.binary_cross_entropy_with_logits(mixed, targets)
        )
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return tuple(logs.detach().exp().tolist())


def logits_of(scores: NDArray[np.float64], *, exclusive: bool) -> NDArray[np.float64]:
    """Return the logarithms of scores, or their log-odds where classes aren't exclusive; none is infinite."""
    scores = scores.clip(_LEAST, 1 - _LEAST)
    logs: NDArray[np.float64] = np.log(scores)
    return logs if exclusive else logs - np.log1p(-scores)


@Language.factory(  # type: ignore[untyped-decorator]
    "seqpipe_wide",
    requires=["doc.cats"],
    assigns=["doc.cats"],
    default_config={"threshold": 0.5, "weight": 0.5},
    default_score_weights={"cats_score": 1.0, "cats_micro_f": 0.0},
)
def make_wide_pipe(
    nlp: Language, name: str, classifier: Classifier, threshold: float, weight: float
) -> WidePipe:
    """Make the component; registered as the factory "seqpipe_wide".

    Args:
        nlp: The pipeline.
        name: What the component is called.
        classifier: Gives the scores that are mixed with those of the component before.
        threshold: From which score on a label counts as predicted, where classes aren't exclusive.
        weight: The classifier's part of the mix, until "seqpipe.TuneMix.v1" finds a better one.

    Raises:
        ConfigError: It's no classifier, or threshold or weight aren't from 0 to 1.
    """
    check_classifier(name, classifier, threshold)
    if not 0 <= weight <= 1:
        raise ConfigError(
            f"the `weight` of the component {name!r} is {weight}; it lies between 0 and 1"
        )
    remember_chunks(nlp.tokenizer)
    return WidePipe(nlp.vocab, name, classifier, threshold, (1 - weight, weight))


def mix_of(nlp: Language) -> dict[str, float]:
    """Return the weights of a pipeline's mix: of the component before, and of the classifier; empty without one."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, WidePipe):
            before, own = pipe.weights
            return {"head": before, "classifier": own}
    return {}
