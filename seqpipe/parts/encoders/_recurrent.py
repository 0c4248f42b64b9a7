"""The standard encoder: a cell unrolled over the sequence, in layers and in both directions."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.cells import LSTM, Cell, CellFactory, GatedCell, State
from seqpipe.parts.encoders._contract import Encoder
from seqpipe.parts.recurrence import unroll
from seqpipe.parts.recurrence._check import refuse_unknown_numbers
from seqpipe.parts.recurrence._engines import EngineName, check_engine, engine_names
from seqpipe.parts.recurrence._noise import Noise, draw_mask, draw_zoneout
from seqpipe.parts.recurrence._unroll import Allocate

#: So many rows are added to at once.
_ROWS: Final = 2**13


class Recurrent(Encoder):
    """Unrolls a cell over each sequence.

    Args:
        input_width: The width of an input vector.
        cell: Makes a cell from its input's width and its own. None: an `LSTM`.
        width: The width of the output. In both directions, each has half of it.
        depth: The number of layers.
        bidirectional: Whether each layer also runs from a sequence's end to its beginning.
        window: The largest number of time steps that the state is carried over: longer sequences are read in
            pieces of that length, each with a fresh state. None reads them whole.
        tbptt: The number of time steps that a gradient is backpropagated over, though the state goes on
            (truncated backpropagation through time; Williams & Peng 1990). Beside input and output,
            activations are then kept for that many steps only; the forward pass is
            done twice. None goes back to the beginning.
        step_clip: The bound of each element of the gradient that's passed from a step to the step before it
            (Graves 2013). None for none.
        residual: Whether a linear map of the input is added to the output, as in the projection
            shortcut of He et al. (2016).
        dropout: The share of each layer's input dimensions that are set to zero in training, the
            same ones at every step of a sequence (Gal & Ghahramani 2016).
        state_dropout: The same for the hidden state that goes into a gated cell's products.
        output_dropout: The same for the output of the last layer.
        weight_dropout: The share of a gated cell's recurrent weights that are set to zero in training,
            the same ones for a whole batch (Wan et al. 2013; Merity et al. 2018).
        zoneout: The share of each state's units that keep their value at a step in training (Krueger et
            al. 2017); a share for each of the cell's states, or one for all. In evaluation each unit
            keeps that share of its value.
        word_dropout: The share of input vectors that are set to zero as a whole in training.
        engine: What runs the recurrence: "plain", "eager", "compiled" or "triton". None takes
            the fastest one available, which gives the same results.

    Raises:
        ConfigError: A size is too small, an odd width is to be halved, a share is outside [0, 1), there's
            no such engine, or a cell that isn't gated is to have noise that only gated ones take.
    """

    def __init__(
        self,
        input_width: int,
        *,
        cell: CellFactory | None = None,
        width: int = 128,
        depth: int = 1,
        bidirectional: bool = True,
        window: int | None = None,
        tbptt: int | None = None,
        step_clip: float | None = None,
        residual: bool = False,
        dropout: float = 0.0,
        state_dropout: float = 0.0,
        output_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        zoneout: float | Sequence[float] = 0.0,
        word_dropout: float = 0.0,
        engine: EngineName | None = None,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        _check_sizes({"width": width, "depth": depth, "window": window, "tbptt": tbptt})
        _check_shares(
            {"dropout": dropout, "state_dropout": state_dropout, "output_dropout": output_dropout}
            | {"weight_dropout": weight_dropout, "word_dropout": word_dropout}
            | {f"zoneout[{i}]": share for i, share in enumerate(_listed(zoneout))}
        )
        if width % directions:
            raise ConfigError(f"`width` is {width}, which two directions can't share; make it even")
        _check_clip(step_clip)
        check_engine(engine)
        self.input_width = input_width
        self.width = width
        self.window = window
        self.tbptt = tbptt
        self.step_clip = step_clip
        self.dropout = dropout
        self.state_dropout = state_dropout
        self.output_dropout = output_dropout
        self.weight_dropout = weight_dropout
        self.word_dropout = word_dropout
        self.engine = engine
        # For each layer, a cell forwards and perhaps one backwards.
        self.layers = nn.ModuleList(
            nn.ModuleList((cell or LSTM)(before, width // directions) for _ in range(directions))
            for before in [input_width] + [width] * (depth - 1)
        )
        self.shortcut = nn.Linear(input_width, width, bias=False) if residual else None
        self.zoneout = self._spread(zoneout)

    def forward(self, inputs: Tensor, lengths: Tensor, places: Tensor | None = None) -> Tensor:
        """Encode a batch; see `Encoder.forward`.

        Args:
            inputs: `[N, input_width]`, or `[rows, input_width]` with `places`.
            lengths: `[B]`
            places: `[N]`: the row of `inputs` at each step, where steps have rows in common, as equal words have. In
                evaluation each row is then multiplied once.
        """
        refuse_unknown_numbers(lengths)
        if self.training and places is not None:
            # Noise makes equal words different.
            inputs, places = inputs[places], None
        outputs = inputs = self._drop_words(inputs)
        of_layer = places
        for layer in self.layers:
            outputs = self._run_layer(layer, outputs, lengths, of_layer)
            of_layer = None
        outputs = self._drop_dimensions(outputs, lengths, self.output_dropout)
        if self.shortcut is None:
            return outputs
        shortcut = linear(inputs, self.shortcut.weight)
        if places is None:
            return outputs + shortcut
        if torch.is_grad_enabled():
            return outputs + shortcut[places]
        # In the cache, where all rows at once would be written to memory and read again.
        for some, at in zip(torch.split(outputs, _ROWS), torch.split(places, _ROWS), strict=True):
            some += shortcut[at]
        return outputs

    def hidden_states(self, inputs: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return what each layer puts out for a batch, as `forward` computes it: `[N, width]`.

        The first half of the columns is that of the cell that runs forwards, if there are two. What's added to the last layer's
        by `residual` isn't part of it.

        Args:
            inputs: `[N, input_width]`
            lengths: `[B]`, int64, on the CPU.
        """
        outputs = [inputs]
        for layer in self.layers:
            outputs.append(self._run_layer(layer, outputs[-1], lengths))
        return outputs[1:]

    def pieces(self, lengths: Tensor) -> Tensor:
        """Return the lengths of the pieces that sequences are read in, each with a fresh state: `[P]`."""
        return _cut(lengths, self.window) if self.window else lengths

    def _run_layer(
        self, layer: nn.Module, inputs: Tensor, lengths: Tensor, places: Tensor | None = None
    ) -> Tensor:
        counts, pieces = _pieces(lengths, self.window), self.pieces(lengths)
        inputs = self._drop_dimensions(inputs, lengths, self.dropout)
        cells = list(layer.children())
        columns = _SideBySide(len(cells))
        directions = [
            self._unroll(
                cast(Cell, cell),
                inputs,
                places,
                pieces,
                counts,
                reverse=bool(i),
                allocate=functools.partial(columns.allocate, i),
            )
            for i, cell in enumerate(cells)
        ]
        if columns.filled == len(cells) and columns.whole is not None:
            return columns.whole
        return torch.cat(directions, dim=1)

    def stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Encode one sequence chunk by chunk, in memory that doesn't grow with its length.

        Args:
            chunks: `[n, input_width]` each, in order.

        Returns:
            For each chunk its outputs, `[n, width]`, as if the sequence had been encoded at once,
            without noise.

        Raises:
            ConfigError: The encoder runs in both directions or in windows, and so can't begin before it
                has seen the end, or has no state to go on with.
        """
        if len(list(self.layers[0].children())) > 1 or self.window:
            raise ConfigError(
                "only an encoder with `bidirectional = false` and without `window` can encode a "
                "sequence piece by piece"
            )
        return self._stream(chunks)

    @torch.no_grad()
    def _stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        cells = [cast(Cell, next(layer.children())) for layer in self.layers]
        states: list[State | None] = [None] * len(cells)
        for chunk in chunks:
            outputs, lengths = chunk, torch.tensor([len(chunk)], device="cpu")
            for i, cell in enumerate(cells):
                outputs, states[i] = unroll(
                    cell,
                    outputs,
                    lengths,
                    state=states[i],
                    noise=self._noise(cell, outputs, lengths, training=False),
                    engine=self.engine,
                )
            yield outputs if self.shortcut is None else outputs + self.shortcut(chunk)

    def engines(self, like: Tensor) -> dict[str, str]:
        """Return the engine that runs each cell, by the cell's place, for inputs like a tensor."""
        # With evaluation's zoneout, as that kernel is there already.
        zoneout = tuple(share or None for share in self.zoneout)
        return engine_names(self, like, self.engine, zoneout=zoneout)

    def _unroll(
        self,
        cell: Cell,
        inputs: Tensor,
        places: Tensor | None,
        pieces: Tensor,
        counts: Tensor,
        *,
        reverse: bool,
        allocate: Allocate,
    ) -> Tensor:
        return unroll(
            cell,
            inputs,
            pieces,
            places=places,
            reverse=reverse,
            tbptt=self.tbptt,
            clip=self.step_clip,
            noise=self._noise(cell, inputs, counts, training=self.training),
            engine=self.engine,
            allocate=allocate,
        )[0]

    def _noise(self, cell: Cell, like: Tensor, counts: Tensor, *, training: bool) -> Noise:
        """Draw the noise of one cell: `counts` are each sequence's pieces."""
        hidden = recurrent = None
        if training and self.state_dropout:
            drawn = draw_mask(like, len(counts), cell.width, self.state_dropout)
            hidden = drawn.repeat_interleave(counts.to(like.device), dim=0)
        if training and self.weight_dropout:
            shape = cast(GatedCell, cell).recurrent_weight.shape
            recurrent = draw_mask(like, shape[0], shape[1], self.weight_dropout)
        widths = [each.shape[1] for each in cell.initial_state(1, like)] if self.zoneout else []
        zoneout = draw_zoneout(like, widths, self.zoneout, training=training)
        return Noise(hidden, recurrent, zoneout)

    def _spread(self, zoneout: float | Sequence[float]) -> tuple[float, ...]:
        """Return a share for each state of a cell, or nothing if all are 0."""
        cell = cast(Cell, next(self.layers[0].children()))
        if not isinstance(cell, GatedCell) and (self.state_dropout or self.weight_dropout):
            raise ConfigError(
                "`state_dropout` and `weight_dropout` are for a GatedCell, whose products are known; "
                f"{type(cell).__name__} is none"
            )
        count = len(cell.initial_state(1, torch.zeros(1, 1)))
        shares = _listed(zoneout)
        shares = shares * count if len(shares) == 1 else shares
        if len(shares) != count:
            raise ConfigError(
                f"`zoneout` has {len(shares)} shares, and {type(cell).__name__} has {count} states"
            )
        return shares if any(shares) else ()

    def _drop_words(self, inputs: Tensor) -> Tensor:
        if not (self.training and self.word_dropout):
            return inputs
        return inputs * (torch.rand_like(inputs[:, :1]) >= self.word_dropout)

    def _drop_dimensions(self, inputs: Tensor, lengths: Tensor, share: float) -> Tensor:
        if not (self.training and share):
            return inputs
        masks = draw_mask(inputs, len(lengths), inputs.shape[1], share)
        return inputs * masks.repeat_interleave(lengths.to(inputs.device), dim=0)


