"""A language model with its vocabulary and its direction: from units to what they cost, and to more of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import torch

from seqpipe.errors import SavedModelError
from seqpipe.parts.language_models._fit import Fitting, Step, fit
from seqpipe.parts.language_models._model import LanguageModel
from seqpipe.parts.language_models._output import log_frequencies
from seqpipe.parts.language_models._sampling import check_sampling, sample
from seqpipe.parts.language_models._score import Encoded, Figures, Units, measure, surprisals
from seqpipe.parts.language_models._states import states_after
from seqpipe.parts.language_models._stream import join
from seqpipe.parts.language_models._vocabulary import Vocabulary
from seqpipe.storage.part_files import (
    read_any_settings,
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)

#: Which way a model reads: a backward one predicts each unit from those after it.
Direction: TypeAlias = Literal["forward", "backward"]

_SETTINGS: Final = "language-model.json"
_UNITS: Final = "units.json"
_WEIGHTS: Final = "weights.safetensors"
_KIND: Final = "LanguageModel"


class TrainedModel:
    """A language model of units.

    Args:
        vocabulary: Numbers the units.
        model: The network, of as many units.
        direction: Which way it reads.
    """

    def __init__(
        self, vocabulary: Vocabulary, model: LanguageModel, *, direction: Direction
    ) -> None:
        self.vocabulary = vocabulary
        self.model = model
        self.direction: Direction = direction

    def fit(self, train: Sequence[Units], dev: Sequence[Units], fitting: Fitting) -> Iterator[Step]:
        """Train the model on the units of texts, from their frequencies on; see `seqpipe.parts.language_models.fit`."""
        texts = self._encoded(train)
        self.model.output.begin_at(self._counts(texts))
        return fit(self.model, texts, self._encoded(dev), fitting)

    def by_frequencies(self, train: Sequence[Units], dev: Sequence[Units]) -> Figures:
        """Return how well the frequencies of the units in texts predict others, whatever comes before a unit.

        Args:
            train: The texts with the frequencies.
            dev: What they predict; may not be empty.
        """
        costs = -log_frequencies(self._counts(self._encoded(train))).double() / math.log(2)
        texts = self._encoded(dev)
        # The first end is one before the texts.
        units = join(text.units for text in texts)[1:]
        characters = sum(text.characters for text in texts)
        return Figures(costs[units].sum().item(), len(units), characters)

    def _counts(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Return how often each unit occurs in texts, the ends of them included, `[size]`."""
        stream = join(text.units for text in texts)
        return torch.bincount(stream, minlength=len(self.vocabulary))

    def measure(self, texts: Iterable[Units]) -> Figures:
        """Return how well texts are predicted, each by itself.

        Raises:
            DataError: There's no text.
            NotFiniteError: The weights overflow.
        """
        return measure(self.model, self._encoded(texts))

    def surprisals(self, texts: Iterable[Sequence[str]]) -> list[list[float]]:
        """Return what the units of texts cost, in bits: for each text those of its units, in order, and of its end.

        The end of a text that's read backward is where it begins; it still comes last.

        Raises:
            NotFiniteError: The weights overflow.
        """
        found = surprisals(self.model, [self._numbers(text) for text in texts])
        return [self._in_order(each.tolist()) for each in found]

    def states(self, text: Sequence[str], borders: Sequence[int]) -> torch.Tensor:
        """Return what the model knows at borders between units of a text, `[M, width]`: its last layer's hidden state.

        Args:
            text: The units, n of them.
            borders: Each within 0 and n; i is between the units i - 1 and i. At a border, a forward model has read all
                that's before it, and a backward one all that's after it.

        Raises:
            NotFiniteError: The weights overflow.
        """
        places = torch.tensor(borders, dtype=torch.int64, device="cpu")
        read = places if self.direction == "forward" else len(text) - places
        return states_after(self.model, self._numbers(text), read)

    def generate(
        self,
        prompt: Sequence[str],
        *,
        length: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return the units that the model goes on with, in the order of the text; see `sample`.

        Args:
            prompt: The units that the text begins with; of a backward model, that it ends with.
            length: How many are drawn at most.
            temperature: See `restrict`.
            top_k: See `restrict`.
            top_p: See `restrict`.
            seed: Decides what's drawn; None for something else each time.

        Raises:
            ConfigError: As `check_sampling`.
        """
        check_sampling(length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        generator = torch.Generator(device="cpu")
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        self.model.eval()
        drawn = sample(
            self.model,
            self._numbers(prompt),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            generator=generator,
        )
        units = self.vocabulary.decode(drawn)
        return units if self.direction == "forward" else units[::-1]

    def _encoded(self, texts: Iterable[Units]) -> list[Encoded]:
        return [Encoded(self._numbers(text.units), text.characters) for text in texts]

    def _numbers(self, units: Sequence[str]) -> list[int]:
        numbers = self.vocabulary.encode(units)
        return numbers if self.direction == "forward" else numbers[::-1]

    def _in_order(self, costs: list[float]) -> list[float]:
        return costs if self.direction == "forward" else [*costs[-2::-1], costs[-1]]

    def to_disk(self, folder: Path) -> None:
        """Write the model's files.

        Raises:
            SavedModelError: One can't be written.
        """
        write_settings(folder / _SETTINGS, {"direction": self.direction}, kind=_KIND)
        write_words(folder / _UNITS, self.vocabulary.units)
        weights = {name: value.cpu().numpy() for name, value in self._weights().items()}
        write_arrays(folder / _WEIGHTS, weights)

    @staticmethod
    def none_to_disk(folder: Path) -> None:
        """Write that there's no model, whichever one has its files there.

        Raises:
            SavedModelError: It can't be written.
        """
        write_settings(folder / _SETTINGS, {"trained": False}, kind=_KIND)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Return whether a folder holds a model: not if it's empty, or `none_to_disk` has written there since.

        Raises:
            SavedModelError: A file can't be read.
        """
        if not any(folder.iterdir()):
            return False
        return bool(read_any_settings(folder / _SETTINGS, kind=_KIND).get("trained", True))

    @classmethod
    def from_disk(cls, folder: Path, make: Callable[[int], LanguageModel]) -> "TrainedModel":
        """Read what `to_disk` wrote.

        Args:
            folder: Where the files are.
            make: Makes the network from the number of units.

        Raises:
            SavedModelError: A file can't be read, or the weights aren't those of such a network.
        """
        direction = read_settings(folder / _SETTINGS, {"direction": str}, kind=_KIND)["direction"]
        if direction not in ("forward", "backward"):
            raise SavedModelError(
                f"{folder / _SETTINGS} is damaged: its direction is {direction!r}"
            )
        vocabulary = Vocabulary(read_words(folder / _UNITS))
        trained = cls(vocabulary, make(len(vocabulary)), direction=direction)
        arrays = read_arrays(folder / _WEIGHTS)
        own = trained._weights()
        shapes = {name: tuple(value.shape) for name, value in own.items()}
        if {name: array.shape for name, array in arrays.items()} != shapes:
            raise SavedModelError(
                f"{folder / _WEIGHTS} holds the weights of another network than its pipeline's config describes"
            )
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(torch.from_numpy(arrays[name]))
        return trained

    def _weights(self) -> dict[str, torch.Tensor]:
        """Return the weights and buffers by name; tied ones once."""
        module = self.model
        named = [*module.named_parameters(), *module.named_buffers()]
        return {name: value.detach() for name, value in named}
