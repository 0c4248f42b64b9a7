"""What a language model's hidden state is at places in a text: what it knows of all that it has read up to there."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from seqpipe.errors import NotFiniteError
from seqpipe.parts.language_models._model import LanguageModel, States
from seqpipe.parts.language_models._vocabulary import END

#: How many units are read at once: what's kept of a text are the places asked for.
_MAX_STEPS: Final = 4_096


@torch.no_grad()
def states_after(model: LanguageModel, text: Sequence[int], counts: Tensor) -> Tensor:
    """Return the hidden state of the last layer after some of a text's units, `[M, width]`.

    The text is read by itself, from a fresh state: the same text has the same states, to the last bit, whatever else is read.

    Args:
        model: The model; it's used as in evaluation, whatever its mode.
        text: The numbers of the text's units, n of them.
        counts: After how many units each, `[M]`, int64, on the CPU, within 0 and n; 0 is before the first one.

    Raises:
        NotFiniteError: A state isn't finite.
    """
    device = model.embedding.weight.device
    read = torch.tensor([END, *text], dtype=torch.int64, device=device)
    found = torch.empty(len(counts), model.width, device=device)
    was_training = model.training
    model.eval()
    try:
        states: States | None = None
        for start in range(0, int(counts.max()) + 1 if len(counts) else 0, _MAX_STEPS):
            part = read[start : start + _MAX_STEPS]
            length = torch.tensor([len(part)], device="cpu")
            hidden, states = model(part, length, states)
            (here,) = ((counts >= start) & (counts < start + len(part))).nonzero(as_tuple=True)
            found[here.to(device)] = hidden[(counts[here] - start).to(device)].to(found.dtype)
    finally:
        model.train(was_training)
    if not found.isfinite().all():
        raise NotFiniteError(
            "the language model's states aren't finite: its weights overflowed; train it anew with a smaller `learn_rate`"
        )
    return found
