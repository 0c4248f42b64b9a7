"""The process in which `seqpipe.testing` has an embedder's or a classifier's files read.

It stands apart from the kit, whose import takes ten times as long, with torch and spaCy in it.
"""

import pickle
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError


@dataclass(frozen=True)
class Probe:
    """How it's told whether two parts have read the same.

    Attributes:
        names: The attribute that lists what a part knows.
        gives: The method that gives an array for some inputs.
        asked: The inputs.
        asks_names: Whether what it knows is asked for too.
    """

    names: str
    gives: str
    asked: tuple[Any, ...]
    asks_names: bool = False

    def inputs(self, part: Any) -> list[Any]:
        """Return what a part is asked for."""
        return [*(self.known(part) if self.asks_names else []), *self.asked]

    def known(self, part: Any) -> list[Any]:
        """Return what a part knows."""
        return list(getattr(part, self.names))

    def give(self, part: Any, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """Return what a part gives for some inputs."""
        given: NDArray[np.float32] = getattr(part, self.gives)(inputs)
        return given


def serve(pickled: bytes, intact: Path, connection: Connection, probe: Probe) -> None:
    """Read what a part wrote, and answer what's asked, with "" or a complaint, or with an array.

    Args:
        pickled: The factory of such parts.
        intact: What one wrote.
        connection: Leads to who asks: for what a part gives, or to read another folder. The first two
            answers are unasked: whether a part can be made, and whether it reads `intact`.
        probe: Tells whether two parts have read the same.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    try:
        factory: Callable[[], Any] = pickle.loads(pickled)
        whole = factory()
    except Exception as error:
        return connection.send(_said(error))
    connection.send("")
    try:
        whole.from_disk(intact)
    except Exception as error:
        return connection.send(_told(error))
    connection.send("")
    while True:
        asked, argument = connection.recv()
        if asked == "give":
            connection.send(_give(probe, whole, argument))
        else:
            connection.send(_read(factory, argument, whole, probe))


def _give(probe: Probe, part: Any, inputs: Sequence[Any]) -> NDArray[np.float32] | str:
    try:
        return probe.give(part, inputs)
    except Exception as error:
        return _told(error)


def _read(factory: Callable[[], Any], folder: Path, whole: Any, probe: Probe) -> str:
    part = factory()
    try:
        part.from_disk(folder)
    except SavedModelError:
        return ""
    except BaseException as error:
        return _told(error)
    inputs = probe.inputs(whole)
    # What was lost may not have mattered: white space at the end, a file that nobody reads.
    same = probe.known(part) == probe.known(whole) and np.array_equal(
        probe.give(part, inputs), probe.give(whole, inputs)
    )
    return "" if same else "it's read without an error, and gives something else"


def _told(error: BaseException) -> str:
    return f"it raised {_said(error)}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
