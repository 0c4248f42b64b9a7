"""An encoder that begins as a language model, instead of with random weights."""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from spacy.language import Language
from spacy.strings import get_string_id
from torch import Tensor, nn

from seqpipe.adapters._encoder import WordEncoder, encoders_in
from seqpipe.adapters._ensemble import members_of
from seqpipe.adapters._offsets import Offsets, signed
from seqpipe.adapters._saved_language_model import load_language_model
from seqpipe.adapters._tokens import vectors_of
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.language_models import TrainedModel


def make_begin_encoder(path: str, embeddings: bool = False) -> Callable[[Language], Language]:
    """Make a callback that has the encoder begin as a language model; registered as "seqpipe.BeginEncoder.v1".

    It belongs in [initialize.after_init]. The weights of the language model's layers become those of the encoder's
    cells that read the same way (Dai & Le 2015). The cells, their number and their widths have to be the same. The encoder
    is then trained as ever.

    Args:
        path: That of a saved pipeline with a language model.
        embeddings: Whether tuned words that the language model knows begin with its vectors: those of the vocabulary with
            their offsets are equal to them.

    Raises:
        ConfigError: There's no such pipeline; or, when the callback is called, the encoder and the model don't fit.
    """
    _, trained, _ = load_language_model(path, setting="path")

    def begin(nlp: Language) -> Language:
        found = [shim for _, component in nlp.pipeline for shim in encoders_in(component)]
        if not found:
            raise ConfigError(
                'seqpipe.BeginEncoder.v1 needs a component with a model "seqpipe.Encoder.v1", and the pipeline has none'
            )
        module = cast(WordEncoder, found[0].module)
        try:
            for encoder in members_of(module.encoder):
                _copy_layers(trained, encoder)
            if embeddings:
                _copy_embeddings(nlp, trained, module)
        except _Unfit as why:
            # The value tells which setting of the file it is.
            message = f'the encoder can\'t begin as the language model "{path}": {why}'
            raise ConfigError(message) from why
        return nlp

    return begin


class _Unfit(Exception):
    """An encoder and a language model don't fit together."""


def _copy_layers(trained: TrainedModel, encoder: nn.Module) -> None:
    """Copy the layers of a language model to the cells of an encoder that read the same way.

    Raises:
        _Unfit: They aren't the same.
    """
    if not isinstance(encoder, Recurrent):
        raise _Unfit(
            f"the encoder is a {type(encoder).__name__}, and only seqpipe.Recurrent.v1 has cells"
        )
    place = 0 if trained.direction == "forward" else 1
    layers = [list(layer.children()) for layer in encoder.layers]
    if place >= len(layers[0]):
        raise _Unfit("it reads backward, and the encoder doesn't: set `bidirectional = true`")
    cells = [cast(Cell, layer[place]) for layer in layers]
    sources = [cast(Cell, cell) for cell in trained.model.layers]
    if len(cells) != len(sources):
        raise _Unfit(f"it has {len(sources)} layers, and the encoder's `depth` is {len(cells)}")
    for number, (source, cell) in enumerate(zip(sources, cells, strict=True), 1):
        if described := _difference(source, cell):
            raise _Unfit(f"its layer {number} is {described[0]}, and the encoder's {described[1]}")
    for source, cell in zip(sources, cells, strict=True):
        cell.load_state_dict(source.state_dict())


def _difference(one: Cell, other: Cell) -> tuple[str, str] | None:
    """Return what two cells are, if weights of the one don't fit the other."""
    shapes = [{n: v.shape for n, v in cell.state_dict().items()} for cell in (one, other)]
    if type(one) is type(other) and shapes[0] == shapes[1]:
        return None
    first, second = (
        f"{type(cell).__name__} from width {cell.input_width} to {cell.width}"
        for cell in (one, other)
    )
    return (first, second) if first != second else (first, f"{second} with other settings")


def _copy_embeddings(nlp: Language, trained: TrainedModel, module: WordEncoder) -> None:
    """Give the tuned words that a language model knows its vectors.

    Raises:
        _Unfit: Nothing is tuned, the encoder sees other inputs too, or the model knows none of the words.
    """
    offsets, weight = module.offsets, trained.model.embedding.weight.detach()
    if offsets is None:
        raise _Unfit("`embeddings` needs `tune = true` in [embedder], and no words are tuned")
    columns = offsets.columns.stop - offsets.columns.start
    inputs = cast(Recurrent, module.encoder).input_width
    if not columns == inputs == weight.shape[1]:
        raise _Unfit(
            f"its vectors have a width of {weight.shape[1]}, the tuned ones {columns}, and the encoder's input {inputs}: "
            "with `embeddings` all have to be the same, and there can be no inputs beside the tuned vectors"
        )
    units = trained.vocabulary.units
    keys = np.fromiter((get_string_id(unit) for unit in units), dtype=np.uint64, count=len(units))
    numbers = torch.tensor(trained.vocabulary.encode(units), dtype=torch.int64)
    before = torch.from_numpy(vectors_of(nlp.vocab, keys))
    if not _tune(offsets, torch.from_numpy(signed(keys)), weight.cpu()[numbers] - before):
        raise _Unfit("it knows none of the words that are tuned: is it a model of words?")


@torch.no_grad()
def _tune(offsets: Offsets, keys: Tensor, values: Tensor) -> int:
    """Set the offsets of words, `[K, width]`, by their hashes, `[K]`; return how many of them are tuned."""
    places = torch.searchsorted(offsets.keys.cpu(), keys).clamp(max=len(offsets.keys) - 1)
    is_tuned = offsets.keys.cpu()[places] == keys
    device = offsets.weight.device
    offsets.weight[places[is_tuned].to(device)] = values[is_tuned].to(device)
    return int(is_tuned.sum())
