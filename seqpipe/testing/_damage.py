"""Has saved files read in a process of its own, whole and damaged.

What can crash or hang doesn't take this process along, and nothing that's only in memory helps.
"""

import contextlib
import functools
import multiprocessing
import pickle
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe._reader import Probe, serve
from seqpipe.parts.classifiers import Classifier
from seqpipe.parts.embedders import Embedder
from seqpipe.testing._check import BrokenError, Factory, NotApplicable, type_and_message

_SECONDS: Final = 10.0
_STARTING_SECONDS: Final = 120.0

#: What else might stand in a file: text, a number of elements that's far too large, another format.
_GARBAGE: Final = (b"what's this?", b"\xff" * 64, b"[]", b"{}", b"\0" * 4096)

#: What distinguishes embedders.
VECTORS: Final = Probe("vocabulary", "embed", asked=("zebra",), asks_names=True)

#: A file's name, what's done to it, and what it holds after; None if it's removed.
Damage = tuple[str, str, bytes | None]


class Reader:
    """A process that has read what a part wrote.

    Args:
        connection: Leads there.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def give(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """Return what's given there for some inputs.

        Raises:
            BrokenError: There's an error, or no answer.
        """
        self._connection.send(("give", inputs))
        answer = self.answer(_SECONDS, "asking there")
        if isinstance(answer, str):
            raise BrokenError(f"asking there: {answer}")
        given: NDArray[np.float32] = answer
        return given

    def read_damaged(self, folder: Path, what: str) -> str:
        """Have another part read a folder, and return what's wrong with how that went; "" for nothing.

        Raises:
            BrokenError: There's no answer; `what` says what was tried.
        """
        self._connection.send(("read", folder))
        complaint: str = self.answer(_SECONDS, what)
        return complaint

    def answer(self, seconds: float, what: str) -> Any:
        """Return what comes next."""
        try:
            if not self._connection.poll(seconds):
                raise BrokenError(f"{what}: it takes longer than {seconds:g} s")
            return self._connection.recv()
        except EOFError:
            raise BrokenError(f"{what}: it ends the process") from None


@contextlib.contextmanager
def reading(factory: Factory, folder: Path, probe: Probe = VECTORS) -> Iterator[Reader]:
    """Start a process that reads a folder, and end it when it's not needed any more.

    Args:
        factory: Makes the parts. It's pickled.
        folder: What a part wrote.
        probe: Says whether two parts have read the same.

    Raises:
        NotApplicable: No other process can make such parts.
        BrokenError: Reading the folder fails there.
    """
    try:
        pickled = pickle.dumps(factory)
    except Exception as error:
        raise NotApplicable(f"another process can't make it: {type_and_message(error)}") from error
    here, there = multiprocessing.Pipe()
    process = _context().Process(target=serve, args=(pickled, folder, there, probe), daemon=True)
    try:
        process.start()
        there.close()
        reader = Reader(here)
        _expect_made(reader)
        if complaint := reader.answer(_STARTING_SECONDS, "reading it in another process"):
            raise BrokenError(f"reading it in another process: {complaint}")
        yield reader
    finally:
        if process.pid:
            process.kill()
            process.join()
        here.close()


@functools.cache
def _context() -> Any:
    """Return what starts an interpreter that knows nothing of this one: torch's threads don't survive a fork.

    On Linux it's forked from a process that has imported what readers need, and no part: starting and
    importing take half a second otherwise, twice for each part.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


_PRELOADED: Final = (serve.__module__, Embedder.__module__, Classifier.__module__)


def _expect_made(reader: Reader) -> None:
    try:
        complaint = reader.answer(_STARTING_SECONDS, "making it")
    except BrokenError as error:
        complaint = str(error)
    if complaint:
        raise NotApplicable(f"another process can't make it: {complaint}")


def try_damaged(factory: Factory, folder: Path, probe: Probe = VECTORS) -> None:
    """Have parts read damaged copies of a folder.

    Args:
        factory: Makes the parts. It's pickled.
        folder: What a part wrote.
        probe: Says whether two parts have read the same.

    Raises:
        BrokenError: A copy was read without a `SavedModelError`, or crashed or hung the process.
        NotApplicable: As `reading`.
    """
    copies = damaged_copies(folder)
    with reading(factory, folder, probe) as reader:
        for damaged, what in copies:
            if complaint := reader.read_damaged(damaged, what):
                raise BrokenError(f"{what}: {complaint}")


def damaged_copies(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return copies of a folder with one file damaged in each, and what was done to it.

    Raises:
        BrokenError: There are no files.
    """
    damages = list(_damages(folder))
    if not damages:
        raise BrokenError("`to_disk` wrote nothing")
    return _copies(folder, damages)


def _damages(folder: Path) -> Iterator[Damage]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        yield name, "is missing", None
        yield name, "is empty", b""
        for kept in sorted({1, 8, len(data) // 10, len(data) // 2, len(data) - 1}):
            if 0 < kept < len(data):
                yield name, f"is cut to {kept} of {len(data)} bytes", data[:kept]
        for number, garbage in enumerate(_GARBAGE, start=1):
            yield name, f"holds something else (sample {number})", garbage


def _copies(folder: Path, damages: list[Damage]) -> Iterator[tuple[Path, str]]:
    for name, what, data in damages:
        with tempfile.TemporaryDirectory() as parent:
            copy = Path(parent) / "copy"
            shutil.copytree(folder, copy)
            if data is None:
                (copy / name).unlink()
            else:
                (copy / name).write_bytes(data)
            yield copy, f"{name} {what}"
