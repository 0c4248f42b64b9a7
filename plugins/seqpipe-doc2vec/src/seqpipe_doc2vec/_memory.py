"""Distributed memory."""

from typing import final

from seqpipe_doc2vec._gensim import GensimDoc2Vec
from seqpipe_doc2vec._own import OwnDoc2Vec
from seqpipe_doc2vec._settings import Settings


@final
class DistributedMemory(GensimDoc2Vec):
    """Vectors of documents by distributed memory, PV-DM (Le and Mikolov 2014).

    A word is predicted from the mean of the vectors of the words around it and of its document's, which so
    captures what these words don't. A document that wasn't trained on has its vector inferred: trained
    in the same way while all else stays as it is. The same words always have the same one.

    The gensim library trains, in a process of its own. Documents may come from a stream larger than memory:
    they're kept in a temporary file, as are their vectors, which are dropped after the training. The
    same documents, settings and seed give the same vectors, to the bit, on the same kind of processor, as
    long as one thread trains.

    An unknown word has the zero vector, and so has a document without known words.

    Args:
        width: The width of a vector.
        window: The most words to either side that are a word's context.
        epochs: How often the documents are gone through.
        inference_epochs: How often a document is gone through to infer its vector.
        negatives: How many random words each prediction is contrasted with.
        min_count: How often a word must occur to be trained and known.
        learning_rate: At the beginning, of the training and of each inference; it falls to 0.0001.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none.
        threads: How many threads train. Only 1 is reproducible.
        lower: Whether words are lower-cased, in fitting and later.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        window: int = 5,
        epochs: int = 20,
        inference_epochs: int = 20,
        negatives: int = 5,
        min_count: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1e-4,
        threads: int = 1,
        lower: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                memory=True,
                width=width,
                window=window,
                epochs=epochs,
                inference_epochs=inference_epochs,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
                lower=lower,
            )
        )


@final
class DistributedMemory2(OwnDoc2Vec):
    """Vectors of documents by distributed memory, PV-DM (Le and Mikolov 2014), by seqpipe's own trainer.

    A word is predicted from the mean of the vectors of the words around it and of its document's. A document that wasn't
    trained on has its vector inferred: trained in the same way while all else stays as it is.

    The trainer is that of `seqpipe.Word2Vec.v2`, written in C; without a compiler it's numpy that trains, correct and slow.
    Documents may come from a stream larger than memory: they're kept in a temporary file, as are their vectors, which are
    dropped after the training. The same documents, settings and seed give the same vectors, to the bit, on the same kind of
    processor, for any number of threads. The same words always have the same inferred one. Long documents are trained in
    pieces of up to 500 words, of which no context reaches across.

    An unknown word has the zero vector, and so has a document without known words.

    Args:
        width: The width of a vector.
        window: The most words to either side that are a word's context.
        epochs: How often the documents are gone through.
        inference_epochs: How often a document is gone through to infer its vector.
        negatives: How many random words each prediction is contrasted with; 61 at most.
        min_count: How often a word must occur to be trained and known.
        learning_rate: At the beginning, of the training and of each inference; it falls to 0.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none.
        threads: How many threads train; None for all there are. Vectors are the same for any number.
        lower: Whether words are lower-cased, in fitting and later.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        window: int = 5,
        epochs: int = 20,
        inference_epochs: int = 20,
        negatives: int = 5,
        min_count: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1e-4,
        threads: int | None = None,
        lower: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                memory=True,
                width=width,
                window=window,
                epochs=epochs,
                inference_epochs=inference_epochs,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=1 if threads is None else threads,
                lower=lower,
            ),
            threads,
        )
