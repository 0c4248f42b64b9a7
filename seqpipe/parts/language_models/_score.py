"""What each unit of a text costs a model, in bits; perplexity, and bits per character."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from seqpipe.errors import DataError, NotFiniteError
from seqpipe.parts.language_models._model import LanguageModel, States
from seqpipe.parts.language_models._vocabulary import END

#: How many texts are read at once, how many units of each, and for how many of these units scores are computed at once.
_MAX_TEXTS: Final = 64
_MAX_STEPS: Final = 256
_MAX_ROWS: Final = 2_048


@dataclass(frozen=True)
class Units:
    """A text in units.

    Attributes:
        units: The units.
        characters: How many characters the text has, its end being one more.
    """

    units: Sequence[str]
    characters: int


@dataclass(frozen=True)
class Encoded:
    """A text as a model reads it.

    Attributes:
        units: The numbers of its units.
        characters: How many characters it has, its end being one more.
    """

    units: Sequence[int]
    characters: int


@dataclass(frozen=True)
class Figures:
    """How well a model predicts texts.

    Attributes:
        bits: What all units cost together, ends of texts included.
        units: How many there are.
        characters: How many characters these are, with one for the end of each text.
    """

    bits: float
    units: int
    characters: int

    @property
    def loss(self) -> float:
        """What a unit costs on average, in nats."""
        return self.bits / self.units * math.log(2)

    @property
    def perplexity(self) -> float:
        """Two to the power of the bits per unit: among how many equally likely ones a model chooses, on average."""
        return float(2.0 ** min(self.bits / self.units, 1023.0))

    @property
    def bits_per_character(self) -> float:
        """What a character costs, which can be compared between models of characters and of words."""
        return self.bits / self.characters


def measure(model: LanguageModel, texts: Sequence[Encoded]) -> Figures:
    """Return how well a model predicts texts, each by itself.

    Raises:
        DataError: There's no text.
        NotFiniteError: As `surprisals`.
    """
    if not texts:
        raise DataError("there's no text to measure the language model on")
    found = surprisals(model, [text.units for text in texts])
    bits = math.fsum(float(each.sum()) for each in found)
    characters = sum(text.characters for text in texts)
    return Figures(bits, sum(map(len, found)), characters)


@torch.no_grad()
def surprisals(model: LanguageModel, texts: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return what the units of texts cost: minus the binary logarithm of their probabilities.

    A text doesn't depend on the others, up to rounding. Nothing is padded.

    Args:
        model: The model; it's used as in evaluation, whatever its mode.
        texts: The numbers of the units of each.

    Returns:
        For each text `[n + 1]`, float64: its n units, and its end.

    Raises:
        NotFiniteError: A cost isn't finite.
    """
    was_training = model.training
    model.eval()
    try:
        # Texts of about the same length are read together.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found: dict[int, Tensor] = {}
        for start in range(0, len(order), _MAX_TEXTS):
            chosen = order[start : start + _MAX_TEXTS]
            batch = _surprisals_at_once(model, [texts[i] for i in chosen])
            found.update(zip(chosen, batch, strict=True))
    finally:
        model.train(was_training)
    return [found[i] for i in range(len(texts))]


def _surprisals_at_once(model: LanguageModel, texts: Sequence[Sequence[int]]) -> list[Tensor]:
    read = [torch.tensor([END, *text], dtype=torch.int64) for text in texts]
    targets = [torch.tensor([*text, END], dtype=torch.int64) for text in texts]
    pieces: list[list[Tensor]] = [[] for _ in texts]
    states: States | None = None
    for start in range(0, max(map(len, read)), _MAX_STEPS):
        stop = start + _MAX_STEPS
        parts = [each[start:stop] for each in read]
        lengths = torch.tensor([len(each) for each in parts], device="cpu")
        hidden, states = model(torch.cat(parts), lengths, states)
        wanted = torch.cat([each[start:stop] for each in targets])
        bits = _bits(model, hidden, wanted)
        for found, piece in zip(pieces, torch.split(bits, lengths.tolist()), strict=True):
            found.append(piece)
    return [torch.cat(found) for found in pieces]


def _bits(model: LanguageModel, hidden: Tensor, targets: Tensor) -> Tensor:
    """Return what targets cost, `[N]`, float64, on the CPU: not every device has that type."""
    targets = targets.to(hidden.device)
    chunks = zip(torch.split(hidden, _MAX_ROWS), torch.split(targets, _MAX_ROWS), strict=True)
    nats = torch.cat([model.output.losses(*chunk) for chunk in chunks])
    bits = nats.cpu().double() / math.log(2)
    if not bits.isfinite().all():
        raise NotFiniteError(
            "the language model gives probabilities that aren't finite: its weights overflowed; train it anew "
            "with a smaller `learn_rate`"
        )
    return bits
