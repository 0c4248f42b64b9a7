"""Self-attention over a sequence, as a layer on top of another encoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.encoders._contract import Encoder


class SelfAttention(Encoder):
    """Lets each word look at all words of its sequence (Vaswani et al. 2017, without feed-forward layers).

    It knows no positions: what it reads has to tell them, as the output of a recurrent encoder does. A linear map of the input is
    added to the output, which is normalised::

        x' = LayerNorm(S x + W_o [head_1; ...; head_h]),  head = softmax(Q K^T / sqrt(d)) V

    Time and memory grow with the square of a sequence's length.

    Args:
        input_width: The width of an input vector.
        width: The width of the output.
        heads: How many heads the width is divided among.
        dropout: The share of the attention's weights that are set to zero in training.

    Raises:
        ConfigError: A size is too small, the heads don't divide the width, or the share is outside [0, 1).
    """

    def __init__(
        self, input_width: int, *, width: int = 128, heads: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if width < 1 or heads < 1 or width % heads:
            raise ConfigError(
                f"`heads` is {heads} and `width` {width}; both must be at least 1, and the heads have to divide the width",
                setting="heads",
            )
        if not 0 <= dropout < 1:
            raise ConfigError(
                f"`dropout` is {dropout}; it must be at least 0 and less than 1", setting="dropout"
            )
        self.input_width = input_width
        self.width = width
        self.heads = heads
        self.dropout = dropout
        self.products = nn.Linear(input_width, 3 * width)
        self.output = nn.Linear(width, width)
        self.shortcut = nn.Linear(input_width, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch; see `Encoder.forward`."""
        products = linear(inputs, self.products.weight, self.products.bias)
        # By itself each sequence, so that a batch costs no more than its sequences do.
        found = [self._attend(each) for each in torch.split(products, lengths.tolist())]
        attended = torch.cat(found) if found else products[:, : self.width]
        outputs = linear(attended, self.output.weight, self.output.bias)
        normed: Tensor = self.norm(linear(inputs, self.shortcut.weight) + outputs)
        return normed

    def _attend(self, products: Tensor) -> Tensor:
        """Return what the heads give of queries, keys and values, `[n, 3 width]`: `[n, width]`."""
        if not len(products):
            return products[:, : self.width]
        query, key, value = (
            each.reshape(len(each), self.heads, -1).transpose(0, 1) for each in products.chunk(3, 1)
        )
        scores = query @ key.transpose(1, 2) / query.shape[2] ** 0.5
        weights = functional.dropout(scores.softmax(2), self.dropout, self.training)
        attended: Tensor = (weights @ value).transpose(0, 1).flatten(1)
        return attended
