"""gensim's model, made of the numbers of words rather than of words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gensim.models.doc2vec import Doc2Vec

from seqpipe_doc2vec._settings import Settings

#: The most words of one document that the library looks at.
MAX_WORDS = 10_000


def make_model(settings: Settings, counts: Mapping[str, int], *, seed: int = 1) -> Any:
    """Return an untrained model that knows words, but no documents.

    Args:
        settings: The library's settings.
        counts: How often each word occurs, most frequent first; that's the order of the rows.
        seed: For its random numbers.
    """
    model = Doc2Vec(
        dm=int(settings.memory),
        dbow_words=int(settings.train_words),
        vector_size=settings.width,
        window=settings.window,
        epochs=settings.epochs,
        negative=settings.negatives,
        alpha=settings.learning_rate,
        min_alpha=min(1e-4, settings.learning_rate),
        # A sample of 1 and more means something else to the library.
        sample=settings.subsample if settings.subsample < 1 else 0,
        workers=settings.threads,
        seed=seed,
        min_count=1,
        sorted_vocab=0,
    )
    model.build_vocab_from_freq(dict(counts))
    return model


def pieces(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a document into pieces that the library takes whole."""
    for start in range(0, len(words), MAX_WORDS):
        yield words[start : start + MAX_WORDS]
