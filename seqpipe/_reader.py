"""The process in which `seqpipe.testing` has an embedder's files read.

It stands apart from the kit, whose import takes ten times as long, with torch and spaCy in it.
"""

import pickle
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders import Embedder


def serve(pickled: bytes, intact: Path, connection: Connection) -> None:
    """Read what an embedder wrote, and answer what's asked, with "" or a complaint, or with vectors.

    Args:
        pickled: The factory of the embedders.
        intact: What one wrote.
        connection: Leads to who asks: for the vectors of words, or to read another folder. The first two
            answers are unasked: whether an embedder can be made, and whether it reads `intact`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    try:
        factory: Callable[[], Embedder] = pickle.loads(pickled)
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
        answer = _embed(whole, argument) if asked == "embed" else _read(factory, argument, whole)
        connection.send(answer)


def _embed(embedder: Embedder, words: Sequence[str]) -> NDArray[np.float32] | str:
    try:
        return embedder.embed(words)
    except Exception as error:
        return _told(error)


def _read(factory: Callable[[], Embedder], folder: Path, whole: Embedder) -> str:
    embedder = factory()
    try:
        embedder.from_disk(folder)
    except SavedModelError:
        return ""
    except BaseException as error:
        return _told(error)
    words = [*whole.vocabulary, "zebra"]
    # What was lost may not have mattered: white space at the end, a file that nobody reads.
    same = list(embedder.vocabulary) == list(whole.vocabulary) and np.array_equal(
        embedder.embed(words), whole.embed(words)
    )
    return "" if same else "it's read without an error, and gives other vectors"


def _told(error: BaseException) -> str:
    return f"it raised {_said(error)}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