class _SideBySide:
    """Memory for the outputs of a layer's cells beside each other, so that they needn't be joined.

    Args:
        cells: How many there are, all of the same width.

    Attributes:
        whole: `[rows, width]`; None as long as no cell has asked for its columns.
        filled: How many cells have.
    """

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self.whole: Tensor | None = None
        self.filled = 0

    def allocate(self, cell: int, like: Tensor, rows: int) -> Tensor:
        """Return the columns of a cell, `[rows, its width]`; see `seqpipe.parts.recurrence.unroll`."""
        if self.whole is None:
            self.whole = like.new_empty(rows, self._cells * like.shape[1])
        self.filled += 1
        return self.whole.tensor_split(self._cells, dim=1)[cell]


def _listed(zoneout: float | Sequence[float]) -> tuple[float, ...]:
    return (float(zoneout),) if isinstance(zoneout, int | float) else tuple(zoneout)


def _pieces(lengths: Tensor, window: int | None) -> Tensor:
    """Return how many pieces each sequence falls into: `[B]`."""
    return torch.ones_like(lengths) if window is None else (lengths + window - 1) // window


def _cut(lengths: Tensor, window: int) -> Tensor:
    """Return the lengths of the pieces that sequences fall into, the shorter piece last: `[P]`."""
    counts = _pieces(lengths, window)
    pieces = torch.full((int(counts.sum()),), window, device="cpu")
    last = counts.cumsum(0)[counts > 0] - 1
    pieces[last] = ((lengths - 1) % window + 1)[counts > 0]
    return pieces


def _check_sizes(sizes: dict[str, int | None]) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ConfigError(f"`{name}` is {size}; it must be at least 1")


def _check_clip(step_clip: float | None) -> None:
    if step_clip is not None and not step_clip > 0:
        raise ConfigError(f"`step_clip` is {step_clip}; it must be more than 0")


def _check_shares(shares: dict[str, float]) -> None:
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ConfigError(f"`{name}` is {share}; it must be at least 0 and less than 1")
