"""Contextual string embeddings: what language models of characters know at each word, as an input of the encoder."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import spacy
import torch
from numpy.typing import NDArray
from spacy.attrs import IDX, LENGTH
from spacy.language import Language
from spacy.tokens import Doc
from thinc.util import get_torch_default_device

import seqpipe
from seqpipe.adapters._input_shim import InputShim, input_shims
from seqpipe.adapters._language_model_pipe import LanguageModelPipe
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._pairs import text_lengths
from seqpipe.adapters._saved_language_model import load_language_model
from seqpipe.adapters._state_cache import StateFolder, digest
from seqpipe.devices import Placement
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.native import processor
from seqpipe.parts.language_models import TrainedModel
from seqpipe.parts.recurrence import engine_names
from seqpipe.storage.part_files import read_json, write_json

_SETTING: Final = "language_models"
_FACTORY: Final = "seqpipe_language_model"
#: How many bytes of states are kept in memory for a training. What doesn't fit is computed each time.
_MAX_KEPT: Final = 2**30


class StateReader:
    """A frozen language model of characters that gives each word of a text a vector (Akbik, Blythe & Vollgraf 2018).

    That of a forward model is its hidden state after the word's last character, and that of a backward one, which reads
    from the end on, the state after the word's first character: each has seen the whole word, and all on one side of it.

    Args:
        settings: Those of the model's component, which say what its network is.
        trained: The model.
        scale: What its states are multiplied by.
    """

    def __init__(self, settings: dict[str, Any], trained: TrainedModel, scale: float = 1.0) -> None:
        self.settings = settings
        self.trained = trained
        self.scale = scale
        self.to(get_torch_default_device())

    @property
    def width(self) -> int:
        """The width of a vector."""
        return self.trained.model.width

    def to(self, device: torch.device | str) -> None:
        """Move the model to a device."""
        self.trained.model.to(device).requires_grad_(False)

    def read(self, text: str, spans: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of words of a text, `[N, width]`, without the scale.

        Args:
            text: The text, which is read by itself.
            spans: Where each word begins and ends, `[N, 2]`, in characters.

        Raises:
            NotFiniteError: The model's weights overflow.
        """
        side = 1 if self.trained.direction == "forward" else 0
        states = self.trained.states(text, spans[:, side].tolist())
        found: NDArray[np.float32] = states.float().cpu().numpy()
        return found

    def identity(self) -> bytes:
        """Return what identifies the states that the model computes, to the last bit: its weights, and what computes them."""
        layers, weight = self.trained.model.layers, self.trained.model.embedding.weight
        computed = [
            *(seqpipe.__version__, torch.__version__, weight.device.type),
            *(processor(), os.environ.get("SEQPIPE_MARCH", "")),
            *engine_names(layers, weight.new_zeros(1, 1)).values(),
        ]
        return digest(pack(self._model_to_disk), *(each.encode() for each in computed))

    def to_disk(self, folder: Path) -> None:
        """Write everything into a folder."""
        self._model_to_disk(folder)
        write_json(folder / "scale.json", self.scale)

    def _model_to_disk(self, folder: Path) -> None:
        (folder / "model").mkdir(parents=True)
        self._on_cpu().to_disk(folder / "model")
        write_json(folder / "component.json", self.settings)

    def _on_cpu(self) -> TrainedModel:
        if self.trained.model.embedding.weight.device.type == "cpu":
            return self.trained
        made = _made(self.settings).plan.make(len(self.trained.vocabulary))
        made.load_state_dict({k: v.cpu() for k, v in self.trained.model.state_dict().items()})
        return TrainedModel(self.trained.vocabulary, made, direction=self.trained.direction)

    @classmethod
    def from_disk(cls, folder: Path) -> "StateReader":
        """Read what `to_disk` wrote.

        Raises:
            SavedModelError: It isn't there, or isn't whole.
        """
        settings, scale = read_json(folder / "component.json"), read_json(folder / "scale.json")
        if not isinstance(settings, dict) or not isinstance(scale, float):
            raise SavedModelError("a saved language model of the encoder is damaged: no settings")
        pipe = _made(settings)
        trained = TrainedModel.from_disk(folder / "model", pipe.plan.make)
        return cls(settings, trained, scale)


def _made(settings: dict[str, Any]) -> LanguageModelPipe:
    """Return the component of a language model with these settings, not trained yet."""
    made = spacy.blank("xx").create_pipe(_FACTORY, config=settings)
    if not isinstance(made, LanguageModelPipe):
        raise SavedModelError(f"{_FACTORY!r} names another component than seqpipe's")
    return made


def read_language_model(path: str) -> StateReader:
    """Return the language model of a saved pipeline.

    Raises:
        ConfigError: There's no such pipeline, or none with a language model of characters.
    """
    pipe, trained, settings = load_language_model(path, setting=_SETTING)
    if pipe.plan.unit != "character":
        message = f"`{_SETTING}` names {path}, whose model is one of {pipe.plan.unit}s; one of characters is needed"
        raise ConfigError(message, setting=_SETTING)
    return StateReader(settings, trained)


