"""Word vectors without sub-words."""

from typing import final

from seqpipe.parts.embedders.fasttext._base import LibraryEmbedder
from seqpipe.parts.embedders.fasttext._settings import Architecture, Loss, Settings


@final
class Word2Vec(LibraryEmbedder):
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013).

    For words, or for items and nodes, whose names may hold white space. An unknown word has the zero
    vector. `FastText` says more about the settings, the training, and when it's reproducible.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are gone through.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known.
        learning_rate: At the beginning; it falls to 0.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none.
        threads: How many threads train. Only 1 is reproducible.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int = 5,
        window: int = 5,
        negatives: int = 5,
        min_count: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1e-4,
        threads: int = 1,
        lower: bool = False,
        standardize: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
                lower=lower,
                standardize=standardize,
            )
        )
