"""Vectors of words that are computed from their characters, and trained with the encoder."""

import functools
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.vocab import Vocab
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.cells import LSTM
from seqpipe.parts.recurrence import unroll

#: Characters share rows by their code points' remainder: letters of alphabets below U+1388 never do, while about four
#: Chinese characters have a row.
_ROWS: Final = 5000
#: The row of what stands before a word and after it.
_BORDER: Final = _ROWS
#: The width of a character's vector, as Ma & Hovy have it.
_CHARACTER_WIDTH: Final = 30
#: So many characters are read from either end of a word that has more than twice as many.
_MAX_AT_AN_END: Final = 20
#: How many characters a filter of the convolution sees.
_WINDOW: Final = 3

CharacterEncoderName: TypeAlias = Literal["convolution", "recurrent"]


class Spellings(NamedTuple):
    """How the distinct words of a batch are spelled.

    Attributes:
        characters: The row of each character in the table of an encoder, `[C]`: word after word. An empty word has a
            border in place of a character.
        lengths: How many characters each distinct word has, `[U]`, int64, on the CPU; at least 1.
        words: Which of the distinct words each token is, `[N]`.
    """

    characters: Tensor
    lengths: Tensor
    words: Tensor

    def to(self, device: torch.device) -> "Spellings":
        """Return the same on a device; the lengths stay on the CPU."""
        return Spellings(self.characters.to(device), self.lengths, self.words.to(device))


def spellings(vocab: Vocab, keys: NDArray[np.uint64]) -> Spellings:
    """Return how words are spelled, each distinct one once.

    Args:
        vocab: Knows the words.
        keys: The hash of each token, `[N]`.
    """
    distinct, words = np.unique(keys, return_inverse=True)
    texts = [_ends(vocab.strings[key]) for key in distinct.tolist()]
    # A lone half of a surrogate pair is a character like another here.
    points = "".join(texts).encode("utf-32-le", "surrogatepass")
    rows = np.frombuffer(points, dtype="<u4").astype(np.int64) % _ROWS
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        rows = np.insert(rows, lengths.cumsum()[empty], _BORDER)
        lengths[empty] = 1
    return Spellings(*map(torch.from_numpy, (rows, lengths, words.reshape(-1))))


def _ends(word: str) -> str:
    return (
        word if len(word) <= 2 * _MAX_AT_AN_END else word[:_MAX_AT_AN_END] + word[-_MAX_AT_AN_END:]
    )


class CharacterEncoder(nn.Module):
    """Encodes words by their characters; a word's vector doesn't depend on the others of its batch.

    Args:
        width: The width of a word's vector.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        # Its elements have a variance of 1, as those of standardized vectors: smaller ones were slower to learn.
        self.table = nn.Embedding(_ROWS + 1, _CHARACTER_WIDTH)

    def forward(self, spelled: Spellings) -> Tensor:
        """Encode each token, `[N, width]`; equal ones are computed once."""
        if not len(spelled.lengths):
            return self.table.weight.new_zeros(0, self.width)
        distinct = self.encode(spelled.characters, spelled.lengths)
        return nn.functional.embedding(spelled.words, distinct)

    def encode(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Encode distinct words, `[U, width]`.

        Args:
            characters: Rows of the table, `[C]`: word after word.
            lengths: How many characters each word has, `[U]`, on the CPU; at least 1.
        """
        raise NotImplementedError


class CharacterConvolution(CharacterEncoder):
    """Slides filters over a word's characters, three at a time, and keeps the greatest value of each (Ma & Hovy 2016).

    ``tanh(max over i of (W [x_{i-1}; x_i; x_{i+1}] + b))``, where x are the vectors of characters. Before the first
    and after the last one stands a border, whose vector is trained too, so that filters tell beginnings and endings.

    Args:
        width: The number of filters, which is the width of a word's vector.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.filters = nn.Linear(_WINDOW * _CHARACTER_WIDTH, width)

    def encode(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Encode distinct words; see `CharacterEncoder.encode`."""
        windows = self.table(_windows(characters, lengths)).flatten(1)
        matches = linear(windows, self.filters.weight, self.filters.bias)
        return _greatest(matches, lengths).tanh()


def _windows(characters: Tensor, lengths: Tensor) -> Tensor:
    """Return each character between its neighbours, `[C, 3]`."""
    ends = lengths.cumsum(0).to(characters.device)
    before, after = characters.roll(1), characters.roll(-1)
    before[0] = before[ends[:-1]] = _BORDER
    after[ends - 1] = _BORDER
    return torch.stack([before, characters, after], dim=1)


def _greatest(matches: Tensor, lengths: Tensor) -> Tensor:
    """Return the greatest of each word's rows, `[C, width]` to `[U, width]`; equal ones share its gradient."""
    # torch.segment_reduce is faster, but gives each of several equal ones a negative gradient in full.
    words = torch.arange(len(lengths)).repeat_interleave(lengths).to(matches.device)
    pooled = matches.new_zeros(len(lengths), matches.shape[1])
    places = words[:, None].expand_as(matches)
    return pooled.scatter_reduce(0, places, matches, "amax", include_self=False)


class CharacterRecurrence(CharacterEncoder):
    """Reads a word's characters forwards and backwards; its vector has both last hidden states (Lample et al. 2016).

    Args:
        width: The width of a word's vector; each direction has half of it.

    Raises:
        ConfigError: The width is odd.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        if width % 2:
            raise ConfigError(
                f"`characters` is {width}, which two directions can't share; make it even",
                setting="characters",
            )
        self.forwards = LSTM(_CHARACTER_WIDTH, width // 2)
        self.backwards = LSTM(_CHARACTER_WIDTH, width // 2)

    def encode(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Encode distinct words; see `CharacterEncoder.encode`."""
        vectors = self.table(characters)
        directions = (self.forwards, False), (self.backwards, True)
        # The first state of an LSTM is the hidden one.
        last = [unroll(cell, vectors, lengths, reverse=back)[1][0] for cell, back in directions]
        return torch.cat(last, dim=1)


#: The encoders by their names in a file.
CHARACTER_ENCODERS: Final[Mapping[str, type[CharacterEncoder]]] = {
    "convolution": CharacterConvolution,
    "recurrent": CharacterRecurrence,
}


def find_character_encoder(name: str, width: int) -> Callable[[], CharacterEncoder] | None:
    """Return what makes a character encoder by its name and width; None for a width of 0.

    Raises:
        ConfigError: There's none of this name.
    """
    if name not in CHARACTER_ENCODERS:
        known = " or ".join(f'"{each}"' for each in CHARACTER_ENCODERS)
        raise ConfigError(
            f'`character_encoder` is "{name}"; it may be {known}', setting="character_encoder"
        )
    return functools.partial(CHARACTER_ENCODERS[name], width) if width else None
