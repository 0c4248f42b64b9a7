"""An encoder by convolution: each word with some neighbours on both sides."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.encoders._contract import Encoder


class Convolutional(Encoder):
    """Reads each word with its neighbours, in layers; beyond a sequence's ends there are zeros.

    A layer sees ``window`` words on each side, so that `depth` of them see ``depth * window``. From the second layer on, its input
    is added to its output (He et al. 2016), which is normalised (Ba, Kiros & Hinton 2016)::

        y = GELU(W [x_{t-k}; ...; x_t; ...; x_{t+k}] + b),  x' = LayerNorm(x + y)

    Args:
        input_width: The width of an input vector.
        width: The width of the output, and of each layer.
        depth: The number of layers.
        window: How many words are seen on each side, k.
        dropout: The share of each layer's inputs that are set to zero in training.
        word_dropout: The share of input vectors that are set to zero as a whole in training.

    Raises:
        ConfigError: A size is too small, or a share is outside [0, 1).
    """

    def __init__(
        self,
        input_width: int,
        *,
        width: int = 128,
        depth: int = 2,
        window: int = 1,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, size in {"width": width, "depth": depth, "window": window}.items():
            if size < 1:
                raise ConfigError(f"`{name}` is {size}; it must be at least 1", setting=name)
        for name, share in {"dropout": dropout, "word_dropout": word_dropout}.items():
            if not 0 <= share < 1:
                raise ConfigError(
                    f"`{name}` is {share}; it must be at least 0 and less than 1", setting=name
                )
        self.input_width = input_width
        self.width = width
        self.window = window
        self.dropout = dropout
        self.word_dropout = word_dropout
        seen = 2 * window + 1
        self.layers = nn.ModuleList(
            nn.Linear(seen * before, width) for before in [input_width] + [width] * (depth - 1)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch; see `Encoder.forward`."""
        places = _neighbours(lengths, self.window).to(inputs.device)
        outputs = inputs
        if self.training and self.word_dropout:
            outputs = outputs * (torch.rand_like(outputs[:, :1]) >= self.word_dropout)
        pairs = zip(self.layers, self.norms, strict=True)
        for number, (layer, norm) in enumerate(cast(Iterator[tuple[nn.Linear, nn.Module]], pairs)):
            dropped = functional.dropout(outputs, self.dropout, self.training)
            # The last row is what there is beyond a sequence's ends.
            seen = torch.cat([dropped, dropped.new_zeros(1, dropped.shape[1])])[places].flatten(1)
            found = functional.gelu(linear(seen, layer.weight, layer.bias))
            outputs = norm(found if number == 0 else outputs + found)
        return outputs


def _neighbours(lengths: Tensor, window: int) -> Tensor:
    """Return the places of each word and of those beside it, `[N, 2 window + 1]`; N for one beyond its sequence."""
    total = int(lengths.sum())
    starts = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    ends = lengths.cumsum(0).repeat_interleave(lengths)
    places = torch.arange(total)[:, None] + torch.arange(-window, window + 1)
    return torch.where((places >= starts[:, None]) & (places < ends[:, None]), places, total)
