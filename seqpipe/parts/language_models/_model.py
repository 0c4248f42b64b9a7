"""The network of a language model: an embedding, recurrent layers, and a softmax over the next unit."""

from collections.abc import Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import LSTM, Cell, CellFactory, State
from seqpipe.parts.language_models._output import (
    AdaptiveSoftmax,
    Cutoffs,
    Output,
    Softmax,
    choose_cutoffs,
)
from seqpipe.parts.recurrence import unroll
from seqpipe.parts.recurrence._noise import draw_mask

#: The state of each layer.
States: TypeAlias = tuple[State, ...]

_INITIAL: float = 0.1


class LanguageModel(nn.Module):
    """Predicts each unit of a sequence from those before it.

    Args:
        size: The number of units.
        cell: Makes a cell from its input's width and its own. None: an `LSTM`.
        width: The width of a layer.
        layers: The number of layers.
        embedding_width: The width of a unit's vector. None: `width`.
        tied: Whether the output has the weights of the embedding (Press & Wolf 2017). Adaptive softmax has its own.
        dropout: The share of each layer's input dimensions, and of the last one's outputs, that are set to zero in
            training, the same ones at every step of a window (Gal & Ghahramani 2016).
        cutoffs: Where the clusters of adaptive softmax begin; "auto" chooses by `size`, and none are a single softmax.

    Raises:
        ConfigError: A size is too small, `dropout` is outside [0, 1), the cutoffs don't fit the number of units, or tied
            weights would have two widths.

    Attributes:
        width: The width of the vectors that units are predicted from.
    """

    def __init__(
        self,
        size: int,
        *,
        cell: CellFactory | None = None,
        width: int = 256,
        layers: int = 1,
        embedding_width: int | None = None,
        tied: bool = True,
        dropout: float = 0.1,
        cutoffs: Cutoffs | Sequence[int] = "auto",
    ) -> None:
        super().__init__()
        check_shape(width, layers, embedding_width, tied=tied, dropout=dropout)
        embedded = embedding_width or width
        self.dropout = dropout
        self.width = width
        self.embedding = nn.Embedding(size, embedded)
        nn.init.uniform_(self.embedding.weight, -_INITIAL, _INITIAL)
        self.layers = nn.ModuleList(
            (cell or LSTM)(before, width) for before in [embedded] + [width] * (layers - 1)
        )
        clusters = choose_cutoffs(cutoffs, size)
        self.output: Output = (
            AdaptiveSoftmax(width, size, clusters)
            if clusters
            else Softmax(width, size, self.embedding.weight if tied else None)
        )

    def forward(
        self, units: Tensor, lengths: Tensor, states: States | None = None
    ) -> tuple[Tensor, States]:
        """Read sequences.

        Args:
            units: `[N]`, int64, on any device: the sequences concatenated.
            lengths: `[B]`, int64, on the CPU; 0 is allowed.
            states: The states before each sequence, `[B, n]` each; None for a new text's.

        Returns:
            The vectors that the next units are predicted from, `[N, width]`, and the states after each sequence.
        """
        rows = self.embedding(units.to(self.embedding.weight.device))
        after: list[State] = []
        for i, cell in enumerate(self.layers):
            rows = self._drop(rows, lengths)
            before = None if states is None else states[i]
            rows, state = unroll(cast(Cell, cell), rows, lengths, state=before)
            after.append(state)
        return self._drop(rows, lengths), tuple(after)

    def choose_states(self, states: States | None, chosen: Tensor, kept: Tensor) -> States:
        """Return states for other sequences: some of those given, and a new text's.

        Args:
            states: States of sequences, `[B, n]` each; None for a new text's.
            chosen: `[P]`, int64: whose state each of the other sequences has.
            kept: `[P]`, bool: whether it has that, rather than a new text's.

        Returns:
            The states before them, `[P, n]` each.
        """
        like = self.embedding.weight
        chosen, kept = chosen.to(like.device), kept.to(like.device)
        found: list[State] = []
        for i, cell in enumerate(self.layers):
            state = cast(Cell, cell).initial_state(len(chosen), like)
            if states is not None:
                pairs = zip(states[i], state, strict=True)
                state = tuple(torch.where(kept[:, None], old[chosen], new) for old, new in pairs)
            found.append(state)
        return tuple(found)

    def _drop(self, rows: Tensor, lengths: Tensor) -> Tensor:
        if not (self.training and self.dropout):
            return rows
        masks = draw_mask(rows, len(lengths), rows.shape[1], self.dropout)
        return rows * masks.repeat_interleave(lengths.to(rows.device), dim=0)


def check_shape(
    width: int, layers: int, embedding_width: int | None, *, tied: bool, dropout: float
) -> None:
    """Check the settings of a `LanguageModel` that don't depend on its vocabulary; see there."""
    sizes = {"width": width, "layers": layers, "embedding_width": embedding_width}
    for name, value in sizes.items():
        if value is not None and value < 1:
            raise ConfigError(f"`{name}` is {value}; it must be at least 1")
    if not 0 <= dropout < 1:
        raise ConfigError(f"`dropout` is {dropout}; it must be at least 0 and less than 1")
    if tied and embedding_width not in (None, width):
        raise ConfigError(
            f"`embedding_width` is {embedding_width} and `width` is {width}, and tied weights need the same for "
            "both: leave it out, or set `tied = false`",
            setting="embedding_width",
        )


def detached(states: States) -> States:
    """Return states that no gradient flows back through."""
    return tuple(tuple(torch.detach(each) for each in state) for state in states)
