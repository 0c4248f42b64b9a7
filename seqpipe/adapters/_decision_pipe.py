"""What follows from scores: calibrated probabilities, and the labels that are decided on, or none."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.adapters._classifier_pipe import labels_of
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._wide_pipe import fit_weights, logits_of
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.storage.part_files import read_settings, write_settings

Tuned: TypeAlias = Literal["tuned"]
Thresholds: TypeAlias = float | dict[str, float] | Tuned

_FILE: Final = "decision.json"
_KIND: Final = "DecisionPipe"
#: A label that fewer dev texts have gets the threshold that's best for all labels together (Yang 2001).
_ENOUGH_TEXTS: Final = 5
_DEFAULT_THRESHOLD: Final = 0.5
#: What a tuned temperature lies between: this, and one over this.
_MAX_TEMPERATURE: Final = 10.0
_AT_ONCE: Final = 1000

if not Doc.has_extension("decision"):
    Doc.set_extension("decision", default=())


class DecisionPipe(Pipe):  # type: ignore[misc]
    """Calibrates the scores that components before it have set, and decides on labels.

    Scores are scaled by a temperature T (Guo et al. 2017): ``p ∝ p^(1 / T)`` where classes are exclusive, and the log-odds
    divided by T where they aren't. No text's best label changes by that, nor which scores are above 0.5; scores that are within
    a millionth of 0 or 1 count as if they were that far from it.

    ``doc._.decision`` has the labels decided on, the best first: that with the highest score, or none if that's below
    `abstain_below`, where classes are exclusive; else all those whose scores reach their thresholds.

    Args:
        vocab: The pipeline's vocabulary.
        name: What the component is called.
        exclusive: Whether a text has exactly one label.
        temperature: A number above 0; or "tuned": what gives the least cross entropy on the texts that `tune` gets, from 0.1
            to 10.
        thresholds: One for all labels, or one each, the others 0.5; or "tuned": those of the best F score of each label on
            the texts that `tune` gets. For labels of fewer than 5 texts it's the one of the best F score of all decisions.
        abstain_below: The least score of a label that's decided on, where classes are exclusive; None for no bound.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str,
        *,
        exclusive: bool,
        temperature: float | Tuned,
        thresholds: Thresholds,
        abstain_below: float | None,
    ) -> None:
        self.vocab = vocab
        self.name = name
        self.is_exclusive = exclusive
        self.abstain_below = abstain_below
        self._asked = temperature, thresholds
        self._labels: tuple[str, ...] = ()
        self.temperature, self.threshold = 1.0, _DEFAULT_THRESHOLD
        self.thresholds: dict[str, float] = {}
        self._reset()

    def _reset(self) -> None:
        """Set what's given, and what's to be tuned as it is before."""
        temperature, thresholds = self._asked
        given = thresholds if isinstance(thresholds, dict) else {}
        is_one = isinstance(thresholds, (int, float))
        self.temperature = 1.0 if temperature == "tuned" else float(temperature)
        self.thresholds = {label: float(value) for label, value in given.items()}
        self.threshold = float(thresholds) if is_one else _DEFAULT_THRESHOLD  # type: ignore[arg-type]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose scores are calibrated and decided on; other components' stay as they are."""
        return self._labels

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Learn which labels there are.

        Raises:
            ConfigError: A threshold is of a label that there isn't.
        """
        self._labels = tuple(labels or labels_of(get_examples()))
        self._reset()
        if unknown := sorted(self.thresholds.keys() - set(self._labels)):
            meant = did_you_mean(nearest(unknown[0], self._labels))
            raise ConfigError(
                f"`thresholds` of the component {self.name!r} has the label {unknown[0]!r}, and no text has that"
                f"{'; ' + meant if meant else ''}",
                setting="thresholds",
            )

    def update(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, float]:
        """Do nothing: there's nothing to train."""
        return kwargs.get("losses") or {}

    def tune(self, docs: Sequence[Doc], truths: Sequence[Doc]) -> None:
        """Find the temperature and the thresholds that are to be tuned.

        Args:
            docs: Texts that nothing was fitted on, with the scores of the components before.
            truths: The same texts with their true categories.
        """
        pairs = [(d, t) for d, t in zip(docs, truths, strict=True) if t.cats and d.cats]
        if not pairs:
            return
        temperature, thresholds = self._asked
        logits = self._logits([doc for doc, _ in pairs])
        found = [[truth.cats.get(label, 0.0) for label in self.labels] for _, truth in pairs]
        targets = np.array(found)
        if temperature == "tuned":
            given = torch.from_numpy(logits)[None], torch.from_numpy(targets), self.is_exclusive
            (weight,) = fit_weights(*given)
            # On few texts, or if all of them are right, there may be no least cross entropy.
            self.temperature = min(max(1 / weight, 1 / _MAX_TEMPERATURE), _MAX_TEMPERATURE)
        if thresholds == "tuned" and not self.is_exclusive:
            scores = self._scores(logits)
            truth = targets >= 0.5
            self.threshold = best_threshold(scores.ravel(), truth.ravel())
            self.thresholds = {
                label: best_threshold(scores[:, n], truth[:, n])
                for n, label in enumerate(self.labels)
                if truth[:, n].sum() >= _ENOUGH_TEXTS
            }

    def __call__(self, doc: Doc) -> Doc:
        """Calibrate the scores of a doc, and decide."""
        return self._decide([doc])[0]

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = _AT_ONCE) -> Iterator[Doc]:
        """Calibrate the scores of docs, and decide; docs that can't be decided go to the error handler."""
        handle_error = self.get_error_handler()
        for docs in map(list, minibatch(stream, size=batch_size)):
            try:
                decided = self._decide(docs)
            except Exception as error:
                handle_error(self.name, self, docs, error)
            else:
                yield from decided

    def _decide(self, docs: list[Doc]) -> list[Doc]:
        scored = [doc for doc in docs if not doc.cats.keys().isdisjoint(self.labels)]
        if scored:
            for doc, row in zip(scored, self._scores(self._logits(scored)).tolist(), strict=True):
                scores = dict(zip(self.labels, row, strict=True))
                doc.cats = {**doc.cats, **scores}
                doc._.decision = self._decision(scores)
        return docs

    def _decision(self, scores: Mapping[str, float]) -> tuple[str, ...]:
        if self.is_exclusive:
            best = max(scores, key=lambda label: scores[label])
            return (best,) if scores[best] >= (self.abstain_below or 0.0) else ()
        chosen = [label for label, score in scores.items() if score >= self.threshold_of(label)]
        return tuple(sorted(chosen, key=lambda label: -scores[label]))

    def threshold_of(self, label: str) -> float:
        """Return from which score on a label is decided on, where classes aren't exclusive."""
        return self.thresholds.get(label, self.threshold)

    def _logits(self, docs: Sequence[Doc]) -> NDArray[np.float64]:
        scores = [[doc.cats.get(label, 0.0) for label in self.labels] for doc in docs]
        return logits_of(np.array(scores, dtype=np.float64), exclusive=self.is_exclusive)

    def _scores(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = torch.from_numpy(logits / self.temperature)
        scores: NDArray[np.float64] = (
            scaled.softmax(1) if self.is_exclusive else scaled.sigmoid()
        ).numpy()
        return scores

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Return how many texts have a decision, and how many decisions are right: all labels of the text, and no other.

        Where classes aren't exclusive, no label is a decision as well, if the text has none.
        """
        decided = [
            (set(example.predicted._.decision), example.reference.cats)
            for example in examples
            if example.reference.cats
        ]
        if not decided:
            return {"decision_answered": None, "decision_accuracy": None}
        answered = [each for each in decided if each[0] or not self.is_exclusive]
        right = sum(
            labels == {label for label, value in truth.items() if value >= 0.5}
            for labels, truth in answered
        )
        return {
            "decision_answered": sum(bool(labels) for labels, _ in decided) / len(decided),
            "decision_accuracy": right / len(answered) if answered else 0.0,
        }

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write what was tuned into the component's folder."""
        storage.discard_manifest(Path(path).parent)
        Path(path).mkdir(parents=True, exist_ok=True)
        self._write(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "DecisionPipe":
        """Read what was tuned.

        Raises:
            SavedModelError: It can't be read, or the pipeline has a manifest and differs from it.
        """
        storage.check_sealed(Path(path).parent)
        self._read(Path(path))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return what was tuned in one piece."""
        return pack(self._write)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "DecisionPipe":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        with unpacked(data, "decision") as folder:
            self._read(folder)
        return self

    def _write(self, folder: Path) -> None:
        saved = {
            "labels": list(self.labels),
            "temperature": float(self.temperature),
            "threshold": float(self.threshold),
            "thresholds": self.thresholds,
        }
        write_settings(folder / _FILE, saved, kind=_KIND)

    def _read(self, folder: Path) -> None:
        types = {"labels": list, "temperature": float, "threshold": float, "thresholds": dict}
        saved = read_settings(folder / _FILE, types, kind=_KIND)
        thresholds = [saved["threshold"], *saved["thresholds"].values()]
        is_sound = 0 < saved["temperature"] < math.inf and all(
            isinstance(each, float) and 0 <= each <= 1 for each in thresholds
        )
        if not (is_sound and set(map(type, saved["labels"])) <= {str}):
            raise SavedModelError(f"{folder / _FILE} is damaged: its numbers can't be used")
        self._labels = tuple(saved["labels"])
        self.temperature, self.threshold = saved["temperature"], saved["threshold"]
        self.thresholds = saved["thresholds"]


def best_threshold(scores: NDArray[np.floating], truths: NDArray[np.bool_]) -> float:
    """Return the threshold whose decisions have the best F score, half-way between two scores; 0.5 if none is true.

    Args:
        scores: `[N]`, from 0 to 1.
        truths: `[N]`.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(truths[order])
    if not len(hits) or not hits[-1]:
        return _DEFAULT_THRESHOLD
    f = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    # Equal scores can't be told apart by a threshold.
    is_last = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.where(is_last, f, -1.0).argmax())
    below = float(ranked[best + 1]) if best + 1 < len(ranked) else 0.0
    return (float(ranked[best]) + below) / 2


@Language.factory(  # type: ignore[untyped-decorator]
    "seqpipe_decision",
    requires=["doc.cats"],
    assigns=["doc.cats", "doc._.decision"],
    default_config={
        "exclusive": True,
        "temperature": "tuned",
        "thresholds": "tuned",
        "abstain_below": None,
    },
    default_score_weights={"decision_answered": None, "decision_accuracy": None},
)
def make_decision_pipe(
    nlp: Language,
    name: str,
    exclusive: bool,
    temperature: float | Tuned,
    thresholds: Thresholds,
    abstain_below: float | None,
) -> DecisionPipe:
    """Make the component; registered as the factory "seqpipe_decision".

    Args:
        nlp: The pipeline.
        name: What the component is called.
        exclusive: See `DecisionPipe`, as for all others.
        temperature: Until `tune` is called, "tuned" is 1.
        thresholds: Until `tune` is called, "tuned" is 0.5.
        abstain_below: A score.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """
    if temperature != "tuned" and not 0 < temperature < math.inf:
        raise ConfigError(
            f'`temperature` is {temperature}; it\'s a number above 0, or "tuned"',
            setting="temperature",
        )
    given = thresholds.values() if isinstance(thresholds, dict) else [thresholds]
    for each in given:
        if each != "tuned" and not 0 <= each <= 1:
            raise ConfigError(
                f"`thresholds` has {each}; thresholds lie between 0 and 1", setting="thresholds"
            )
    if exclusive and thresholds != "tuned":
        raise ConfigError(
            "`thresholds` are for classes that aren't exclusive; where a text has exactly one, the best is taken: remove "
            "it, or set `abstain_below`",
            setting="thresholds",
        )
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise ConfigError(
            f"`abstain_below` is {abstain_below}; it lies between 0 and 1", setting="abstain_below"
        )
    if abstain_below is not None and not exclusive:
        raise ConfigError(
            "`abstain_below` is for exclusive classes; where a text may have any number of classes, none is "
            "decided on if no score reaches its threshold: remove it",
            setting="abstain_below",
        )
    return DecisionPipe(
        nlp.vocab,
        name,
        exclusive=exclusive,
        temperature=temperature,
        thresholds=thresholds,
        abstain_below=abstain_below,
    )


def decision_of(nlp: Language) -> dict[str, Any]:
    """Return by what a pipeline decides on labels: "temperature", "threshold", "thresholds"; empty if it doesn't."""
    pipe = next((pipe for _, pipe in nlp.pipeline if isinstance(pipe, DecisionPipe)), None)
    if pipe is None:
        return {}
    found: dict[str, Any] = {"temperature": pipe.temperature}
    if not pipe.is_exclusive:
        found |= {"threshold": pipe.threshold, "thresholds": dict(pipe.thresholds)}
    return found
