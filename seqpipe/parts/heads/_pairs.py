"""Heads for pairs of texts: what both have in common, seen by one encoder that reads each by itself."""

from collections.abc import Sequence
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.heads._pooled import Pool
from seqpipe.parts.heads._regressor import Regressor
from seqpipe.parts.heads._text_classifier import TextClassifier

#: No vector counts as shorter where its length divides.
_SHORTEST: Final = 1e-6


class Comparison(nn.Module):
    """Compares the two texts of each pair: features that a linear layer can tell similarity from.

    Of the pooled vectors u and v of both texts ``u, v, |u - v|, u * v`` (Mou et al. 2016; Conneau et al. 2017), of which a
    layer makes `width` numbers; their cosine; and how well each text's words are matched in the other one, which
    goes back to Sultan, Bethard & Sumner (2015)::

        m(a, b) = Σ_i w_i max_j cos(a_i, b_j) / Σ_i w_i,   w_i = softplus(q · a_i + c)

    Symmetric features don't change when the texts change places: ``|u - v|, u * v``, and the mean of m(a, b) and m(b, a)
    and their absolute difference in the place of both.

    Args:
        input_width: The width of a contextual vector.
        pooled_width: The width of the vectors that texts are pooled to.
        width: How many numbers are made of the pooled vectors.
        symmetric: Whether the features are.
    """

    def __init__(self, input_width: int, pooled_width: int, width: int, symmetric: bool) -> None:
        super().__init__()
        self.symmetric = symmetric
        self.hidden = nn.Linear((2 if symmetric else 4) * pooled_width, width)
        self.weight = nn.Linear(input_width, 1)
        # At first all words count the same.
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)
        #: The number of features.
        self.width = width + 3

    def forward(self, pooled: Tensor, words: Tensor, lengths: Sequence[int]) -> Tensor:
        """Return the features of each pair, `[B, width]`.

        Args:
            pooled: The vectors of the texts, first and second by turns, `[2B, pooled_width]`.
            words: Their words' vectors, `[N, input_width]`.
            lengths: How many words each text has, 2B of them.
        """
        first, second = pooled[0::2], pooled[1::2]
        compared = [(first - second).abs(), first * second]
        if not self.symmetric:
            compared = [first, second, *compared]
        hidden = linear(torch.cat(compared, 1), self.hidden.weight, self.hidden.bias).tanh()
        cosine = functional.cosine_similarity(first, second, dim=1, eps=_SHORTEST)
        there, back = self._matched(words, lengths).unbind(1)
        if self.symmetric:
            there, back = (there + back) / 2, (there - back).abs()
        return torch.cat([hidden, torch.stack([cosine, there, back], 1)], 1)

    def _matched(self, words: Tensor, lengths: Sequence[int]) -> Tensor:
        """Return how well the words of each text are matched in the other one, `[B, 2]`; 0 where one has none."""
        weights = functional.softplus(linear(words, self.weight.weight, self.weight.bias))[:, 0]
        directions = functional.normalize(words, dim=1, eps=_SHORTEST)
        texts = list(
            zip(
                torch.split(directions, list(lengths)),
                torch.split(weights, list(lengths)),
                strict=True,
            )
        )
        found = []
        # Padded, a pair would cost as much as the longest one of the batch.
        for (mine, my_weights), (yours, your_weights) in zip(texts[0::2], texts[1::2], strict=True):
            if not len(mine) or not len(yours):
                found.append(words.new_zeros(2))
                continue
            cosines = mine @ yours.T
            there = (cosines.max(1).values * my_weights).sum() / my_weights.sum()
            back = (cosines.max(0).values * your_weights).sum() / your_weights.sum()
            found.append(torch.stack([there, back]))
        return torch.stack(found) if found else words.new_zeros(0, 2)


def _lengths_of_texts(lengths: Tensor, firsts: Tensor | None) -> list[int]:
    """Return the lengths of both texts of each pair by turns; without `firsts`, pairs have no second text."""
    firsts = lengths if firsts is None else firsts
    return torch.stack([firsts, lengths - firsts], 1).flatten().tolist()


def _check_width(hidden: int) -> None:
    if hidden < 1:
        raise ConfigError(f"`hidden` is {hidden}; it must be at least 1", setting="hidden")


class PairClassifier(TextClassifier):
    """Puts pairs of texts into classes, such as paraphrase or not, or entailment, by what both have in common.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of classes.
        exclusive: Whether a pair has exactly one class (softmax) or any number of them (sigmoid).
        symmetric: Whether the classes are the same when the texts change places, as with paraphrases.
        hidden: How many numbers are made of the comparison of pooled vectors; see `Comparison`.
        pool: As `TextClassifier` has it.
        dropout: The share of the features of a pair that are set to zero in training.
        label_smoothing: As `TextClassifier` has it.

    Raises:
        ConfigError: As `TextClassifier`; or `hidden` is below 1.
    """

    sees_pairs: ClassVar[bool] = True

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        exclusive: bool = True,
        symmetric: bool = False,
        hidden: int = 128,
        pool: Pool | Sequence[Pool] = ("mean", "max"),
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            input_width,
            output_width,
            exclusive=exclusive,
            pool=pool,
            dropout=dropout,
            label_smoothing=label_smoothing,
        )
        _check_width(hidden)
        pooled = len(self.poolings) * input_width
        self.comparison = Comparison(input_width, pooled, hidden, symmetric)
        self.output = self._new_output(self.comparison.width, output_width)

    def forward(self, inputs: Tensor, lengths: Tensor, firsts: Tensor | None = None) -> Tensor:
        """Return the logits of each class, `[B, output_width]`; see `Head.forward`."""
        of_texts = _lengths_of_texts(lengths, firsts)
        return self._scored(self.comparison(self._pooled(inputs, of_texts), inputs, of_texts))


class PairRegressor(Regressor):
    """Predicts numbers of pairs of texts, such as how similar they are, by what both have in common.

    Args:
        input_width: The width of a contextual vector.
        output_width: How many numbers.
        symmetric: Whether the numbers are the same when the texts change places.
        hidden: How many numbers are made of the comparison of pooled vectors; see `Comparison`.
        pool: As `Regressor` has it.
        dropout: The share of the features of a pair that are set to zero in training.

    Raises:
        ConfigError: As `Regressor`; or `hidden` is below 1.
    """

    sees_pairs: ClassVar[bool] = True

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        symmetric: bool = True,
        hidden: int = 128,
        pool: Pool | Sequence[Pool] = ("mean", "max"),
        dropout: float = 0.3,
    ) -> None:
        super().__init__(input_width, output_width, pool=pool, dropout=dropout)
        _check_width(hidden)
        pooled = len(self.poolings) * input_width
        self.comparison = Comparison(input_width, pooled, hidden, symmetric)
        self.output = self._new_output(self.comparison.width, output_width)

    def forward(self, inputs: Tensor, lengths: Tensor, firsts: Tensor | None = None) -> Tensor:
        """Return the standardised numbers, `[B, output_width]`; see `Head.forward`."""
        of_texts = _lengths_of_texts(lengths, firsts)
        return self._scored(self.comparison(self._pooled(inputs, of_texts), inputs, of_texts))