class ContextShim(InputShim):
    """Holds the frozen language models of an encoder, saved with it; what they compute is kept during a training.

    Args:
        paths: The pipelines that they're taken from when the encoder is initialised. One that's loaded has its own.

    Attributes:
        readers: The models; None before they're read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(None)
        self.readers: list[StateReader] | None = None
        self._paths = list(paths)
        #: By what identifies a text and its words. None: nothing is kept.
        self._kept: dict[bytes, NDArray[np.float32]] | None = None
        self._kept_bytes = 0
        self._folders: list[StateFolder] = []

    @property
    def width(self) -> int:
        """The width of a word's vector: that of all models together."""
        return sum(reader.width for reader in self._models())

    def try_build(self) -> None:
        """Read the language models, unless they're there.

        Raises:
            ConfigError: A path isn't that of a pipeline with a language model of characters.
        """
        if self.readers is None:
            self.readers = [read_language_model(path) for path in self._paths]
            self._move_models()

    def build(self, docs: Sequence[Doc]) -> None:
        """Read the language models, and choose scales by which their vectors have a root mean square of 1 on docs.

        Raises:
            ConfigError: As `try_build`.
        """
        self.forget()
        self.try_build()
        texts = [text for doc in docs for text in _texts(doc)]
        for reader in self._models():
            squares = [reader.read(*text).astype("float64") ** 2 for text in texts]
            mean = float(np.concatenate(squares).mean()) if any(map(len, squares)) else 0.0
            reader.scale = mean**-0.5 if mean else 1.0

    def vectors(self, docs: Sequence[Doc], *, is_train: bool) -> NDArray[np.float32]:
        """Return the vector of each token, `[N, width]`.

        A doc's vectors depend on nothing else. An update has them kept; see `keep`.
        """
        if is_train:
            self.keep()
        found = [self._of(*text) for doc in docs for text in _texts(doc)]
        return np.concatenate([np.zeros((0, self.width), dtype=np.float32), *found])

    def keep(self) -> None:
        """Keep vectors from now on until `forget` is called: in memory, and on disk for the next training."""
        if self._kept is None:
            self._kept = {}
            self._folders = [StateFolder(reader.identity()) for reader in self._models()]

    def forget(self) -> None:
        """Keep nothing in memory any more."""
        self._kept, self._kept_bytes, self._folders = None, 0, []

    def _of(self, text: str, spans: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._kept is None:
            return self._scaled([reader.read(text, spans) for reader in self._models()])
        key = digest(text.encode("utf-8", "surrogatepass"), spans.astype("<i8").tobytes())
        if key in self._kept:
            return self._kept[key]
        size = 4 * len(spans) * self.width
        if self._kept_bytes + size > _MAX_KEPT:
            return self._scaled([reader.read(text, spans) for reader in self._models()])
        states = []
        for reader, folder in zip(self._models(), self._folders, strict=True):
            found = folder.read(key, (len(spans), reader.width))
            if found is None:
                found = reader.read(text, spans)
                folder.write(key, found)
            states.append(found)
        self._kept[key] = self._scaled(states)
        self._kept_bytes += size
        return self._kept[key]

    def _scaled(self, states: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        pairs = zip(states, self._models(), strict=True)
        return np.concatenate([each * np.float32(reader.scale) for each, reader in pairs], axis=1)

    def _models(self) -> list[StateReader]:
        if self.readers is None:
            raise SavedModelError(
                "the encoder has no language models yet: call `nlp.initialize()`, or load a trained pipeline"
            )
        return self.readers

    @property
    def found_on(self) -> torch.device | None:
        """The device that the models are on, or None before they're read."""
        weights = (reader.trained.model.embedding.weight for reader in self.readers or [])
        return next((weight.device for weight in weights), None)

    def move(self, placement: Placement) -> None:
        """Move the models; see `seqpipe.adapters.move_pipeline`. They compute in float32 in any case."""
        self.forget()
        super().move(placement)
        self._move_models()

    def _move_models(self) -> None:
        if (device := self.placement.device) is not None:
            for reader in self.readers or []:
                reader.to(device)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the models to "cpu", or to the "gpu" of the given number."""
        self.forget()
        for reader in self.readers or []:
            reader.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")

    def copy(self) -> "ContextShim":
        """Return a shim of its own identity, with the same models."""
        copied = ContextShim(self._paths)
        copied.placement = self.placement
        return copied.from_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the models in one piece: their weights, vocabularies, settings and scales; nothing before they're read."""
        return b"" if self.readers is None else pack(self._to_disk)

    def _to_disk(self, folder: Path) -> None:
        for place, reader in enumerate(self._models()):
            reader.to_disk(folder / str(place))

    def from_bytes(self, data: bytes) -> "ContextShim":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else, or holds another number of models than the pipeline's configuration.
        """
        self.forget()
        self.readers = None
        if data:
            with unpacked(data, "language model of the encoder") as folder:
                if len(list(folder.iterdir())) != len(self._paths):
                    raise SavedModelError(
                        f"the encoder was saved with another number of language models than `{_SETTING}` names"
                    )
                places = range(len(self._paths))
                self.readers = [StateReader.from_disk(folder / str(place)) for place in places]
            self._move_models()
        return self


def _texts(doc: Doc) -> list[tuple[str, NDArray[np.int64]]]:
    """Return each text of a doc, one or a pair's, without a blank at its end, and where its words begin and end, `[N, 2]`."""
    found, first = [], 0
    for length in text_lengths(doc):
        span = doc[first : first + length]
        if length:
            places = doc.to_array([IDX, LENGTH])[first : first + length].astype(np.int64)
            starts = places[:, 0] - places[0, 0]
            found.append((span.text, np.stack([starts, starts + places[:, 1]], axis=1)))
        first += length
    return found


def context_shims(component: object) -> list[ContextShim]:
    """Return what holds the language models of the encoders of a component of spaCy's."""
    return [shim for shim in input_shims(component) if isinstance(shim, ContextShim)]


@contextlib.contextmanager
def keeping_states(nlp: Language) -> Iterator[None]:
    """Have the encoders of a pipeline keep meanwhile what their language models compute."""
    shims = [shim for _, component in nlp.pipeline for shim in context_shims(component)]
    for shim in shims:
        if shim.readers is not None:
            shim.keep()
    try:
        yield
    finally:
        for shim in shims:
            shim.forget()
