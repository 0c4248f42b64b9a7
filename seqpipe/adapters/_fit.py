"""Fits the embedder of a pipeline when spaCy initialises it."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spacy.language import Language

from seqpipe.adapters._context import Watched, context_of
from seqpipe.adapters._contract import calling, check_vectors, read_examples
from seqpipe.adapters._tokenizer import WordTokenizer, seed_of
from seqpipe.adapters._vectors import EmbedderVectors
from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import Embedder, OnProgress


@contextlib.contextmanager
def watch_fit(nlp: Language, on_progress: OnProgress) -> Iterator[Watched]:
    """Watch the fitting of a pipeline's embedder or classifier that spaCy initialises meanwhile."""
    context = context_of(nlp)
    before, context.watched = context.watched, Watched(on_progress)
    try:
        yield context.watched
    finally:
        context.watched = before


def make_fit_embedder(corpus: Callable[[Language], Any]) -> Callable[[Language], Language]:
    """Make a callback that fits the embedder; registered as the callback "seqpipe.FitEmbedder.v1".

    It belongs in [initialize.before_init].

    Args:
        corpus: Reads the texts to fit on.
    """

    def fit(nlp: Language) -> Language:
        vectors = nlp.vocab.vectors
        if not isinstance(vectors, EmbedderVectors):
            raise ConfigError(
                "seqpipe.FitEmbedder.v1 fits the embedder of seqpipe.Vectors.v1, and [nlp.vectors] "
                "names something else: change that, or remove [initialize.before_init]"
            )
        watching = context_of(nlp).watched
        with calling(vectors.embedder, "embedder", "was asked for its sources"):
            vectors.embedder.check_sources()
        _prepare_tokenizer(nlp, corpus)
        with calling(vectors.embedder, "embedder", "was fitted"):
            vectors.embedder.fit(
                _Sequences(corpus, nlp, watching),
                seed=seed_of(nlp),
                on_progress=watching.on_progress if watching else None,
            )
        check_vectors(vectors.embedder)
        _keep_chosen(nlp)
        return nlp

    return fit


def chosen_by_embedder(nlp: Language) -> Mapping[str, Any]:
    """Return what the "auto" of a fitted embedder's settings became, by name; see `Embedder.chosen`."""
    embedder = getattr(nlp.vocab.vectors, "embedder", None)
    return embedder.chosen if isinstance(embedder, Embedder) else {}


def _keep_chosen(nlp: Language) -> None:
    """Write what was chosen into the pipeline's config, so that it's saved with it."""
    vectors = nlp.config["nlp"]["vectors"]
    for place, value in chosen_by_embedder(nlp).items():
        *sections, setting = place.split(".")
        block = vectors.get("embedders") or vectors["embedder"]
        for name in sections:
            block = block[name]
        block[setting] = value


def _prepare_tokenizer(nlp: Language, corpus: Callable[[Language], Any]) -> None:
    """Have a tokenizer that learns be fitted anew, since the embedder is."""
    tokenizer = nlp.tokenizer
    if not (isinstance(tokenizer, WordTokenizer) and tokenizer.learns):
        return
    tokenizer.is_fitted = False
    if hasattr(corpus, "sequences"):
        # Ours has it fitted when the first words are asked for; not every embedder asks for any.
        next(iter(corpus.sequences(nlp)), None)
    else:
        tokenizer.initialize(lambda: corpus(nlp), nlp=nlp)


class _Sequences:
    """The words of a corpus, which an embedder may go through more than once."""

    def __init__(self, corpus: Any, nlp: Language, watched: Watched | None) -> None:
        self._corpus = corpus
        self._nlp = nlp
        self._watched = watched

    def __iter__(self) -> Iterator[Sequence[str]]:
        return _counted(self._all(), self._watched) if self._watched else self._all()

    def _all(self) -> Iterator[Sequence[str]]:
        if hasattr(self._corpus, "sequences"):
            # Ours, which needn't make docs first.
            return iter(self._corpus.sequences(self._nlp))
        examples = read_examples(self._corpus, self._nlp)
        return ([t.text for t in e.predicted if not t.is_space] for e in examples)


@dataclass
class _Count:
    sequences: int = 0
    words: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, sequence: Sequence[str]) -> None:
        self.sequences += 1
        self.words += len(sequence)
        self.digest.update(("\t".join(sequence) + "\n").encode("utf-8", "surrogatepass"))


def _counted(sequences: Iterator[Sequence[str]], watched: Watched) -> Iterator[Sequence[str]]:
    count = _Count()
    for sequence in sequences:
        count.add(sequence)
        yield sequence
    watched.sequences, watched.words = count.sequences, count.words
    watched.fingerprint = count.digest.hexdigest()
