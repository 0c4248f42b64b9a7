"""Distributed bag of words."""

from typing import final

from seqpipe_doc2vec._gensim import GensimDoc2Vec
from seqpipe_doc2vec._own import OwnDoc2Vec
from seqpipe_doc2vec._settings import Settings


@final
class BagOfWords(GensimDoc2Vec):
    """Vectors of documents by a distributed bag of words, PV-DBOW (Le and Mikolov 2014).

    A document's vector is trained to predict each of its words, whatever their order. With `train_words` the
    vectors of words are trained beside it, each to predict the words around it, which makes those of documents
    better (Lau and Baldwin 2016).

    `DistributedMemory` says more about the settings, the training, inference, and when it's reproducible.

    Args:
        width: The width of a vector.
        train_words: Whether vectors of words are trained too, by skip-gram. If not, a word's vector is
            the one by which a document predicts it, and the training is faster: several times as fast.
        window: The most words to either side that are a word's context, with `train_words`.
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
        train_words: bool = True,
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
                memory=False,
                train_words=train_words,
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
class BagOfWords2(OwnDoc2Vec):
    """Vectors of documents by a distributed bag of words, PV-DBOW (Le and Mikolov 2014), by seqpipe's own trainer.

    `BagOfWords` says what's trained, and `DistributedMemory2` more about the trainer, inference, and when it's reproducible.

    Args:
        width: The width of a vector.
        train_words: Whether vectors of words are trained too, by skip-gram. If not, a word's vector is
            the one by which a document predicts it, and the training is faster: several times as fast.
        window: The most words to either side that are a word's context, with `train_words`.
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
        train_words: bool = True,
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
                memory=False,
                train_words=train_words,
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
