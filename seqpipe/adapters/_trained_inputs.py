"""Features of words, such as their endings, that have vectors trained with the encoder."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.attrs import LOWER, NORM, PREFIX, SHAPE, SUFFIX
from spacy.tokens import Doc
from torch import Tensor, nn

from seqpipe.adapters._pairs import text_lengths
from seqpipe.errors import ConfigError

Feature: TypeAlias = Literal["lower", "norm", "prefix", "suffix", "shape", "bigram"]

#: The pair of a token and the one after it, lower-cased.
_BIGRAM: Final = "bigram"
#: The attribute of spaCy's tokens that each feature is, or is made of.
FEATURES: Final[Mapping[str, int]] = {
    "lower": LOWER,
    "norm": NORM,
    "prefix": PREFIX,
    "suffix": SUFFIX,
    "shape": SHAPE,
    _BIGRAM: LOWER,
}
#: What has trained vectors if nothing is said.
LOWER_CASED: Final[tuple[str, ...]] = ("lower",)


class HashedFeatures(nn.Embedding):
    """Trained vectors of features, as spaCy's MultiHashEmbed has them, but with one row each: a table for each feature.

    The tables lie below each other, as one. Words whose features share a row share a vector (Ganchev & Dredze 2008).

    Args:
        rows: The rows of each table.
        width: The columns of each table.
        features: Their names.
        dropout: The share of vectors that are set to zero in training, each as a whole, as if the word's feature were
            new. This keeps the model from memorising single words (Iyyer et al. 2015 drop whole words).
    """

    def __init__(
        self, rows: int, width: int, features: Sequence[str], dropout: float = 0.0
    ) -> None:
        super().__init__(len(features) * rows, width)
        nn.init.normal_(self.weight, std=0.1)
        self.features = tuple(features)
        self.rows = rows
        self.dropout = dropout

    @property
    def width(self) -> int:
        """The width of what `forward` returns: that of all features together."""
        return len(self.features) * self.embedding_dim

    def forward(self, hashes: Tensor) -> Tensor:
        """Return the vectors of words, `[N, width]`.

        Args:
            hashes: Those of the features, none negative, `[N, F]`.
        """
        rows = hashes % self.rows
        for place in range(1, len(self.features)):
            rows[:, place] += place * self.rows
        vectors = super().forward(rows)
        if self.training and self.dropout:
            vectors = vectors * (torch.rand_like(vectors[:, :, :1]) >= self.dropout)
        return vectors.flatten(1)


def features_of(docs: Sequence[Doc], features: Sequence[str]) -> NDArray[np.uint64]:
    """Return the hash of each feature of each token, `[N, F]`."""
    attributes = [FEATURES[feature] for feature in features]
    arrays = [doc.to_array(attributes).reshape(len(doc), len(attributes)) for doc in docs]
    if _BIGRAM in features:
        place = list(features).index(_BIGRAM)
        for doc, array in zip(docs, arrays, strict=True):
            array[:, place] = _bigrams(array[:, place], text_lengths(doc))
    hashes: NDArray[np.uint64] = np.concatenate(arrays)
    return hashes


def _bigrams(hashes: NDArray[np.uint64], lengths: Sequence[int]) -> NDArray[np.uint64]:
    """Return a hash of each word and the one after it, by the words' hashes; after a text's last one there's none."""
    following = np.zeros_like(hashes)
    following[:-1] = hashes[1:]
    ends = np.cumsum(lengths)
    following[ends[ends > 0] - 1] = 0
    # Two multiplications by odd numbers, which wrap around, so that (a, b) isn't (b, a).
    mixed = hashes * np.uint64(0x9E3779B97F4A7C15) + following * np.uint64(0xC2B2AE3D27D4EB4F)
    found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(29))
    return found


def check_features(features: Sequence[str] | None, trained_width: int) -> tuple[str, ...]:
    """Return the features that have trained vectors.

    Args:
        features: As the setting `trained_features` has them; None if it isn't given.
        trained_width: The width of each one's vectors.

    Raises:
        ConfigError: There's none, one is unknown or named twice, or no vectors are trained.
    """
    if features is None:
        return LOWER_CASED
    known = ", ".join(f'"{name}"' for name in FEATURES)
    message = ""
    if unknown := [name for name in features if name not in FEATURES]:
        message = f'`trained_features` names "{unknown[0]}"; there are {known}'
    elif len(set(features)) != len(features):
        message = f"`trained_features` names a feature twice: {list(features)}"
    elif not features:
        message = f"`trained_features` is empty; name some of {known}, or remove it"
    elif not trained_width:
        message = (
            "`trained_features` needs a `trained_width` above 0, the width of each one's vectors"
        )
    if message:
        raise ConfigError(message, setting="trained_features")
    return tuple(features)
