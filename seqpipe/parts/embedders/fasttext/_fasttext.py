"""Word vectors with sub-words."""

from typing import final

from seqpipe.parts.embedders.fasttext._base import LibraryEmbedder
from seqpipe.parts.embedders.fasttext._settings import Architecture, Loss, Settings


@final
class FastText(LibraryEmbedder):
    """Word vectors from a word's own vector and those of its n-grams (Bojanowski et al. 2017).

    A word's vector is the mean of them, not normalised. An unknown word has the mean of the vectors of
    those of its n-grams that known words have too, and the zero vector if there are none.

    The fastText library trains them, in a process of its own. Inference doesn't need the library.

    The same sequences, settings and seed give the same vectors, to the bit, on the same kind of
    processor, as long as one thread trains. With several the library's vectors differ from run to run.

    Words that can't be encoded as UTF-8 are left out of the training, as is the empty word.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are gone through. The library counts words that are too rare into
            the length of one, but not into what it has done: it goes through the others a bit more often.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known.
        min_n: The fewest characters of an n-gram, the marks of the word's ends included.
        max_n: The most. 0 means no n-grams.
        learning_rate: At the beginning; it falls to 0.
        subsample: Frequent words are skipped at random, those whose share of all words is above this the
            more often the larger it is. In a small corpus every word is frequent: 1 skips none.
        threads: How many threads train. Only 1 is reproducible.
        buckets: The size of the table of n-gram vectors, in which n-grams may share one. None means twice
            the number of distinct n-grams of the known words, the library's 2,000,000 at most: at a load
            of 0.5 an n-gram shares with another in 4 cases of 10. Only rows that are used are kept.
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
        min_n: int = 3,
        max_n: int = 6,
        learning_rate: float = 0.05,
        subsample: float = 1e-4,
        threads: int = 1,
        buckets: int | None = None,
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
                min_n=min_n,
                max_n=max_n,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
                buckets=buckets,
                lower=lower,
                standardize=standardize,
            )
        )
