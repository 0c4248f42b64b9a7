"""A classifier as a component of spaCy's: it sets `doc.cats`, and is trained when it's initialised."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IS_SPACE, ORTH
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.adapters._context import context_of
from seqpipe.adapters._contract import calling, predict_scores, read_examples
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._strings import Strings
from seqpipe.adapters._tokenizer import remember_chunks
from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.parts.classifiers import Classifier, LabelledWords

_NOT_FITTED = b""
_AT_ONCE = 128

_Corpus = Callable[[Language], Iterable[Example]]


class ClassifierPipe(Pipe):  # type: ignore[misc]
    """Sets `doc.cats`. There's nothing for `nlp.update` to do: `nlp.initialize` trains the whole model.

    Args:
        vocab: The pipeline's vocabulary.
        name: What the component is called.
        classifier: Gives the scores; it may be fitted later.
        threshold: From which score on a label counts as predicted, where classes aren't exclusive.
    """

    def __init__(self, vocab: Vocab, name: str, classifier: Classifier, threshold: float) -> None:
        self.vocab = vocab
        self.name = name
        self.classifier = classifier
        self.threshold = threshold
        self._strings = Strings()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that were learnt."""
        return tuple(self.classifier.labels)

    @property
    def is_exclusive(self) -> bool:
        """Whether a text has exactly one label."""
        return self.classifier.exclusive

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
        dev: _Corpus | None = None,
    ) -> None:
        """Train the classifier.

        Args:
            get_examples: Returns the examples to learn from; called twice if there are no `labels`.
            nlp: The pipeline.
            labels: All labels there are; by default those of the examples.
            dev: A corpus for classifiers that choose settings by one.

        Raises:
            ClassifierError: As `Classifier.fit`.
            PluginError: The classifier raised another exception.
        """
        found = labels or labels_of(get_examples())
        seed = nlp.config.interpolate()["training"]["seed"] if nlp else 0
        watching = context_of(nlp).watched if nlp else None
        with calling(self.classifier, "classifier", "was fitted"):
            self.classifier.fit(
                map(_labelled, get_examples()),
                labels=found,
                seed=seed or 0,
                on_progress=watching.on_progress if watching else None,
                dev=map(_labelled, read_examples(dev, nlp)) if nlp and dev else None,
            )

    def __call__(self, doc: Doc) -> Doc:
        """Set the scores of a doc."""
        return self._annotate([doc])[0]

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = _AT_ONCE) -> Iterator[Doc]:
        """Set the scores of docs, many at once; docs that can't be scored go to the error handler."""
        handle_error = self.get_error_handler()
        for docs in map(list, minibatch(stream, size=batch_size)):
            try:
                scored = self._annotate(docs)
            except Exception as error:
                handle_error(self.name, self, docs, error)
            else:
                yield from scored

    def _annotate(self, docs: list[Doc]) -> list[Doc]:
        scores = self._predict(docs)
        labels = self.classifier.labels
        for doc, row in zip(docs, scores.tolist(), strict=True):
            # Beside those of other components.
            doc.cats = {**doc.cats, **dict(zip(labels, row, strict=True))}
        return docs

    def _predict(self, docs: Sequence[Doc]) -> NDArray[np.float32]:
        """Return the classifier's scores: `[docs, labels]`."""
        return predict_scores(self.classifier, words_of(docs, self._strings))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Return spaCy's scores of categories."""
        scores: dict[str, Any] = Scorer.score_cats(
            examples,
            "cats",
            labels=self.labels,
            multi_label=not self.is_exclusive,
            threshold=self.threshold,
        )
        return scores

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the classifier into the component's folder."""
        # What's sealed in there is about to change, unless a whole pipeline is being written, which is new.
        storage.discard_manifest(Path(path).parent)
        Path(path).mkdir(parents=True, exist_ok=True)
        self._write(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "ClassifierPipe":
        """Read the classifier.

        Raises:
            SavedModelError: It can't be read, or the pipeline has a manifest and differs from it.
        """
        # Where a component is read by itself, nothing has checked its pipeline before.
        storage.check_sealed(Path(path).parent)
        with calling(self.classifier, "classifier", "was read"):
            self._read(Path(path))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the classifier's files in one piece; none before it's fitted."""
        return pack(self._write) if self.classifier.labels else _NOT_FITTED

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "ClassifierPipe":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if data != _NOT_FITTED:
            with unpacked(data, "classifier") as folder:
                self._read(folder)
        return self

    def _write(self, folder: Path) -> None:
        storage.write_once(folder, self.classifier, self._write_classifier)

    def _write_classifier(self, folder: Path) -> None:
        with calling(self.classifier, "classifier", "was written", but=OSError):
            self.classifier.to_disk(folder)

    def _read(self, folder: Path) -> None:
        self.classifier.from_disk(folder)


@Language.factory(  # type: ignore[untyped-decorator]
    "seqpipe_classifier",
    assigns=["doc.cats"],
    default_config={"threshold": 0.5},
    default_score_weights={"cats_score": 1.0, "cats_micro_f": 0.0},
)
def make_classifier_pipe(
    nlp: Language, name: str, classifier: Classifier, threshold: float
) -> ClassifierPipe:
    """Make the component; registered as the factory "seqpipe_classifier".

    Args:
        nlp: The pipeline.
        name: What the component is called.
        classifier: Gives the scores.
        threshold: From which score on a label counts as predicted, where classes aren't exclusive.

    Raises:
        ConfigError: It's no classifier, or the threshold isn't from 0 to 1.
    """
    check_classifier(name, classifier, threshold)
    remember_chunks(nlp.tokenizer)
    return ClassifierPipe(nlp.vocab, name, classifier, threshold)


def check_classifier(name: str, classifier: Any, threshold: float) -> None:
    """Check what a component called `name` is made with; see `make_classifier_pipe`."""
    if not isinstance(classifier, Classifier):
        raise ConfigError(
            f"the classifier of the component {name!r} is {classifier!r}, which is none: name one of "
            "@seqpipe_classifiers"
        )
    if not 0 <= threshold <= 1:
        raise ConfigError(
            f"the `threshold` of the component {name!r} is {threshold}; it lies between 0 and 1"
        )


def words_of(docs: Sequence[Doc], known: Strings | None = None) -> list[list[str]]:
    """Return the words of each doc that a classifier sees: those that aren't white space.

    Args:
        docs: The docs.
        known: Strings that were looked up before; others are added.
    """
    # An object for each token takes most of the time that a linear classifier takes.
    words: list[list[str]] = []
    known = Strings() if known is None else known
    for doc in docs:
        orths, spaces = doc.to_array([ORTH, IS_SPACE]).reshape(-1, 2).T
        words.append(known.of(orths[spaces == 0].tolist(), doc.vocab.strings.__getitem__))
    return words


def labels_of(examples: Iterable[Example]) -> list[str]:
    """Return the labels of examples, in the order in which they occur.

    Raises:
        ClassifierError: There are none.
    """
    found = dict.fromkeys(label for example in examples for label in example.reference.cats)
    if not found:
        raise ClassifierError("there's nothing to fit the classifier on: no example has categories")
    return list(found)


def _labelled(example: Example) -> LabelledWords:
    cats = example.reference.cats
    words = words_of([example.predicted])[0]
    return LabelledWords(words, [label for label, value in cats.items() if value >= 0.5])
