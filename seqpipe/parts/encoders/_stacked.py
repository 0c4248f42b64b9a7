"""Encoders one on top of the other."""

import functools
from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.encoders._contract import Encoder
from seqpipe.parts.encoders._convolutional import Convolutional
from seqpipe.parts.encoders._recurrent import Recurrent


class Stacked(Encoder):
    """Encoders one on top of the other, such as a recurrent one over a convolutional one.

    The layers are in the order of their names, numbers before others: a saved configuration keeps no other order.

    Args:
        input_width: The width of an input vector.
        layers: The encoders by name. The last one has the width of the whole, the others have their own. None: a
            `Recurrent` over a `Convolutional` one, both of the whole's width.
        width: The width of the output.
        shortcut: What's done with a layer's input beside its output, from the second layer on: nothing (None); it's added, by a
            linear map where widths differ ("residual"; He et al. 2016); or a gate chooses between both, unit by unit
            ("highway"; Srivastava, Greff & Schmidhuber 2015): ``g y + (1 - g) x, g = σ(W x + b)``.

    Raises:
        ConfigError: There's no layer, the last one has another width, or there's no such shortcut.
    """

    def __init__(
        self,
        input_width: int,
        *,
        layers: dict[str, Any] | None = None,
        width: int = 128,
        shortcut: Literal["residual", "highway"] | None = None,
    ) -> None:
        super().__init__()
        if layers is None:
            layers = {"1": functools.partial(Convolutional, width=width), "2": Recurrent}
        if not isinstance(layers, Mapping) or not layers:
            raise ConfigError(
                "`layers` has no encoder: add sections such as [encoder.layers.1]", setting="layers"
            )
        if shortcut not in (None, "residual", "highway"):
            raise ConfigError(
                f'`shortcut` is {shortcut!r}; it may be "residual", "highway" or null',
                setting="shortcut",
            )
        self.input_width = input_width
        self.width = width
        self.shortcut = shortcut
        names = sorted(layers, key=_place)
        made: list[Encoder] = []
        for name in names:
            before = made[-1].width if made else input_width
            made.append(_make(name, layers[name], before, width if name == names[-1] else None))
        self.layers = nn.ModuleList(made)
        self.maps = nn.ModuleList(self._map(layer) for layer in made[1:])
        self.gates = nn.ModuleList(self._gate(layer) for layer in made[1:])

    def _map(self, layer: Encoder) -> nn.Module:
        if self.shortcut is None or layer.input_width == layer.width:
            return nn.Identity()
        return nn.Linear(layer.input_width, layer.width, bias=False)

    def _gate(self, layer: Encoder) -> nn.Module:
        if self.shortcut != "highway":
            return nn.Identity()
        gate = nn.Linear(layer.input_width, layer.width)
        # At first mostly what comes in goes on, as in the paper.
        nn.init.constant_(gate.bias, -1.0)
        return gate

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch; see `Encoder.forward`."""
        outputs: Tensor = self.layers[0](inputs, lengths)
        for number, layer in enumerate(list(self.layers)[1:]):
            before, outputs = outputs, layer(outputs, lengths)
            if self.shortcut is not None:
                outputs = self._joined(before, outputs, number)
        return outputs

    def _joined(self, before: Tensor, outputs: Tensor, number: int) -> Tensor:
        mapped, gate = self.maps[number], self.gates[number]
        kept = linear(before, mapped.weight) if isinstance(mapped, nn.Linear) else before
        if not isinstance(gate, nn.Linear):
            return kept + outputs
        share = torch.sigmoid(linear(before, gate.weight, gate.bias))
        return share * outputs + (1 - share) * kept


def _make(name: str, factory: Any, input_width: int, width: int | None) -> Encoder:
    if not callable(factory):
        raise ConfigError(
            f"the layer {name!r} is {factory!r}, which is no encoder", setting="layers"
        )
    given = getattr(factory, "keywords", {}).get("width")
    if width is not None and given not in (None, width):
        raise ConfigError(
            f"the last layer, {name!r}, has `width` {given}, and the whole {width}: leave the former out",
            setting="layers",
        )
    made = factory(input_width) if width is None else factory(input_width, width=width)
    return cast(Encoder, made)


def _place(name: str) -> tuple[bool, int, str]:
    return (False, int(name), "") if name.isdecimal() else (True, 0, name)
