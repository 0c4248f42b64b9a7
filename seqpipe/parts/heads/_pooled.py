"""What heads for whole texts have in common: a text's vectors are pooled into one."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from torch import Tensor, nn

from seqpipe import kernels
from seqpipe.errors import ConfigError
from seqpipe.kernels import linear, pool_sequences
from seqpipe.parts.heads._contract import Head

Pool: TypeAlias = Literal["last", "mean", "max", "attention"]


class Attention(nn.Module):
    """What a mean is weighted by that has learned weights (Yang et al. 2016, equations 5 to 7).

    ::

        u_t = tanh(W x_t + b),  a = softmax(u · q),  y = Σ a_t x_t
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, 1, bias=False)

    def forward(self, vectors: Tensor) -> kernels.Attention:
        """Return W x_t of all vectors, `[N, width]`, with b and q."""
        products = linear(vectors, self.key.weight)
        return kernels.Attention(products, self.key.bias, self.query.weight[0])


class PooledHead(Head):
    """Pools a text's contextual vectors, and scores each output by a linear layer.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of outputs.
        pool: One way of pooling or several, whose results are concatenated.
        dropout: The share of the pooled values that are set to zero in training.
        dropout_samples: How many times they're set to zero, at random each time.

    Raises:
        ConfigError: No pooling is named, or the share is outside [0, 1).
    """

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        pool: Pool | Sequence[Pool],
        dropout: float,
        dropout_samples: int = 1,
    ) -> None:
        super().__init__()
        names: Sequence[Pool] = [pool] if isinstance(pool, str) else pool
        if not names:
            raise ConfigError(
                "`pool` names no way of pooling; choose from last, mean, max, attention"
            )
        check_share("dropout", dropout)
        self.dropout_samples = dropout_samples
        self.poolings = tuple(names)
        # One for each pooling, as weights are saved under its index.
        self.pools = nn.ModuleList(
            Attention(input_width) if name == "attention" else nn.Identity() for name in names
        )
        self.dropout = nn.Dropout(dropout)
        self.output = self._new_output(len(names) * input_width, output_width)

    @staticmethod
    def _new_output(width: int, output_width: int) -> nn.Linear:
        output = nn.Linear(width, output_width)
        # At first the outputs are the same for all texts.
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        return output

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of each output, `[B, output_width]`; see `Head.forward`.

        In training mode, with several samples of dropout: `[dropout_samples, B, output_width]`.
        """
        return self._scored(self._pooled(inputs, lengths.tolist()))

    def _pooled(self, inputs: Tensor, lengths: Sequence[int]) -> Tensor:
        attentions = [pool(inputs) for pool in self.pools if isinstance(pool, Attention)]
        return pool_sequences(inputs, lengths, self.poolings, attentions)

    def _scored(self, pooled: Tensor) -> Tensor:
        if self.training and self.dropout_samples > 1:
            pooled = pooled.expand(self.dropout_samples, *pooled.shape)
        logits: Tensor = self.output(self.dropout(pooled))
        return logits


def check_share(name: str, share: float) -> None:
    """Raise a `ConfigError` for a share outside [0, 1)."""
    if not 0 <= share < 1:
        raise ConfigError(f"`{name}` is {share}; it must be at least 0 and less than 1")
