"""Frozen vectors of tokens as further inputs of the encoder."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import Model
from thinc.shims import Shim

from seqpipe.devices import Placement


class InputShim(Shim):  # type: ignore[misc]
    """Holds what computes vectors of tokens in their texts; it's read at initialisation, saved with the encoder, and frozen."""

    #: Where vectors are computed.
    placement = Placement()

    @property
    @abstractmethod
    def width(self) -> int:
        """The width of a token's vector."""

    @abstractmethod
    def try_build(self) -> None:
        """Read what it's made of, unless that's there.

        Raises:
            ConfigError: It can't be had.
        """

    @abstractmethod
    def build(self, docs: Sequence[Doc]) -> None:
        """Read what it's made of, for docs like these.

        Raises:
            ConfigError: As `try_build`.
        """

    @abstractmethod
    def vectors(self, docs: Sequence[Doc], *, is_train: bool) -> NDArray[np.float32]:
        """Return the vector of each token, `[N, width]`. A doc's vectors depend on nothing else."""

    def finish_update(self, optimizer: Any) -> None:
        """Do nothing: nothing is trained."""

    @property
    def found_on(self) -> torch.device | None:
        """The device that vectors are computed on, or None if there's no choice."""
        return None

    def move(self, placement: Placement) -> None:
        """Have vectors computed elsewhere, now and once it's read; see `seqpipe.adapters.move_pipeline`."""
        self.placement = placement

    def to_device(self, device_type: str, device_id: int) -> None:
        """Do nothing; overridden where vectors are computed on a GPU."""


def input_shims(model: object) -> list[InputShim]:
    """Return those of a model, or of a component of spaCy's."""
    model = getattr(model, "model", model)
    if not isinstance(model, Model):
        return []
    return [shim for node in model.walk() for shim in node.shims if isinstance(shim, InputShim)]
