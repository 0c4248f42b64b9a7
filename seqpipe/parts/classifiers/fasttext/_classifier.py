"""fastText's supervised model as a classifier."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.parts.classifiers._contract import Classifier, LabelledWords
from seqpipe.parts.classifiers.fasttext._fit import Task, fit_model
from seqpipe.parts.classifiers.fasttext._settings import Loss, Settings
from seqpipe.parts.classifiers.fasttext._trained import Trained, read_trained, write_trained
from seqpipe.parts.embedders import Embedder
from seqpipe.workers._progress import OnProgress


@final
class FastTextClassifier(Classifier):
    """Labels from the mean of the vectors of a text's words and n-grams (Joulin et al. 2017).

    The fastText library trains it, in a process of its own. Prediction doesn't need the library.

    The same texts, settings and seed give the same model, to the byte, on the same kind of processor, as
    long as one thread trains. With several the library's models differ from run to run, and autotuning
    depends on timing.

    Texts without a label teach nothing: the library skips them. Words that can't be encoded as UTF-8 are
    left out.

    Args:
        exclusive: Whether a text has exactly one label.
        loss: "softmax": the scores of all labels add up to 1; the default where classes are exclusive.
            "one-vs-rest": each label has a score of its own; the default where they aren't. "hierarchical": an
            approximation of the first by a tree, for very many labels. "negative-sampling": one of the second.
        width: The width of a vector.
        epochs: How often the texts are trained on.
        learning_rate: At the beginning; it falls to 0.
        word_ngrams: The most words in a row that have a vector together.
        min_n: The fewest characters of a word's n-grams, the marks of its ends included.
        max_n: The most. 0 means no sub-words.
        buckets: The size of the table of the n-grams' vectors, in which they may share one. None means twice
            the number of distinct n-grams, of words and of characters, in the texts; 2,000,000, which
            the library always takes, at most.
        min_count: How often a word must occur to be known.
        min_count_label: How often a label must occur to be known.
        negatives: How many random labels each prediction is contrasted with, by "negative-sampling".
        lower: Whether words are lower-cased, in fitting and later.
        threads: How many threads train. Only 1 is reproducible.
        embedder: Where the vectors of words begin. It's fitted on the same texts, its `width` must be the
            classifier's, and it's not needed afterwards. None begins with random vectors.
        class_weights: A number for each label, 1 where none is given; "balanced" is the inverse of how many texts
            have the label. The library knows no weights: texts are repeated in proportion, those of the smallest
            weight once, so that training takes as many times longer.
        autotune: For how many seconds settings are searched that are best on the dev part; those that
            aren't at their defaults here stay as they are. 0 for no search.
        autotune_model_size: The most bytes that the model's file may have, such as "2M": it's quantised so that
            it fits.
        autotune_metric: What's best: "f1", "f1:LABEL" of one label, "precisionAtRecall:30",
            "recallAtPrecision:90".
        quantize: Whether the model is compressed: each vector is written as a few bytes, which stand for parts
            of vectors (Joulin et al. 2016). There must be 256 words and buckets at least.
        cutoff: How many words and n-grams a quantised model keeps, those with the longest vectors; 0 for all.
        retrain: Whether the vectors that are kept are trained further.
        quantize_norm: Whether the lengths of vectors are quantised by themselves.
        quantize_output: Whether the vectors of labels are quantised too: for many labels, 256 at least.
        subvector: How many dimensions of a vector make one byte.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        exclusive: bool = True,
        loss: Loss | None = None,
        width: int = 100,
        epochs: int = 5,
        learning_rate: float = 0.1,
        word_ngrams: int = 1,
        min_n: int = 0,
        max_n: int = 0,
        buckets: int | None = None,
        min_count: int = 1,
        min_count_label: int = 0,
        negatives: int = 5,
        lower: bool = False,
        threads: int = 1,
        embedder: Embedder | None = None,
        class_weights: dict[str, float] | Literal["balanced"] | None = None,
        autotune: int = 0,
        autotune_model_size: str | None = None,
        autotune_metric: str = "f1",
        quantize: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        quantize_norm: bool = False,
        quantize_output: bool = False,
        subvector: int = 2,
    ) -> None:
        # Before anything else has a name: the settings of the training, each by its own name.
        given = {k: v for k, v in locals().items() if k in Settings.__dataclass_fields__}
        default: Loss = "softmax" if exclusive else "one-vs-rest"
        self._settings = Settings(**{**given, "loss": loss or default})
        self.exclusive = exclusive
        self._embedder = embedder
        self._trained: Trained | None = None

    @property
    def labels(self) -> Sequence[str]:
        """The labels that were learnt; see `Classifier.labels`."""
        return self._trained.labels if self._trained else ()

    @property
    def trained_with(self) -> Mapping[str, Any]:
        """The library's options in the end, by its own names; among them what autotuning found.

        Raises:
            ClassifierError: The classifier hasn't been fitted.
        """
        return self._fitted().arguments

    def fit(
        self,
        examples: Iterable[LabelledWords],
        *,
        labels: Sequence[str],
        seed: int = 0,
        on_progress: OnProgress | None = None,
        dev: Iterable[LabelledWords] | None = None,
    ) -> None:
        """Fit on labelled texts; see `Classifier.fit`. Only autotuning looks at `dev`, and needs it.

        Raises:
            ConfigError: The embedder's vectors have another width.
            ClassifierError: As `Classifier.fit`.
        """
        # Not earlier: a saved classifier needs no embedder, so the embedder's file may be gone.
        if self._embedder is not None and self._embedder.width != self._settings.width:
            raise ConfigError(
                f"the classifier's `width` is {self._settings.width}, and its embedder's is "
                f"{self._embedder.width}: they must be the same"
            )
        task = Task(examples, labels, self._embedder, seed, on_progress, dev)
        self._trained = fit_model(self._settings, task)

    def predict(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the scores of texts; see `Classifier.predict`.

        A text without a single word or n-gram that the model knows, the end of the text included, has scores
        of 0: the library predicts nothing then.
        """
        return self._fitted().predict(texts)

    def to_disk(self, path: Path) -> None:
        """Write the model into the folder `path`; see `Classifier.to_disk`."""
        write_trained(self._fitted(), path)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Classifier.from_disk`.

        The model brings the settings along that shaped it.
        """
        self._trained = read_trained(path)

    def _fitted(self) -> Trained:
        if self._trained is None:
            raise ClassifierError(
                "the classifier has no model yet: fit it, or read a saved one, first"
            )
        return self._trained
